import { existsSync, readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import * as z from 'zod'
import type { EventView } from '../../api/views/event.ts'
import { type FlushView, flushView } from '../../api/views/flush.ts'
import type { RolloutView } from '../../api/views/rollout.ts'
import { nearest } from '../../config/nearest.ts'
import { HeadgateError } from '../../errors.ts'
import type { Flush } from '../../judge/judge.ts'
import type { Policy } from '../../judge/policy.ts'
import { endingUnder } from '../../judge/replay.ts'
import { readConfig, shownPath } from '../../load-config.ts'
import type { FlushRecord } from '../../rollout/flushes.ts'
import { policyFor } from '../../rollout/guard.ts'
import type { ControlClient } from '../client.ts'
import type { Action, Context } from '../command.ts'
import { type ConnectOptions, connect } from '../connect.ts'
import { EXIT } from '../exit.ts'
import { Failure } from '../failure.ts'
import { oneLine, plural, spanText, timeText } from '../format.ts'
import { type Difference, isFinding, Recount } from '../recount.ts'

/**
 * `headgate replay`: the recorded evidence, judged once more. Either everything comes out the same, bit for bit, or another
 * policy is asked what it would have done.
 */

export interface ReplayOptions extends ConnectOptions {
  readonly rollout?: string | undefined
  readonly epoch?: number
  readonly policy?: string
  readonly file?: string
  readonly save?: string
}

/** What is replayed. */
interface Evidence {
  readonly rollout: string | null
  readonly epoch: number
  /** In the order of the log, from its beginning: an earlier epoch may hold the policy of a process. */
  readonly flushes: AsyncIterable<FlushView>
  /** Null offline. */
  readonly events: (() => Promise<readonly EventView[]>) | null
  /** What of the log is not there any more; null offline. */
  readonly forgotten: RolloutView['forgotten']
}

export const run: Action<ReplayOptions> = async (options, context) => {
  const { file, save } = options
  if (file !== undefined && save !== undefined) {
    throw new Failure(EXIT.usage, '--file and --save: it is saved already', '')
  }
  const policy =
    options.policy === undefined ? null : policyOfFile(options.policy, options, context)
  const target = save === undefined ? null : freshFile(save, context)
  const evidence =
    file === undefined ? await online(options, context) : offline(file, options, context)

  const recount = new Recount()
  const kept: Flush[] = []
  const lines: string[] = []
  let count = 0
  let difference: Difference | null = null
  let firstMs: number | null = null
  let lastMs = 0
  for await (const flush of evidence.flushes) {
    // The judge takes nothing of an epoch that is over.
    if (flush.epoch > evidence.epoch) break
    if (target !== null) lines.push(`${JSON.stringify(flush)}\n`)
    const asked = flush.epoch === evidence.epoch
    const record = recordOf(flush)
    difference ??= judged(recount, flush, record, asked)
    if (!asked) continue
    count++
    firstMs ??= record.fromMs
    lastMs = record.atMs
    if (policy !== null) kept.push(recount.flushOf(record))
    else if (difference !== null && target === null) break
  }
  if (target !== null) await keep(target, lines)
  const label = `${evidence.rollout ?? shownPath(resolve(context.cwd, file ?? ''))}, epoch ${evidence.epoch}`
  const { forgotten } = evidence
  if (forgotten !== null && evidence.epoch <= forgotten.epoch) throw goneOf(label, forgotten, count)
  if (count === 0) {
    throw new Failure(
      EXIT.failed,
      `${label}: no flushes are on record`,
      'Is it another epoch? Give --epoch N.',
    )
  }
  if (forgotten !== null) {
    context.output.say(
      `Of epochs up to ${forgotten.epoch}, ${plural(forgotten.flushes, 'flush', 'flushes')} were let go (evidence.keep); this one is whole.`,
    )
  }
  const events =
    (await evidence.events?.())?.filter(({ epoch }) => epoch === evidence.epoch) ?? null
  const span = `${label}: ${timeText(firstMs ?? 0)} to ${timeText(lastMs)}`
  const told: Told = { label, span, count, events, recount }
  return policy === null
    ? sayRecount(told, difference, context)
    : sayEnding(told, policy, kept, context)
}

/** @param count those that are left of this epoch */
function goneOf(
  label: string,
  { flushes, epoch, at }: NonNullable<RolloutView['forgotten']>,
  count: number,
): Failure {
  const left =
    count === 0 ? 'nothing of it is left' : `${plural(count, 'flush', 'flushes')} are left`
  return new Failure(
    EXIT.failed,
    `${label}: ${left}: ${plural(flushes, 'flush', 'flushes')} of epochs up to ${epoch} were let go, the newest of ${timeText(at)}`,
    'rollouts.NAME.evidence.keep says how long an epoch that is over is kept; state.memory keeps 100,000 flushes. What replay --save wrote can be replayed.',
  )
}

/** What both reports begin with. */
interface Told {
  readonly label: string
  readonly span: string
  readonly count: number
  readonly events: readonly EventView[] | null
  readonly recount: Recount
}

function sayRecount(
  { label, span, count, events, recount }: Told,
  found: Difference | null,
  { output }: Context,
): number {
  const difference = found ?? recount.holdAgainst(events ?? [])
  const { digests, uncompared } = recount
  const findings = events?.filter(isFinding).length ?? null
  const numbers = { flushes: count, digests, uncompared, events: findings }
  if (difference !== null) {
    output.document({ ok: false, ...numbers, difference })
    output.fail(`${label}: ${differenceText(difference)}`, fixOf(difference))
    return EXIT.failed
  }
  if (digests === 0 && !findings) {
    output.document({ ok: false, ...numbers, difference: null })
    output.fail(
      `${label}: ${plural(count, 'flush', 'flushes')}, and nothing to compare with`,
      'Each flush tells what its writer had seen before it: wait for the next one.',
    )
    return EXIT.failed
  }
  output.document({ ok: true, ...numbers, difference: null })
  output.line(
    `${plural(count, 'flush', 'flushes')}, ${plural(digests, 'digest')}, all the same bit for bit`,
  )
  output.line(span)
  if (findings)
    output.line(`${plural(findings, 'event')} of guard and tripwires, with the same reasons`)
  if (uncompared > 0) {
    output.say(`${plural(uncompared, 'digest')} of states that are not at hand were not compared`)
  }
  return EXIT.ok
}

function differenceText(difference: Difference): string {
  switch (difference.kind) {
    case 'digest': {
      const { position, process, at, after, recorded, recounted } = difference
      return `the first difference is at flush ${position} (process ${oneLine(process)}, ${timeText(at)}): after flush ${after} its writer had ${oneLine(recorded)}, the same flushes give ${recounted}`
    }
    case 'event': {
      const { type, by, at, recorded, recounted } = difference
      const found =
        recounted.length === 0
          ? 'the same flushes give no reason for it'
          : `the same flushes give: ${recounted.map(oneLine).join(' | ')}`
      return `it was ${type} by ${by} at ${timeText(at)} because of: ${oneLine(recorded)}; ${found}`
    }
  }
}

function fixOf({ kind }: Difference): string {
  return kind === 'digest'
    ? 'The record was changed, a flush is missing, or it was judged by another version of Headgate.'
    : 'A flush is missing, or the event was changed.'
}

interface OtherPolicy {
  readonly policy: Policy
  /** The file, as people type it. */
  readonly shown: string
}

function sayEnding(
  { label, span, count, events, recount }: Told,
  { policy, shown }: OtherPolicy,
  flushes: readonly Flush[],
  { output }: Context,
): number {
  const under = endingUnder(policy, flushes)
  const event = events?.find(({ type }) => type === 'rolled_back' || type === 'suspended')
  const recorded =
    event !== undefined
      ? { type: event.type, by: event.by, at: event.at, reason: event.reason }
      : recount.ending === null
        ? null
        : {
            type: null,
            by: recount.ending.by,
            at: new Date(recount.ending.atMs).toISOString(),
            reason: recount.ending.reason,
          }
  const ending =
    under === null
      ? null
      : { ...under, at: new Date(under.atMs).toISOString(), reason: under.reasons.join('; ') }
  output.document({ ok: true, flushes: count, policy: shown, recorded, under: ending })
  output.line(`${span}, ${plural(count, 'flush', 'flushes')}`)
  const was =
    recorded === null
      ? null
      : `${recorded.type ?? 'ended'} by ${oneLine(recorded.by)} at ${timeText(recorded.at)}: ${oneLine(recorded.reason)}`
  output.line(`happened   ${was ?? 'nothing ended it'}`)
  if (ending === null) {
    output.line(`${shown}  would have let it live`)
  } else {
    const gapMs = recorded === null ? 0 : ending.atMs - Date.parse(recorded.at)
    const apart =
      Math.abs(gapMs) < 1_000
        ? ''
        : `, ${spanText(Math.abs(gapMs))} ${gapMs < 0 ? 'earlier' : 'later'}`
    const does = ending.by === 'guard' ? 'rolled it back' : 'suspended it'
    output.line(
      `${shown}  would have ${does}, by its ${ending.by}, at ${timeText(ending.atMs)}${apart}: ${oneLine(ending.reason)}`,
    )
  }
  if (under?.withoutSizes) {
    output.say(
      'Times and spend had no say: they were counted with other margins than that policy has.',
    )
  }
  if (recount.digests === 0) output.say(`${label}: nothing on record shows that it is whole`)
  return EXIT.ok
}

function judged(
  recount: Recount,
  flush: FlushView,
  record: FlushRecord,
  compare: boolean,
): Difference | null {
  try {
    return recount.add(flush, record, compare)
  } catch (cause) {
    throw new Failure(
      EXIT.failed,
      `flush ${flush.position} (process ${oneLine(flush.process)}) cannot be judged: ${cause instanceof Error ? oneLine(cause.message) : 'its counts are broken'}`,
      'The record was changed, or written by another version of Headgate.',
    )
  }
}

/** As much as is needed to know one; what is in counts and policies is the judge's own. */
const recordView = z.looseObject({
  place: z.looseObject({
    epoch: z.int(),
    visit: z.int(),
    shareBp: z.int(),
    nextShareBp: z.int().nullable(),
    minRequests: z.int(),
  }),
  fromMs: z.number(),
  atMs: z.number(),
  counts: z.array(z.looseObject({ epoch: z.int(), strata: z.array(z.unknown()) })),
  policy: z.looseObject({ alpha: z.number() }).nullable(),
  seen: z.looseObject({ position: z.int(), digest: z.string() }).nullable(),
})

function recordOf(flush: FlushView): FlushRecord {
  const parsed = recordView.safeParse(flush.counts)
  if (parsed.success) return flush.counts as unknown as FlushRecord
  const [issue] = parsed.error.issues
  throw new Failure(
    EXIT.failed,
    `flush ${flush.position} is no flush of this version: counts.${issue?.path.join('.')} ${issue?.message}`,
    'Replay it with the version of Headgate that wrote it.',
  )
}

const PAGE = 200

async function online(options: ReplayOptions, context: Context): Promise<Evidence> {
  const client = connect(options, context)
  const { name, epoch, forgotten } = await client.one(options.rollout)
  return {
    forgotten,
    rollout: name,
    epoch: options.epoch ?? epoch,
    flushes: pagesOf(client, name),
    events: () => allEvents(client, name),
  }
}

async function* pagesOf(client: ControlClient, name: string): AsyncGenerator<FlushView> {
  let after: string | undefined
  do {
    const { items, next } = await client.flushes(name, { after, limit: PAGE })
    yield* items
    after = next ?? undefined
  } while (after !== undefined)
}

async function allEvents(client: ControlClient, rollout: string): Promise<readonly EventView[]> {
  const all: EventView[] = []
  let after: string | undefined
  do {
    const { items, next } = await client.events({ rollout, after, limit: PAGE })
    all.push(...items)
    after = next ?? undefined
  } while (after !== undefined)
  return all
}

function offline(file: string, options: ReplayOptions, { cwd }: Context): Evidence {
  const path = resolve(cwd, file)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new Failure(EXIT.usage, `--file ${file} cannot be read`, 'Check the path.')
  }
  const flushes = text.split('\n').flatMap((line, at) => {
    if (line.trim() === '') return []
    const parsed = flushView.safeParse(jsonOf(line))
    if (parsed.success) return [parsed.data]
    throw new Failure(
      EXIT.failed,
      `${file}:${at + 1} is no flush`,
      'One JSON document a line, as replay --save writes them.',
    )
  })
  const epoch = options.epoch ?? flushes.reduce((most, one) => Math.max(most, one.epoch), 1)
  return {
    rollout: options.rollout ?? null,
    epoch,
    flushes: each(flushes),
    events: null,
    forgotten: null,
  }
}

