import { type Content, type Pair, REDACTED, type Side } from '../types.ts'
import { type GoldenEndpoint, type GoldenQuestion, goldenQuestionOf } from './golden-question.ts'

/**
 * A pair whose texts were captured, as a case of a golden set. What is kept of an answer is what it said, so the body of the
 * recorded answer is made anew around it: `compare/read-answer.ts` reads the same out of it.
 */

type Fields = Readonly<Record<string, unknown>>

export interface PairCase extends GoldenQuestion {
  readonly type: 'case'
  /** Of the pair. */
  readonly id: string
  readonly domain: 'traffic'
  readonly language: 'none'
  readonly tier: 'none'
  readonly answers: readonly Fields[]
  readonly recordedAt: string
}

export type Made =
  | { readonly ok: true; readonly case: PairCase }
  /** For a person: why it cannot be one. */
  | { readonly ok: false; readonly why: string }

/**
 * Control's answers are right; the canary's is too where a person has accepted it.
 * @param recordedAt ISO 8601, UTC
 */
export function goldenCaseOf(pair: Pair, accepted: boolean, recordedAt: string): Made {
  const question = goldenQuestionOf(pair)
  if (question === null) return no('The request was not captured, or cannot be asked again.')
  const { control, again, canary } = pair
  const right = [control, ...(again === null ? [] : [again]), ...(accepted ? [canary] : [])]
  const answers: Fields[] = []
  for (const side of right) {
    if (side.outcome !== 'ok') return no('An answer that failed is not golden.')
    if (side.content === null) return no('Its texts are not kept.')
    if (!isWhole(side, side.content)) return no('An answer was redacted, or cut where it was kept.')
    answers.push(bodyOf(question.endpoint, side, side.content))
  }
  const { id } = pair
  const about = { domain: 'traffic', language: 'none', tier: 'none' } as const
  return { ok: true, case: { type: 'case', id, ...about, ...question, answers, recordedAt } }
}

/** A golden set as its file is: a header, and a case a line. */
export function goldenSetText(rollout: string, cases: readonly PairCase[]): string {
  const ids = cases.map(({ id }) => id)
  const recordedFrom = `pairs of ${rollout}`
  const header = { headgate: 'golden', version: 1, plan: 'pairs', rollout, recordedFrom, ids }
  return [header, ...cases].map((line) => `${JSON.stringify(line)}\n`).join('')
}

function no(why: string): Made {
  return { ok: false, why }
}

/** What a bound took out is missing in its length, or has left no JSON; what redaction took out has left its mark. */
function isWhole({ textLength, tools }: Side, content: Content): boolean {
  return (
    (content.text?.length ?? null) === textLength &&
    content.tools.length === tools.length &&
    content.tools.every((tool) => inputOf(tool.arguments) !== undefined) &&
    ![content.text ?? '', ...content.tools.map((tool) => tool.arguments)].join().includes(REDACTED)
  )
}

function inputOf(text: string): unknown {
  if (text === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function bodyOf(endpoint: GoldenEndpoint, side: Side, { text, tools }: Content): Fields {
  const { finishReason, modelAnswered } = side
  const model = modelAnswered === null ? {} : { model: modelAnswered }
  switch (endpoint) {
    case 'chat': {
      const calls = tools.map(({ name, arguments: given }, at) => ({
        id: `call_${at}`,
        type: 'function',
        function: { name, arguments: given },
      }))
      const message = {
        role: 'assistant',
        content: text,
        ...(calls.length === 0 ? {} : { tool_calls: calls }),
      }
      const choices = [{ index: 0, message, finish_reason: finishReason }]
      return { object: 'chat.completion', ...model, choices }
    }
    case 'completions': {
      const choices = [{ index: 0, text: text ?? '', finish_reason: finishReason }]
      return { object: 'text_completion', ...model, choices }
    }
    case 'messages': {
      const said = text === null ? [] : [{ type: 'text', text }]
      const calls = tools.map(({ name, arguments: given }, at) => ({
        type: 'tool_use',
        id: `toolu_${at}`,
        name,
        input: inputOf(given),
      }))
      const content = [...said, ...calls]
      return { type: 'message', role: 'assistant', ...model, content, stop_reason: finishReason }
    }
    case 'responses': {
      const said = [{ type: 'output_text', text, annotations: [] }]
      const message = { type: 'message', role: 'assistant', status: 'completed', content: said }
      const calls = tools.map(({ name, arguments: given }, at) => ({
        type: 'function_call',
        call_id: `call_${at}`,
        name,
        arguments: given,
      }))
      const output = [...(text === null ? [] : [message]), ...calls]
      const end =
        finishReason === null || finishReason === 'completed'
          ? { status: 'completed' }
          : { status: 'incomplete', incomplete_details: { reason: finishReason } }
      return { object: 'response', ...model, ...end, output }
    }
  }
}
