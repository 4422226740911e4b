/** Tripwires: the contrastive run under shared incidents (4.2), and the paired run's N, calibrated at 50, 75 and 99 % (correction 2). */
import {
  contrastOf,
  newTripState,
  stepTripwire,
  type TripInput,
  type TripState,
} from '../../src/judge/tripwire.ts'
import { type Cell, percent } from './cells.ts'
import type { Random } from './sampling.ts'

const NEVER = Number.POSITIVE_INFINITY
const LEVELS = [1, 1 / 250, 1e-4, 1e-6] as const

/** 4.2: does a run of five trip while a provider behind both arms fails 40 % of requests, a fifth of the time? */
export const CONTRAST: readonly Cell[] = [0.01, 0.05, 0.5].map((rho) => ({
  id: `4.2 runs under shared incidents, ρ ${percent(rho)}`,
  columns: ['five in a row', 'contrast 1/250', 'contrast 1e-4', 'contrast 1e-6'],
  kind: 'part',
  full: 600,
  quick: 100,
  run: (random: Random) => {
    const tripped = LEVELS.map(() => 0)
    let [run, completions, failures] = [0, 0, 0]
    for (let request = 0; request < 100_000; request++) {
      const failed = random.chance(request % 5_000 < 4_000 ? 0.005 : 0.4)
      if (random.chance(rho)) {
        run = failed ? run + 1 : 0
        if (!failed) completions = failures = 0
      } else if (run > 0) {
        completions++
        failures += Number(failed)
      }
      if (run < 5) continue
      const contrast = contrastOf(run, completions, failures)
      for (const [at, level] of LEVELS.entries()) if (contrast <= level) tripped[at] = 1
    }
    return tripped
  },
}))

/** Of a dead canary: canary requests until it is stopped, from fresh, by the contrastive run and by the paired run alone. */
export const DEAD: readonly Cell[] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.99].map((rho) => ({
  id: `2 dead canary, ρ ${percent(rho)}`,
  columns: ['contrastive run', 'paired run, sequential'],
  kind: 'delay',
  full: 600,
  quick: 200,
  run: (random: Random) => {
    const at = [NEVER, NEVER]
    let state = newTripState()
    let [canary, nowMs] = [0, 0]
    while (at.includes(NEVER) && canary < 3_000) {
      const startedMs = nowMs
      nowMs += 100
      const mine = random.chance(rho)
      const ended: TripInput = {
        what: 'outcome',
        arm: mine ? 'canary' : 'control',
        outcome: mine ? 'connect_error' : 'ok',
        unit: null,
        startedMs,
        atMs: nowMs,
      }
      const inputs: TripInput[] = [ended]
      if (mine) {
        canary++
        // The next request comes when this one is answered.
        nowMs += 50
        const asked = { what: 'failover', ok: true, unit: null } as const
        inputs.push({ ...asked, startedMs, atMs: nowMs })
      }
      for (const input of inputs) {
        const next = stepTripwire(state, input, { usdPerMinute: null })
        state = next.state
        if (next.trip?.kind === 'failures' && at[0] === NEVER) at[0] = canary
        if (next.trip !== null && state.paired.failures >= 15 && at[1] === NEVER) at[1] = canary
      }
    }
    return at
  },
}))

const RUNS = [5, 8, 10, 12, 15, 20] as const
/** Without the spread, for comparison. */
const BARE_RUNS = [5, 15] as const

/** One exchange as the paired run sees it, in the order of its ends. */
interface Exchange {
  readonly startedMs: number
  readonly endedMs: number
  readonly failed: boolean
  /** Control's answer in its place. */
  readonly answeredMs: number
  readonly answeredOk: boolean
}

/** Is something behind both arms broken? */
interface Weather {
  /** How likely a request fails that starts now, 0..1. */
  readonly chanceAt: (atMs: number) => number
  /** When what is in flight at `fromMs` is killed, if that is before `toMs`. */
  readonly killsIn: (fromMs: number, toMs: number) => number | null
}

/** What goes wrong behind both arms, how fast it fails, and how long an answer takes. */
interface Situation {
  readonly name: string
  readonly weatherOf: (random: Random, lastMs: number) => Weather
  /** How long a request lives that fails. */
  readonly failMs: number
  /** All requests; 50 unless given. */
  readonly perSecond?: number
}

