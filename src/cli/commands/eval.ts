import { createHash, randomUUID } from 'node:crypto'
import { type Showing, SIDES, type Side, showingKey, showingsOf } from '../../eval/blind.ts'
import { chanceFrom, shuffled } from '../../eval/chance.ts'
import { requestOf } from '../../eval/chat.ts'
import { gradeOf } from '../../eval/grade.ts'
import type { CheckRecord, EvalRecord, JudgementRecord } from '../../eval/records.ts'
import {
  differencesTable,
  type EvalNames,
  evalJUnit,
  evalMarkdown,
  footnote,
  judgeWords,
  sidesTable,
} from '../../eval/report.ts'
import { type EvalPlan, type EvalResult, resultOf } from '../../eval/result.ts'
import { DEFAULT_RUBRIC, parseRubric, type Rubric } from '../../eval/rubric.ts'
import type { Outcome } from '../../types.ts'
import {
  ARM_RETRIES,
  type Asking,
  type AskingOptions,
  askingOf,
  askModel,
  exitOf,
  journalFileOf,
  type ReportOptions,
  VERDICT_STYLES,
} from '../asking.ts'
import type { Action, Context } from '../command.ts'
import { EvalBook } from '../eval-book.ts'
import { executorOf } from '../execute.ts'
import { EXIT } from '../exit.ts'
import { Failure } from '../failure.ts'
import { plural, usdText } from '../format.ts'
import { openJournal } from '../journal.ts'
import { type AskedModel, armsOf, configFor, modelNameOf, modelsOf } from '../models.ts'
import { together } from '../paced.ts'
import { progressOf } from '../progress.ts'
import { type PromptOptions, promptsOf } from '../prompts.ts'
import { textOfFile, writeReport } from '../report-files.ts'
import { aligned } from '../table.ts'

/** `headgate eval`: both answer, a judge scores blind, and the numbers say whether the difference is more than noise. */

export interface EvalOptions extends AskingOptions, ReportOptions, PromptOptions {
  readonly rollout?: string | undefined
  readonly a?: string
  readonly b?: string
  readonly judge?: string
  readonly rubric?: string
  readonly runChecks?: true
  readonly margin: number
  readonly decoys: number
}

export const run: Action<EvalOptions> = async (options, context) => {
  const job = jobOf(options, context)
  if (options.dryRun) return sayPlan(job, context)
  const asking = askingOf(options, context)
  const journal = openJournal<EvalRecord>(
    journalFileOf('eval', job.key, options, context),
    { headgate: 'eval', version: 1, plan: job.key },
    options.fresh === true,
  )
  const book = new EvalBook(journal, options.retryFailed === true)
  const before = book.records.length
  try {
    await answers(job, book, asking, context)
    if (job.plan.checked) await checks(job, book, asking, context)
    if (
      job.judge !== null &&
      [job.models.a, job.models.b].some(({ label }) => label === job.judge?.label)
    ) {
      context.output.say(
        'The judge is one of the two: models like their own answers. Name another with --judge.',
      )
    }
    if (job.judge !== null) await judgements(job, job.judge, book, asking, context)
  } finally {
    journal.close()
    asking.end()
  }
  if (asking.signal.aborted) {
    context.output.fail(
      `stopped: ${plural(book.records.length, 'record')} are kept`,
      'The same command goes on from there.',
    )
    return EXIT.interrupted
  }
  if (book.records.length === before) {
    context.output.say('All of it was asked before; --fresh asks anew.')
  }
  return sayResult(job, book.records, options, context)
}

// What is to be done

interface Job {
  readonly plan: EvalPlan
  readonly models: Readonly<Record<Side, AskedModel>>
  readonly judge: AskedModel | null
  readonly names: EvalNames
  readonly decoys: number
  readonly mostTokens: number | null
  /** Changes with everything that answers and judgements depend on. */
  readonly key: string
}

