import { createHash } from 'node:crypto'
import { chanceFrom, shuffled } from '../../eval/chance.ts'
import {
  armsTable,
  casesTable,
  type GoldenNames,
  goldenJUnit,
  goldenMarkdown,
  SCORES,
} from '../../eval/golden-report.ts'
import { type GoldenRecord, type GoldenResult, goldenResultOf } from '../../eval/golden-result.ts'
import { type GoldenSet, parseGoldenSet } from '../../eval/golden-set.ts'
import type { Arm } from '../../types.ts'
import {
  ARM_RETRIES,
  type AskingOptions,
  askingOf,
  askModel,
  exitOf,
  journalFileOf,
  type ReportOptions,
  VERDICT_STYLES,
} from '../asking.ts'
import type { Action, Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { Failure } from '../failure.ts'
import { oneLine, plural, usdText } from '../format.ts'
import { openJournal } from '../journal.ts'
import { type AskedModel, configFor, modelsOf, upstreamsOf } from '../models.ts'
import { together } from '../paced.ts'
import { progressOf } from '../progress.ts'
import { textOfFile, writeReport } from '../report-files.ts'
import { aligned } from '../table.ts'

/** `headgate golden run`: does an arm still answer as control did when the set was recorded? */

export interface RunOptions extends AskingOptions, ReportOptions {
  readonly set: string
  readonly rollout?: string
  readonly arm: Arm | 'both'
  readonly threshold: number
}

/** One case for one arm. */
interface Ask {
  readonly arm: Arm
  readonly one: GoldenSet['cases'][number]
  readonly model: AskedModel
}

export const run: Action<RunOptions> = async (options, context) => {
  const { output } = context
  const text = textOfFile(options.set, 'set', context)
  const set = setOf(text, options.set)
  const arms: readonly Arm[] = options.arm === 'both' ? ['control', 'canary'] : [options.arm]
  const { asks, upstreams } = asksOf(set, arms, options, context)
  const names: GoldenNames = {
    set: options.set,
    recordedFrom: set.header.recordedFrom,
    arms: upstreams,
  }
  if (options.dryRun) {
    output.document({ ok: true, dryRun: true, ...names, asks: asks.length })
    output.line(`${plural(asks.length, 'answer')} of ${Object.values(upstreams).join(' and ')}`)
    return EXIT.ok
  }
  const places = asks.map(({ arm, one, model }) => [
    arm,
    one.id,
    model.at.origin,
    model.at.basePath,
  ])
  const key = createHash('sha256').update(text).update(JSON.stringify(places)).digest('hex')
  const asking = askingOf(options, context)
  const journal = openJournal<GoldenRecord>(
    journalFileOf('golden', key.slice(0, 12), options, context),
    { headgate: 'golden-run', version: 1, plan: key.slice(0, 12) },
    options.fresh === true,
  )
  const records = new Map(journal.before.map((one) => [`${one.arm}/${one.id}`, one]))
  const open = shuffled(
    asks.filter(({ arm, one }) => !records.has(`${arm}/${one.id}`)),
    chanceFrom(`${options.seed}/golden`),
  )
  const progress = progressOf(context, 'answers', asks.length, asks.length - open.length)
  let whole = false
  try {
    await together(open, options.concurrency, asking.signal, async ({ arm, one, model }) => {
      const reply = await askModel(model, one.endpoint, one.request, ARM_RETRIES, asking)
      if (reply.outcome === 'cancelled') return
      const good = reply.outcome === 'ok'
      const record: GoldenRecord = {
        type: 'answer',
        arm,
        id: one.id,
        outcome: reply.outcome,
        body: good ? JSON.parse(new TextDecoder().decode(reply.body)) : null,
        durationMs: Math.round(reply.durationMs),
        cost: model.costOf(reply),
      }
      journal.append(record)
      records.set(`${arm}/${one.id}`, record)
      progress.step()
    })
    whole = !asking.signal.aborted
  } finally {
    progress.end()
    // What is whole is told once: the next run asks anew.
    if (whole) journal.finish()
    else journal.close()
    asking.end()
  }
  if (!whole) {
    output.fail(
      `stopped: ${records.size} of ${asks.length} answers are kept`,
      'The same command goes on from there.',
    )
    return EXIT.interrupted
  }
  return say(
    goldenResultOf(set, arms, [...records.values()], options.threshold),
    names,
    options,
    context,
  )
}

function setOf(text: string, file: string): GoldenSet {
  const parsed = parseGoldenSet(text, file)
  if (parsed.ok) return parsed.set
  throw new Failure(
    EXIT.usage,
    parsed.faults.join('\n'),
    'docs/guides/golden.md has the form; headgate golden record writes it.',
  )
}

function asksOf(
  set: GoldenSet,
  arms: readonly Arm[],
  options: RunOptions,
  context: Context,
): { readonly asks: readonly Ask[]; readonly upstreams: Readonly<Partial<Record<Arm, string>>> } {
  const read = configFor(options.config, context)
  const rollout = options.rollout ?? set.header.rollout
  if (rollout === null) {
    throw new Failure(
      EXIT.usage,
      'whose arms? The set was recorded without a rollout',
      'Name it with --rollout.',
    )
  }
  const places = upstreamsOf(rollout, read)
  const wanted = arms.flatMap((arm) =>
    set.cases.map((one) => {
      const { model } = one.request
      const asked = options.model ?? (typeof model === 'string' ? model : '')
      return { arm, one, name: { upstream: places[arm], model: asked } }
    }),
  )
  const distinct = new Map(
    wanted.map(({ name }) => [`${name.upstream}:${name.model}`, name] as const),
  )
  const models = new Map(
    modelsOf([...distinct.values()], 'chat', read, context).map((model) => [model.label, model]),
  )
  const asks = wanted.flatMap(({ arm, one, name }): Ask[] => {
    const model = models.get(`${name.upstream}:${name.model}`)
    const request = { ...one.request, model: name.model }
    return model === undefined ? [] : [{ arm, one: { ...one, request }, model }]
  })
  return { asks, upstreams: Object.fromEntries(arms.map((arm) => [arm, places[arm]])) }
}

const MOST_CASES = 20

function say(
  result: GoldenResult,
  names: GoldenNames,
  options: RunOptions,
  context: Context,
): number {
  const { output } = context
  output.document({ ok: result.verdict !== 'fail', ...result, names })
  const [first = '', ...more] = result.words
  output.line(`${output.paint(VERDICT_STYLES[result.verdict], result.verdict)}  ${first}`)
  for (const words of more) output.line(`      ${words}`)
  output.line()
  for (const line of aligned(armsTable(result, names, usdText), 1)) output.line(line)
  const cases = casesTable(result, MOST_CASES)
  if (cases.length > 0) {
    output.line()
    const lines = cases.map((cells) => cells.map(oneLine))
    for (const line of aligned(lines, 5)) output.line(line)
  }
  output.line()
  output.line(SCORES)
  if (options.markdown !== undefined) {
    writeReport(options.markdown, goldenMarkdown(result, names, usdText), context)
  }
  if (options.junit !== undefined) writeReport(options.junit, goldenJUnit(result), context)
  return exitOf(result.verdict, options)
}