async function* each<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Evidence is not written over. */
function freshFile(file: string, { cwd }: Context): string {
  const path = resolve(cwd, file)
  if (!existsSync(path)) return path
  throw new Failure(EXIT.failed, `--save ${file} is there already`, 'Name another file.')
}

/** Whole, or not at all. */
async function keep(path: string, lines: readonly string[]): Promise<void> {
  try {
    await writeFile(`${path}.part`, lines)
    await rename(`${path}.part`, path)
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new Failure(EXIT.failed, `${shownPath(path)} cannot be written (${why})`, '')
  }
}

function policyOfFile(
  file: string,
  { rollout }: ReplayOptions,
  { cwd, env }: Context,
): OtherPolicy {
  const path = resolve(cwd, file)
  const shown = shownPath(path)
  const read = readConfig(path, env)
  if (!read.ok) throw new HeadgateError('config_invalid', read.faults.map(String).join('\n'))
  const { rollouts } = read.config
  const names = Object.keys(rollouts)
  const name = rollout ?? (names.length === 1 ? names[0] : undefined)
  if (name === undefined) {
    throw new Failure(EXIT.usage, 'which rollout?', `Name one of ${names.join(', ')}.`)
  }
  const config = rollouts[name]
  if (config === undefined) {
    const near = nearest(name, names)
    throw new Failure(
      EXIT.failed,
      `${shown} has no rollout ${JSON.stringify(oneLine(name))}`,
      near === null ? `It has ${names.join(', ') || 'none'}.` : `Did you mean ${near}?`,
    )
  }
  try {
    return { policy: policyFor(config), shown }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Failure(EXIT.invalid, `${shown}: rollouts.${name}.${why}`, '')
  }
}