function jobOf(options: EvalOptions, context: Context): Job {
  const { self } = context
  const read = configFor(options.config, context)
  const arms = options.rollout === undefined ? null : armsOf(options.rollout, options.model, read)
  const nameOf = (side: Side) => {
    const given = options[side]
    if (given !== undefined) return modelNameOf(given, `--${side}`, read)
    const arm = side === 'a' ? arms?.control : arms?.canary
    if (arm !== undefined) return arm
    throw new Failure(
      EXIT.usage,
      'two sides are needed: name a rollout, or both --a and --b',
      `For example ${self} eval relay --starter --judge anthropic:claude-opus-4.6.`,
    )
  }
  const judgeName = options.judge === undefined ? null : modelNameOf(options.judge, '--judge', read)
  if (judgeName === null && !options.runChecks) {
    throw new Failure(
      EXIT.usage,
      'nothing to tell good from bad by',
      'Give --judge upstream:model, or --run-checks where code may be executed.',
    )
  }
  const { prompts, from } = promptsOf(options, context)
  const names = [nameOf('a'), nameOf('b')]
  const [a, b] = modelsOf(names, options.endpoint, read, context) as [AskedModel, AskedModel]
  const [judge = null] = judgeName === null ? [] : modelsOf([judgeName], undefined, read, context)
  const plan: EvalPlan = {
    prompts,
    rubric: rubricOf(options.rubric, context),
    seed: options.seed,
    margin: options.margin,
    judged: judge !== null,
    checked: options.runChecks === true,
  }
  const arm = (side: Side, { label }: AskedModel): string =>
    options[side] === undefined ? `${side === 'a' ? 'control' : 'canary'} ${label}` : label
  const mostTokens = options.maxTokens ?? null
  return {
    plan,
    models: { a, b },
    judge,
    names: {
      a: arm('a', a),
      b: arm('b', b),
      judge: judge?.label ?? null,
      prompts: from,
      seed: options.seed,
    },
    decoys: options.decoys,
    mostTokens,
    key: keyOf([a, b, judge], plan, options.decoys, mostTokens),
  }
}

function keyOf(
  models: readonly (AskedModel | null)[],
  { prompts, rubric, seed }: EvalPlan,
  decoys: number,
  mostTokens: number | null,
): string {
  const asked = models.map((one) => one && [one.label, one.wire, one.at.origin, one.at.basePath])
  const parts = JSON.stringify([asked, prompts, rubric, seed, decoys, mostTokens])
  return createHash('sha256').update(parts).digest('hex').slice(0, 12)
}

function rubricOf(file: string | undefined, context: Context): Rubric {
  if (file === undefined) return DEFAULT_RUBRIC
  const read = parseRubric(textOfFile(file, '--rubric', context))
  if (read.ok) return read.rubric
  throw new Failure(
    EXIT.usage,
    read.faults.map((fault) => `${file}: ${fault}`).join('\n'),
    'Its form: criteria: { correctness: { weight: 100, asks: "Is it right?" } }.',
  )
}

function sayPlan({ plan, names, decoys, models, judge, key }: Job, { output }: Context): number {
  const { prompts } = plan
  const asks = {
    answers: 2 * prompts.length,
    judgements: plan.judged ? 2 * (prompts.length + Math.min(decoys, prompts.length)) : 0,
    checks: plan.checked ? 2 * prompts.filter(({ check }) => check !== null).length : 0,
  }
  const wires = { a: models.a.wire, b: models.b.wire, judge: judge?.wire ?? null }
  output.document({ ok: true, dryRun: true, ...names, endpoints: wires, ...asks, plan: key })
  output.line(`a        ${names.a}, ${wires.a}`)
  output.line(`b        ${names.b}, ${wires.b}`)
  output.line(`judge    ${names.judge === null ? 'nobody' : `${names.judge}, ${wires.judge}`}`)
  output.line(`prompts  ${prompts.length} of ${names.prompts}`)
  output.line(
    `asks     ${plural(asks.answers, 'answer')}, ${plural(asks.judgements, 'judgement')}, ${plural(asks.checks, 'check')}`,
  )
  return EXIT.ok
}

// Doing it

/** A judge is not on trial. */
const JUDGE_RETRIES: ReadonlySet<Outcome> = new Set<Outcome>([
  'rate_limited',
  'upstream_error',
  'connect_error',
  'timeout_total',
  'malformed',
  'empty',
])

async function answers(
  { plan, models, mostTokens }: Job,
  book: EvalBook,
  asking: Asking,
  context: Context,
): Promise<void> {
  const all = shuffled(
    plan.prompts.flatMap((prompt) => SIDES.map((side) => ({ prompt, side }))),
    chanceFrom(`${plan.seed}/answers`),
  )
  const open = all.filter(({ prompt, side }) => !book.has(`answer/${side}/${prompt.id}`))
  const progress = progressOf(context, 'answers   ', all.length, all.length - open.length)
  await together(open, asking.concurrency, asking.signal, async ({ prompt, side }) => {
    const model = models[side]
    const request = requestOf(model.wire, model.model, prompt.messages, mostTokens, prompt.params)
    const reply = await askModel(model, model.wire, request, ARM_RETRIES, asking)
    if (reply.outcome === 'cancelled') return
    book.add({
      type: 'answer',
      id: prompt.id,
      side,
      outcome: reply.outcome,
      text: reply.text,
      modelAnswered: reply.modelAnswered,
      inputTokens: reply.usage?.inputTokens ?? null,
      outputTokens: reply.usage?.outputTokens ?? null,
      durationMs: Math.round(reply.durationMs),
      cost: model.costOf(reply),
    })
    progress.step()
  })
  progress.end()
}

