import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { requestOf } from '../../eval/chat.ts'
import type { GoldenCase } from '../../eval/golden-set.ts'
import type { Prompt } from '../../eval/prompt.ts'
import { ARM_RETRIES, type Asking, type AskingOptions, askingOf, askModel } from '../asking.ts'
import type { Action, Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { Failure } from '../failure.ts'
import { plural } from '../format.ts'
import { openJournal } from '../journal.ts'
import { type AskedModel, armsOf, configFor, modelNameOf, modelsOf } from '../models.ts'
import { together } from '../paced.ts'
import { progressOf } from '../progress.ts'
import { type PromptOptions, promptsOf } from '../prompts.ts'

/** `headgate golden record`: what control answers to a set of prompts, kept. */

export interface RecordOptions extends AskingOptions, PromptOptions {
  readonly rollout?: string | undefined
  readonly from?: string
  readonly out: string
  readonly times: number
}

type Json = GoldenCase['request']

export const run: Action<RecordOptions> = async (options, context) => {
  const { output } = context
  const { prompts, from } = promptsOf(options, context)
  const model = modelOf(options, context)
  const requests = prompts.map((prompt) => ({
    prompt,
    request: requestFor(prompt, model, options),
  }))
  if (options.dryRun) {
    const asks = prompts.length * options.times
    output.document({ ok: true, dryRun: true, from: model.label, cases: prompts.length, asks })
    output.line(`${model.label}, ${model.wire}: ${plural(prompts.length, 'case')} of ${from}`)
    output.line(`asks  ${plural(asks, 'answer')}, ${options.times} a case`)
    return EXIT.ok
  }
  const asking = askingOf(options, context)
  const key = [model.label, model.wire, model.at.origin, model.at.basePath, requests, options.times]
  const header = {
    headgate: 'golden',
    version: 1,
    plan: createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 12),
    rollout: options.rollout ?? null,
    recordedFrom: model.label,
    ids: prompts.map(({ id }) => id),
  } as const
  const set = openJournal<GoldenCase>(
    resolve(context.cwd, options.out),
    header,
    options.fresh === true,
  )
  const kept = new Set(set.before.map(({ id }) => id))
  const failures = new Map<string, string>()
  const open = requests.filter(({ prompt }) => !kept.has(prompt.id))
  const progress = progressOf(context, 'recorded', prompts.length, kept.size)
  try {
    await together(open, options.concurrency, asking.signal, async ({ prompt, request }) => {
      const answers = await answersOf(model, request, options.times, asking)
      if (typeof answers === 'string') {
        if (answers !== 'cancelled') failures.set(prompt.id, answers)
        return
      }
      const { id, domain, language, tier } = prompt
      const recordedAt = new Date().toISOString()
      const endpoint = model.wire
      set.append({
        type: 'case',
        id,
        domain,
        language,
        tier,
        endpoint,
        request,
        answers,
        recordedAt,
      })
      kept.add(id)
      progress.step()
    })
  } finally {
    progress.end()
    set.close()
    asking.end()
  }
  return say(kept.size, failures, prompts.length, asking, options, context)
}

function modelOf(options: RecordOptions, context: Context): AskedModel {
  const read = configFor(options.config, context)
  const name =
    options.from !== undefined
      ? modelNameOf(options.from, '--from', read)
      : options.rollout !== undefined
        ? armsOf(options.rollout, options.model, read).control
        : null
  if (name === null) {
    throw new Failure(
      EXIT.usage,
      'whose answers are golden? Name a rollout, or --from',
      `For example ${context.self} golden record relay --prompts prompts.jsonl --out golden/relay.jsonl.`,
    )
  }
  return modelsOf([name], options.endpoint, read, context)[0] as AskedModel
}

function requestFor({ messages, params }: Prompt, model: AskedModel, options: RecordOptions): Json {
  const mostTokens = options.maxTokens ?? null
  return requestOf(model.wire, model.model, messages, mostTokens, params) as Json
}

/** @returns how it ended where one of them is no good answer: half a case is none */
async function answersOf(
  model: AskedModel,
  request: Json,
  times: number,
  asking: Asking,
): Promise<Json[] | string> {
  const answers: Json[] = []
  for (let time = 0; time < times; time++) {
    const reply = await askModel(model, model.wire, request, ARM_RETRIES, asking)
    if (reply.outcome !== 'ok') return reply.outcome
    answers.push(JSON.parse(new TextDecoder().decode(reply.body)))
  }
  return answers
}

function say(
  recorded: number,
  failures: ReadonlyMap<string, string>,
  cases: number,
  { signal }: Asking,
  { out }: RecordOptions,
  { output }: Context,
): number {
  const ok = recorded === cases
  const failed = [...failures].map(([id, outcome]) => ({ id, outcome }))
  output.document({ ok, out, cases, recorded, failed })
  output.line(`recorded  ${recorded} of ${plural(cases, 'case')} in ${out}`)
  for (const { id, outcome } of failed) output.line(`missing   ${id}: ${outcome}`)
  if (signal.aborted) {
    output.fail(`stopped: ${recorded} are kept`, 'The same command goes on from there.')
    return EXIT.interrupted
  }
  if (ok) return EXIT.ok
  output.fail(
    `${plural(cases - recorded, 'case')} of ${cases} could not be recorded`,
    'The same command asks for them again, and for nothing else.',
  )
  return EXIT.failed
}
