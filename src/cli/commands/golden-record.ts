import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { requestOf } from '../../eval/chat.ts'
import { type GoldenCase, type GoldenHeader, goldenHeaderOf } from '../../eval/golden-set.ts'
import { ARM_RETRIES, type Asking, type AskingOptions, askingOf, askModel } from '../asking.ts'
import type { Action, Context } from '../command.ts'
import { type ConnectOptions, connect } from '../connect.ts'
import { EXIT } from '../exit.ts'
import { Failure } from '../failure.ts'
import { plural } from '../format.ts'
import { openJournal } from '../journal.ts'
import {
  type AskedModel,
  armsOf,
  configFor,
  type ModelName,
  modelNameOf,
  modelsOf,
  upstreamsOf,
} from '../models.ts'
import { together } from '../paced.ts'
import { progressOf } from '../progress.ts'
import { type PromptOptions, promptsOf } from '../prompts.ts'
import { drawnFrom, questionOf, type TrafficQuestion } from '../traffic.ts'

/** `headgate golden record`: what control answers to a set of prompts, or to what callers asked, kept. */

export interface RecordOptions extends AskingOptions, PromptOptions, ConnectOptions {
  readonly rollout?: string | undefined
  readonly from?: string
  readonly traffic?: true
  readonly out: string
  readonly times: number
  readonly config?: string
}

type Json = GoldenCase['request']

/** A case before it has its answers. */
interface Question extends Pick<GoldenCase, 'id' | 'domain' | 'language' | 'tier' | 'endpoint'> {
  readonly request: Json
  readonly model: AskedModel
}

/** What is to be recorded. */
interface Job {
  readonly header: GoldenHeader
  readonly questions: readonly Question[]
  /** Ids that nobody can ask any more, and why. */
  readonly lost: ReadonlyMap<string, string>
  readonly from: string
}

/** Questions drawn from traffic unless told otherwise. */
const DRAWN = 50

export const run: Action<RecordOptions> = async (options, context) => {
  const { output } = context
  const job = options.traffic ? await trafficJob(options, context) : promptJob(options, context)
  const { header, questions } = job
  if (options.dryRun) {
    const asks = questions.length * options.times
    const { recordedFrom: from } = header
    output.document({ ok: true, dryRun: true, from, cases: header.ids.length, asks })
    output.line(`${from}: ${plural(questions.length, 'case')} of ${job.from}`)
    output.line(`asks  ${plural(asks, 'answer')}, ${options.times} a case`)
    return EXIT.ok
  }
  const asking = askingOf(options, context)
  const set = openJournal<GoldenCase>(
    resolve(context.cwd, options.out),
    header,
    options.fresh === true,
  )
  const kept = new Set(set.before.map(({ id }) => id))
  const failures = new Map([...job.lost].filter(([id]) => !kept.has(id)))
  const open = questions.filter(({ id }) => !kept.has(id))
  const progress = progressOf(context, 'recorded', header.ids.length, kept.size)
  try {
    await together(open, options.concurrency, asking.signal, async ({ model, ...question }) => {
      const answers = await answersOf(model, question, options.times, asking)
      if (typeof answers === 'string') {
        if (answers !== 'cancelled') failures.set(question.id, answers)
        return
      }
      set.append({ type: 'case', ...question, answers, recordedAt: new Date().toISOString() })
      kept.add(question.id)
      progress.step()
    })
  } finally {
    progress.end()
    set.close()
    asking.end()
  }
  return say(kept.size, failures, header.ids.length, asking, options, context)
}

function promptJob(options: RecordOptions, context: Context): Job {
  const { prompts, from } = promptsOf(options, context)
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
  const model = modelsOf([name], options.endpoint, read, context)[0] as AskedModel
  const mostTokens = options.maxTokens ?? null
  const questions = prompts.map((prompt): Question => {
    const { id, domain, language, tier, messages, params } = prompt
    const request = requestOf(model.wire, model.model, messages, mostTokens, params) as Json
    return { id, domain, language, tier, endpoint: model.wire, request, model }
  })
  const asked = questions.map(({ id, request }) => [id, request])
  const place = [model.label, model.wire, model.at.origin, model.at.basePath]
  const header = headerOf([...place, asked, options.times], {
    rollout: options.rollout ?? null,
    recordedFrom: model.label,
    ids: prompts.map(({ id }) => id),
  })
  return { header, questions, lost: new Map(), from }
}

/** What was drawn the first time is gone on with: its ids are in the set, and its texts with the control plane. */
async function trafficJob(options: RecordOptions, context: Context): Promise<Job> {
  const { rollout, out, seed, limit = DRAWN } = options
  if (rollout === undefined) {
    throw new Failure(EXIT.usage, '--traffic: of which rollout?', 'Name it.')
  }
  const read = configFor(options.config, context)
  const { control } = upstreamsOf(rollout, read)
  const client = connect(options, context)
  const parts = ['traffic', rollout, control, options.model, seed, limit, options.times]
  const { plan } = headerOf(parts, { rollout, recordedFrom: control, ids: [] })
  const file = resolve(context.cwd, out)
  const before =
    existsSync(file) && !options.fresh ? goldenHeaderOf(readFileSync(file, 'utf8')) : null
  const lost = new Map<string, string>()
  const drawn: TrafficQuestion[] = []
  if (before === null || before.plan !== plan) {
    drawn.push(...(await drawnFrom(client, rollout, limit, seed)))
  } else {
    for (const id of before.ids) {
      const question = await questionOf(client, id)
      if (question === null) lost.set(id, 'its question is kept no longer')
      else drawn.push(question)
    }
  }
  const nameOf = ({ request }: TrafficQuestion): ModelName => ({
    upstream: control,
    model: options.model ?? (typeof request['model'] === 'string' ? request['model'] : ''),
  })
  const names = new Map(drawn.map((one) => [nameOf(one).model, nameOf(one)]))
  const models = new Map(
    modelsOf([...names.values()], 'chat', read, context).map((one) => [one.model, one]),
  )
  const questions = drawn.map((one): Question => {
    const model = models.get(nameOf(one).model) as AskedModel
    const request = { ...one.request, model: model.model }
    const { id, endpoint } = one
    return { id, domain: 'traffic', language: 'none', tier: 'none', endpoint, request, model }
  })
  const ids = before?.plan === plan ? before.ids : drawn.map(({ id }) => id)
  const header = headerOf(parts, { rollout, recordedFrom: control, ids })
  return { header, questions, lost, from: `the traffic of ${rollout}` }
}

function headerOf(
  parts: readonly unknown[],
  more: Pick<GoldenHeader, 'rollout' | 'recordedFrom' | 'ids'>,
): GoldenHeader {
  const plan = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)
  return { headgate: 'golden', version: 1, plan, ...more }
}

/** @returns how it ended where one of them is no good answer: half a case is none */
async function answersOf(
  model: AskedModel,
  { endpoint, request }: Pick<Question, 'endpoint' | 'request'>,
  times: number,
  asking: Asking,
): Promise<Json[] | string> {
  const answers: Json[] = []
  for (let time = 0; time < times; time++) {
    const reply = await askModel(model, endpoint, request, ARM_RETRIES, asking)
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