async function checks(
  { plan }: Job,
  book: EvalBook,
  asking: Asking,
  context: Context,
): Promise<void> {
  const all = plan.prompts.flatMap(({ id, check }) =>
    check === null
      ? []
      : SIDES.flatMap((side) => {
          const answer = book.answer(side, id)
          return answer?.outcome === 'ok' ? [{ id, side, check, answer }] : []
        }),
  )
  const open = all.filter(({ id, side }) => !book.has(`check/${side}/${id}`))
  if (open.length === 0) return
  const executor = executorOf(context.env['PATH'])
  const { offline, tools } = executor
  context.output.say(
    `--run-checks: code that models wrote runs on this machine, as you, ${offline ? 'without network' : 'WITH network: this system cannot cut it off'}, with an empty environment; ${Object.values(tools).join(', ')}`,
  )
  const progress = progressOf(context, 'checks    ', all.length, all.length - open.length)
  // One at a time: programs that wait for each other's processor would miss their time.
  await together(open, 1, asking.signal, async ({ id, side, check, answer }) => {
    const found = await executor.check(answer.text, check)
    book.add({ type: 'check', id, side, ...found } satisfies CheckRecord)
    progress.step()
  })
  progress.end()
}

async function judgements(
  { plan, decoys }: Job,
  judge: AskedModel,
  book: EvalBook,
  asking: Asking,
  context: Context,
): Promise<void> {
  const byId = new Map(plan.prompts.map((prompt) => [prompt.id, prompt]))
  const textOf = (side: Side, id: string): string | null => {
    const answer = book.answer(side, id)
    return answer?.outcome === 'ok' ? answer.text : null
  }
  const shown = ({ id, first, decoy }: Showing) => {
    const a = textOf('a', id)
    const b = decoy === null ? textOf('b', id) : textOf('a', decoy)
    const task = byId.get(id)?.messages
    if (a === null || b === null || task === undefined || (decoy !== null && a === b)) return null
    return first === 'a' ? { task, first: a, second: b } : { task, first: b, second: a }
  }
  const all = showingsOf([...byId.keys()], plan.seed, decoys).flatMap((showing) => {
    const material = shown(showing)
    return material === null ? [] : [{ showing, material }]
  })
  const open = all.filter(({ showing }) => !book.has(`judgement/${showingKey(showing)}`))
  const progress = progressOf(context, 'judgements', all.length, all.length - open.length)
  await together(open, asking.concurrency, asking.signal, async ({ showing, material }) => {
    const graded = await gradeOf(material, plan.rubric, {
      ask: (messages) =>
        askModel(
          judge,
          judge.wire,
          requestOf(judge.wire, judge.model, messages, null),
          JUDGE_RETRIES,
          asking,
        ),
      nonce: () => randomUUID().replaceAll('-', ''),
      costOf: judge.costOf,
    })
    if (graded === null) return
    book.add({ type: 'judgement', ...showing, ...graded } satisfies JudgementRecord)
    progress.step()
  })
  progress.end()
}

// Saying it

function sayResult(
  { plan, names }: Job,
  records: readonly EvalRecord[],
  options: EvalOptions,
  context: Context,
): number {
  const { output } = context
  const result = resultOf(plan, records)
  output.document({ ok: result.verdict !== 'fail', ...result, names })
  for (const line of linesOf(result, names, output.paint)) output.line(line)
  if (options.markdown !== undefined) {
    writeReport(options.markdown, evalMarkdown(result, names, usdText), context)
  }
  if (options.junit !== undefined) {
    writeReport(options.junit, evalJUnit(result, checkedCases(plan, records)), context)
  }
  return exitOf(result.verdict, options)
}

function checkedCases({ prompts }: EvalPlan, records: readonly EvalRecord[]) {
  const found = new Map(
    records.flatMap((one) => (one.type === 'check' ? [[`${one.side}/${one.id}`, one.result]] : [])),
  )
  return prompts.flatMap(({ id, check }) =>
    check === null
      ? []
      : [{ id, a: found.get(`a/${id}`) ?? null, b: found.get(`b/${id}`) ?? null }],
  )
}

function linesOf(
  result: EvalResult,
  names: EvalNames,
  paint: Context['output']['paint'],
): readonly string[] {
  const [first = '', ...more] = result.words
  const judge = judgeWords(result, usdText)
  return [
    `${paint(VERDICT_STYLES[result.verdict], result.verdict)}  ${first}`,
    ...more.map((words) => `      ${words}`),
    '',
    ...aligned(sidesTable(result.sides, names, usdText), 3),
    '',
    ...aligned(differencesTable(result), 1),
    ...(judge.length === 0 ? [] : ['', `judge  ${names.judge}`]),
    ...judge.map((words) => `       ${words}`),
    '',
    footnote(result),
  ]
}
