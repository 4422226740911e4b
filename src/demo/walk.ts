import { setTimeout as sleep } from 'node:timers/promises'
import { fitsFiveSigma } from './binomial.ts'
import { type Fault, nameOf } from './faults.ts'
import { type Load, type LoadRecord, startLoad } from './load.ts'
import type { DemoOptions } from './options.ts'
import type { RolloutReading, Scene } from './scene.ts'

/** The headless story: 1 → 25 → 100 %, the relay breaks in several ways, heals, and is killed; each part is checked. */

const RPS = 75
/** On a busy machine fewer requests are sent, rather than all of them late. */
const MAX_IN_FLIGHT = 60
/** Many embeddings: each is a unit of its own, and a share is only seen on many units. */
const MIX = { chat_stream: 3, chat_json: 2, messages_stream: 2, messages_json: 1, embeddings: 4 }
/** How long a file may take to be read before the story gives up; PRODUCT.md promises a second. */
const READ_WITHIN_MS = 5_000
const STEPS = [
  { percent: 1, ms: 4_000 },
  { percent: 25, ms: 3_500 },
  { percent: 100, ms: 2_000 },
] as const
const BREAKS: readonly { readonly fault: Fault; readonly ms: number }[] = [
  { fault: { kind: 'refuse' }, ms: 1_000 },
  { fault: { kind: 'status', status: 503, retryAfter: null }, ms: 900 },
  { fault: { kind: 'reset_before_headers' }, ms: 900 },
  { fault: { kind: 'error_first' }, ms: 900 },
  { fault: { kind: 'hang' }, ms: 1_000 },
  { fault: { kind: 'end_after_chunks', chunks: 6 }, ms: 900 },
]
const KILLED_MS = 1_500

/** One line of the story, without its time. */
type Line =
  | {
      readonly type: 'step'
      readonly share: RolloutReading['share']
      readonly requests: number
      readonly units: { readonly drawn: number; readonly canary: number }
    }
  /** `fault` null: healed. */
  | { readonly type: 'fault'; readonly upstream: 'relay'; readonly fault: string | null }
  | { readonly type: 'killed'; readonly readMs: number; readonly requests: number }
  | Summary

interface Summary {
  readonly type: 'summary'
  readonly ok: boolean
  readonly callers: {
    readonly requests: number
    readonly errorsBeforeFirstByte: number
    readonly cutStreams: number
  }
  /** Requests drawn for the relay while it was broken. */
  readonly exposed: number
  /** Null: nothing judges yet, and unknown is not 0. */
  readonly detectMs: number | null
  readonly savedUsd: number | null
  /** Why not `ok`; empty when it is. */
  readonly failures: readonly string[]
}

/** @returns 0 when every check held, 1 with the reasons on stderr, 130 when interrupted */
export async function walk(
  scene: Scene,
  options: DemoOptions,
  signal: AbortSignal,
): Promise<number> {
  const startedAt = performance.now()
  const records: LoadRecord[] = []
  const failures: string[] = []
  const say = (line: Line): void => {
    const t = Math.round(performance.now() - startedAt)
    const text = options.json
      ? JSON.stringify({ schemaVersion: 1, t, ...line })
      : `${(t / 1_000).toFixed(1).padStart(5)} s  ${wordsOf(line)}`
    options.stdout.write(`${text}\n`)
  }
  if (!options.json) options.stdout.write('Both upstreams and all traffic are simulated.\n')

  const load = startLoad({
    baseUrl: scene.dataUrl,
    seed: options.seed ?? 1,
    rps: RPS,
    mix: MIX,
    turns: 3,
    maxInFlight: MAX_IN_FLIGHT,
    onRecord: (record) => records.push(record),
  })
  /** Lets the load run for a while; what was sent in it, once all of it is over. */
  const sentDuring = async (ms: number): Promise<LoadRecord[]> => {
    const from = performance.now()
    await sleep(ms, undefined, { signal })
    const until = performance.now()
    await load.settled()
    return records.filter(({ sentAt }) => sentAt >= from && sentAt < until)
  }

  try {
    await climb(scene, sentDuring, say, failures, signal)
    const exposed = await breakRelay(scene, load, records, say, failures, signal)
    await kill(scene, sentDuring, say, failures, signal)
    await load.stop()
    const summary = summaryOf(records, exposed, failures)
    say(summary)
    for (const failure of summary.failures) options.stderr.write(`headgate demo: ${failure}\n`)
    return summary.ok ? 0 : 1
  } catch (error) {
    if (!signal.aborted) throw error
    return 130
  } finally {
    await load.stop()
  }
}

async function climb(
  scene: Scene,
  sentDuring: (ms: number) => Promise<LoadRecord[]>,
  say: (line: Line) => void,
  failures: string[],
  signal: AbortSignal,
): Promise<void> {
  let inBefore = new Set<string>()
  for (const { percent, ms } of STEPS) {
    scene.setFlags({ percent, kill: false })
    await readingWhere(scene, `the flag at ${percent} %`, signal, ({ share, killed }) => {
      return share.flag === percent && share.target === percent && !killed
    })
    const sent = await sentDuring(ms)
    const drawn = sent.filter(isDrawn)
    const arms = Map.groupBy(drawn, ({ unit }) => unit)
    const canary = new Set(drawn.filter(onCanary).map(({ unit }) => unit))
    const { share } = await scene.rollout()
    const units = { drawn: arms.size, canary: canary.size }
    // The API's observed share looks back a minute, past this step.
    const observed = arms.size === 0 ? null : round2((canary.size / arms.size) * 100)
    say({ type: 'step', share: { ...share, observed }, requests: sent.length, units })

    if (drawn.length === 0) failures.push(`at ${percent} % no request was drawn`)
    if (!fitsFiveSigma(canary.size, arms.size, percent / 100)) {
      failures.push(
        `at ${percent} % the canary must get ${percent} % of ${arms.size} units within five sigma, got ${canary.size}`,
      )
    }
    const moved = [...arms].filter(([unit, seen]) => canary.has(unit) && !seen.every(onCanary))
    if (moved.length > 0) failures.push(`at ${percent} % ${moved.length} units changed their arm`)
    const left = [...inBefore].filter((unit) => arms.has(unit) && !canary.has(unit))
    if (left.length > 0) failures.push(`climbing to ${percent} % moved ${left.length} units out`)
    inBefore = canary
  }
}