const HOUR_MS = 3_600_000

/** A fifth of the time, in stretches of minutes. */
function incidents(p: number): Situation['weatherOf'] {
  return () => ({
    chanceAt: (atMs) => (atMs % 300_000 < 60_000 ? p : HEALTHY),
    killsIn: () => null,
  })
}

const HEALTHY = 0.005

/** Every half minute or so, so short that requests in flight die and control is asked when it is nearly over. */
function blips(lengthMs: number): Situation['weatherOf'] {
  return (random, lastMs) => {
    const starts: number[] = []
    for (let at = 0; at < lastMs; at += 20_000 + random.next() * 20_000) starts.push(at)
    /** The last that began by then; blips are at least 20 s apart. */
    const before = (atMs: number): number => {
      let at = Math.min(starts.length - 1, Math.floor(atMs / 20_000))
      while ((starts[at] as number) > atMs) at--
      return starts[at] as number
    }
    return {
      chanceAt: (atMs) => (atMs - before(atMs) < lengthMs ? 1 : HEALTHY),
      killsIn: (fromMs, toMs) => {
        const startMs = before(toMs)
        return startMs > fromMs ? startMs : null
      },
    }
  }
}

const SITUATIONS: readonly Situation[] = [
  { name: 'incidents at 50 %, 5 a second', weatherOf: incidents(0.5), failMs: 50, perSecond: 5 },
  { name: 'incidents at 50 %, failing fast', weatherOf: incidents(0.5), failMs: 50 },
  { name: 'incidents at 50 %, failing after 10 s', weatherOf: incidents(0.5), failMs: 10_000 },
  { name: 'incidents at 80 %, failing fast', weatherOf: incidents(0.8), failMs: 50 },
  { name: 'blips of no length', weatherOf: blips(0), failMs: 50 },
  { name: 'blips of 0.2 s, failing fast', weatherOf: blips(200), failMs: 50 },
  { name: 'blips of 3 s, failing fast', weatherOf: blips(3_000), failMs: 50 },
  { name: 'blips of 3 s, failing after 10 s', weatherOf: blips(3_000), failMs: 10_000 },
]

/**
 * Requests a second, an hour long. A request fails by the weather's chance when it starts, or when a blip kills it in flight;
 * then control is asked, under the weather of that moment.
 */
function exchanges(
  random: Random,
  situation: Situation,
  perSecond: number,
  rho: number,
): Exchange[] {
  const lastMs = HOUR_MS
  const weather = situation.weatherOf(random, lastMs)
  const list: Exchange[] = []
  for (let at = 0; at < lastMs; at += (-Math.log(1 - random.next()) * 1_000) / (perSecond * rho)) {
    const durationMs = random.lognormal(800, 0.7)
    const first = attempt(random, weather, at, durationMs, situation.failMs)
    const second = attempt(
      random,
      weather,
      first.endedMs,
      random.lognormal(800, 0.7),
      situation.failMs,
    )
    list.push({
      startedMs: at,
      endedMs: first.endedMs,
      failed: first.failed,
      answeredMs: second.endedMs,
      answeredOk: !second.failed,
    })
  }
  return list
}

function attempt(
  random: Random,
  weather: Weather,
  atMs: number,
  durationMs: number,
  failMs: number,
): { readonly failed: boolean; readonly endedMs: number } {
  if (random.chance(weather.chanceAt(atMs))) return { failed: true, endedMs: atMs + failMs }
  const killedMs = weather.killsIn(atMs, atMs + durationMs)
  if (killedMs !== null) return { failed: true, endedMs: killedMs }
  return { failed: false, endedMs: atMs + durationMs }
}

