import { hashOf } from '../../src/judge/hash.ts'
import { type ScriptedUpstream, startScripted } from './scripted-upstream.ts'

/**
 * Models whose merit is known, and a judge that finds it out with some noise: over real sockets, so that only what is said is
 * made up. An answer carries its merit and its task; nobody but the judge reads them.
 */

export interface ArmOptions {
  readonly name: string
  /** Of 10, by task. */
  readonly merit: (task: string) => number
  /** Milliseconds; none unless given. */
  readonly slowMs?: number
  /** Tasks that are answered with this status. */
  readonly fails?: (task: string) => number | null
  /** In place of the usual text. */
  readonly text?: (task: string) => string
}

/** A value in -1..1 that a text decides. */
export function noiseOf(text: string): number {
  return ((hashOf(text)[0] >>> 0) / 0xffff_ffff) * 2 - 1
}

/** A prompt whose answer a judge can weigh: its task is in its text. */
export function taskText(task: string): string {
  return `task=${task};`
}

function taskOf(text: string): string {
  return /task=([\w.-]+);/.exec(text)?.[1] ?? 'none'
}

export function startArm({ name, merit, fails, text, slowMs }: ArmOptions) {
  return startScripted((request, response) => {
    const body = JSON.parse(String(request.body))
    const task = taskOf(body.messages.map((one: { content: string }) => one.content).join('\n'))
    const status = fails?.(task) ?? null
    if (status !== null) {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end('{"error":{"message":"no","type":"server_error"}}')
      return
    }
    const said =
      text?.(task) ?? `answer of ${name}: ${taskText(task)} merit=${merit(task).toFixed(3)};`
    const reply = (): void => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(chatAnswer(body.model, said))
    }
    if (slowMs === undefined) reply()
    else setTimeout(reply, slowMs)
  })
}

export interface JudgeOptions {
  /** Points of 10 that it gives to what it reads first. */
  readonly bias?: number
  /** How far it is off, of 10; 1 unless given. */
  readonly noise?: number
  /** What it says in place of a verdict; null for a verdict. */
  readonly instead?: (ask: JudgeAsk) => string | null
}

export interface JudgeAsk {
  readonly index: number
  readonly task: string
  readonly first: string
  readonly second: string
  readonly nonce: string
}

export function startJudge({
  bias = 0,
  noise = 1,
  instead,
}: JudgeOptions = {}): Promise<ScriptedUpstream> {
  return startScripted((request, response) => {
    const body = JSON.parse(String(request.body))
    const ask = judgeAskOf(body, request.index)
    const clamp = (score: number): number =>
      Math.round(Math.max(0, Math.min(10, score)) * 100) / 100
    const scoresOf = (answer: string, gain: number, place: string) => {
      const known = Number(/merit=(-?[\d.]+);/.exec(answer)?.[1] ?? 5)
      const merit = taskOf(answer) === taskOf(ask.task) ? known : 1
      return Object.fromEntries(
        ['correctness', 'code_quality', 'edge_cases', 'documentation'].map((criterion) => {
          const off = noise * noiseOf(`${criterion}/${place}/${answer}/${ask.task}`)
          return [criterion, clamp(merit + gain + off)]
        }),
      )
    }
    const verdict = JSON.stringify({
      frame: ask.nonce,
      why: 'so it is',
      first: scoresOf(ask.first, bias, 'first'),
      second: scoresOf(ask.second, 0, 'second'),
    })
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(chatAnswer(body.model, instead?.(ask) ?? verdict))
  })
}

function judgeAskOf(
  body: { readonly messages: readonly { readonly role: string; readonly content: string }[] },
  index: number,
): JudgeAsk {
  const user = body.messages.at(-1)?.content ?? ''
  const part = (name: string): readonly [string, string] => {
    const [, nonce = '', text = ''] =
      new RegExp(`<<<${name} (\\w+)\\n([\\s\\S]*?)\\n${name} \\1>>>`).exec(user) ?? []
    return [nonce, text]
  }
  const [nonce, task] = part('TASK')
  return { index, task, nonce, first: part('FIRST')[1], second: part('SECOND')[1] }
}

function chatAnswer(model: string, content: string): string {
  return JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
  })
}