async function breakRelay(
  scene: Scene,
  load: Load,
  records: readonly LoadRecord[],
  say: (line: Line) => void,
  failures: string[],
  signal: AbortSignal,
): Promise<number> {
  const brokeAt = performance.now()
  for (const { fault, ms } of BREAKS) {
    await scene.relay.setFault(fault)
    say({ type: 'fault', upstream: 'relay', fault: nameOf(fault) })
    await sleep(ms, undefined, { signal })
  }
  await scene.relay.setFault(null)
  const healedAt = performance.now()
  say({ type: 'fault', upstream: 'relay', fault: null })
  await load.settled()

  const during = records.filter(({ sentAt }) => sentAt >= brokeAt && sentAt < healedAt)
  const exposed = during.filter((record) => isDrawn(record) && onCanary(record))
  if (!exposed.some(({ reason, arm }) => reason === 'failover' && arm === 'control')) {
    failures.push('while the relay was down no request was answered by control on failover')
  }
  const deadline = performance.now() + READ_WITHIN_MS
  const healed = (): boolean =>
    records.some(({ sentAt, arm, fault }) => sentAt > healedAt && arm === 'canary' && !fault)
  while (!healed() && performance.now() < deadline) await sleep(50, undefined, { signal })
  if (!healed()) failures.push('the relay answered nobody after it had healed')
  return exposed.length
}

async function kill(
  scene: Scene,
  sentDuring: (ms: number) => Promise<LoadRecord[]>,
  say: (line: Line) => void,
  failures: string[],
  signal: AbortSignal,
): Promise<void> {
  const writtenAt = performance.now()
  scene.setFlags({ percent: 100, kill: true })
  await readingWhere(scene, 'the kill', signal, ({ killed, share }) => killed && share.target === 0)
  const readMs = Math.round(performance.now() - writtenAt)
  const after = await sentDuring(KILLED_MS)
  say({ type: 'killed', readMs, requests: after.length })
  const wrong = after.filter(({ arm, reason }) => arm !== 'control' || reason !== 'killed')
  if (after.length === 0) failures.push('no request was sent after the kill')
  if (wrong.length > 0) {
    const [first] = wrong
    failures.push(
      `${wrong.length} of ${after.length} requests after the kill was read were not killed, such as one of ${first?.arm} for ${first?.reason}`,
    )
  }
}

function summaryOf(
  records: readonly LoadRecord[],
  exposed: number,
  failures: readonly string[],
): Summary {
  const early = records.filter(({ errorBeforeFirstByte }) => errorBeforeFirstByte)
  const silent = records.filter((record) => record.silent)
  const all = [
    ...failures,
    ...(early.length === 0
      ? []
      : [`${early.length} callers saw an error before their first byte: ${someOf(early)}`]),
    ...(silent.length === 0
      ? []
      : [`${silent.length} cut streams ended as if they were whole: ${someOf(silent)}`]),
  ]
  return {
    type: 'summary',
    ok: all.length === 0,
    callers: {
      requests: records.length,
      errorsBeforeFirstByte: early.length,
      cutStreams: records.filter(({ cut }) => cut).length,
    },
    exposed,
    detectMs: null,
    savedUsd: null,
    failures: all,
  }
}

/** Asks the control API until it says so. @throws {Error} when it does not in time */
async function readingWhere(
  scene: Scene,
  what: string,
  signal: AbortSignal,
  holds: (reading: RolloutReading) => boolean,
): Promise<void> {
  const deadline = performance.now() + READ_WITHIN_MS
  while (!holds(await scene.rollout())) {
    if (performance.now() > deadline) {
      throw new Error(`${what} must be read within ${READ_WITHIN_MS} ms of being written, was not`)
    }
    await sleep(20, undefined, { signal })
  }
}

function round2(value: number): number {
  return Math.round(value * 100) / 100
}

function isDrawn({ reason }: LoadRecord): boolean {
  return reason === 'split' || reason === 'failover'
}

function onCanary({ assigned }: LoadRecord): boolean {
  return assigned === 'canary'
}

function someOf(records: readonly LoadRecord[]): string {
  const kinds = Map.groupBy(
    records,
    ({ shape, arm, reason, fault }) => `${shape} ${arm}/${reason}: ${fault}`,
  )
  return [...kinds].map(([kind, { length }]) => `${length}× ${kind}`).join(', ')
}

function wordsOf(line: Line): string {
  switch (line.type) {
    case 'step': {
      const { share, units, requests } = line
      return `flag ${share.flag} %: ${units.canary} of ${units.drawn} units on the canary, ${requests} requests`
    }
    case 'fault':
      return line.fault === null ? 'the relay heals' : `the relay breaks: ${line.fault}`
    case 'killed':
      return `killed: read after ${line.readMs} ms, ${line.requests} requests since`
    case 'summary': {
      const { callers, exposed, ok } = line
      return [
        ok ? 'all as promised:' : 'not as promised:',
        `${callers.requests} requests, ${callers.errorsBeforeFirstByte} errors before a first byte,`,
        `${callers.cutStreams} cut streams, ${exposed} drawn for the relay while it was broken`,
      ].join(' ')
    }
  }
}
