import { createHash } from 'node:crypto'
import type { Side } from '../eval/blind.ts'
import type { EvalNames } from '../eval/report.ts'
import type { EvalPlan } from '../eval/result.ts'
import { DEFAULT_RUBRIC, parseRubric, type Rubric } from '../eval/rubric.ts'
import type { AskingOptions, ReportOptions } from './asking.ts'
import type { Context } from './command.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'
import { plural } from './format.ts'
import { type AskedModel, armsOf, configFor, modelNameOf, modelsOf } from './models.ts'
import { type PromptOptions, promptsOf } from './prompts.ts'
import { textOfFile } from './report-files.ts'

/** What an evaluation is to do: whom it asks what, who judges, and by which rubric. */

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

export interface EvalJob {
  readonly plan: EvalPlan
  readonly models: Readonly<Record<Side, AskedModel>>
  readonly judge: AskedModel | null
  readonly names: EvalNames
  readonly decoys: number
  readonly mostTokens: number | null
  /** Changes with everything that answers and judgements depend on. */
  readonly key: string
}

/** @throws {Failure} for what was asked in a way that names no evaluation */
export function jobOf(options: EvalOptions, context: Context): EvalJob {
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

/** What it would ask, without asking. */
export function sayPlan(
  { plan, names, decoys, models, judge, key }: EvalJob,
  { output }: Context,
): number {
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