/** Trips in an hour for each N, with and without the two seconds and generations; after a trip the run begins anew. */
function pairedTrips(random: Random, situation: Situation, rho: number): readonly number[] {
  const list = exchanges(random, situation, situation.perSecond ?? 50, rho)
  const events = list
    .flatMap((one): readonly (readonly [atMs: number, good: boolean | null, from: Exchange])[] =>
      one.failed
        ? [[one.answeredMs, one.answeredOk ? false : null, one]]
        : [[one.endedMs, true, one]],
    )
    // What ends after the last request began has no good answers beside it.
    .filter(([atMs]) => atMs <= HOUR_MS)
    .sort((a, b) => a[0] - b[0])
  return [
    ...BARE_RUNS.map((n) => countTrips(events, n, false)),
    ...RUNS.map((n) => countTrips(events, n, true)),
    tripsAsShipped(events),
  ]
}

type Event = readonly [atMs: number, good: boolean | null, from: Exchange]

function countTrips(events: readonly Event[], n: number, spread: boolean): number {
  let trips = 0
  let [run, sinceMs, generations, generationMs] = [0, 0, 0, 0]
  for (const [atMs, good, { startedMs }] of events) {
    if (good !== false) {
      run = 0
      continue
    }
    const next = run === 0 || startedMs >= generationMs
    if (run === 0) [sinceMs, generations] = [atMs, 0]
    run++
    if (next) [generations, generationMs] = [generations + 1, atMs]
    if (run < n || (spread && generations < n && atMs - sinceMs < 2_000)) continue
    trips++
    run = 0
  }
  return trips
}

/** The paired run of `src/judge/tripwire.ts` itself. */
function tripsAsShipped(events: readonly Event[]): number {
  let state: TripState = newTripState()
  let trips = 0
  for (const [atMs, good, { startedMs }] of events) {
    const input: TripInput =
      good === true
        ? { what: 'outcome', arm: 'canary', outcome: 'ok', unit: null, startedMs, atMs }
        : { what: 'failover', ok: good === false, unit: null, startedMs, atMs }
    const next = stepTripwire(state, input, { usdPerMinute: null })
    state = next.state
    if (next.trip === null) continue
    trips++
    state = newTripState()
  }
  return trips
}

export const PAIRED_COLUMNS = [
  ...BARE_RUNS.map((n) => `N ${n}, no spread`),
  ...RUNS.map((n) => `N ${n}`),
  'as shipped',
]

export const PAIRED: readonly Cell[] = SITUATIONS.flatMap((situation) =>
  [0.5, 0.75, 0.99].map((rho) => ({
    id: `2 paired run, ρ ${percent(rho)}, ${situation.name}`,
    columns: PAIRED_COLUMNS,
    kind: 'events' as const,
    full: 12,
    quick: 1,
    run: (random: Random) => pairedTrips(random, situation, rho),
  })),
)

/**
 * A dead canary under concurrent load: seconds and canary requests from the first that fails until the paired run trips.
 * `failMs` is how long it takes to fail.
 */
export const PAIRED_DETECTION: readonly Cell[] = [
  { perSecond: 5, failMs: 5 },
  { perSecond: 5, failMs: 1_000 },
  { perSecond: 50, failMs: 5 },
  { perSecond: 50, failMs: 1_000 },
].map(({ perSecond, failMs }) => ({
  id: `2 paired run, dead canary at 99 %, ${perSecond} a second, failing after ${failMs} ms`,
  columns: ['canary requests started', 'seconds'],
  kind: 'middle' as const,
  full: 200,
  quick: 40,
  run: (random: Random) => {
    const events: { atMs: number; startedMs: number }[] = []
    let at = 0
    for (let one = 0; one < 1_000; one++) {
      at += (-Math.log(1 - random.next()) * 1_000) / (perSecond * 0.99)
      events.push({ startedMs: at, atMs: at + failMs + random.lognormal(800, 0.7) })
    }
    const first = (events[0] as (typeof events)[number]).startedMs
    let state = newTripState()
    for (const { startedMs, atMs } of [...events].sort((a, b) => a.atMs - b.atMs)) {
      const input: TripInput = {
        what: 'failover',
        ok: true,
        unit: null,
        startedMs,
        atMs,
      }
      const next = stepTripwire(state, input, { usdPerMinute: null })
      state = next.state
      if (next.trip === null) continue
      return [events.filter((event) => event.startedMs <= atMs).length, (atMs - first) / 1_000]
    }
    return [NEVER, NEVER]
  },
}))
