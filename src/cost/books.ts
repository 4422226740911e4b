import type { LedgerKey, LedgerLine } from '../ports.ts'
import type { Arm, Observation, Reason, Role } from '../types.ts'
import { type Charge, chargeOf } from './charge.ts'
import { GrowingLine } from './lines.ts'
import { moneyOf, type Rates } from './price.ts'
import type { PriceList } from './price-list.ts'
import type { Pricing } from './pricing.ts'

/** What one process spends until somebody takes its lines: in memory, bounded by the names that lines may have. */

/** What becomes of one attempt's price. */
export interface Booking {
  readonly charge: Charge
  /** The line it is in. */
  readonly key: LedgerKey
}

interface Line {
  readonly key: LedgerKey
  readonly line: GrowingLine
}

const DAY_MS = 86_400_000
/** Names of models a day that nobody has a price for, and all: they are the caller's words. */
const MOST_UNPRICED = 40
const MOST_MODELS = 100
const MOST_NAME = 100
const OTHER = 'other'

/** Requests that could not have gone to the other arm, or that control answered in its place. */
const BOUND: ReadonlySet<Reason> = new Set(['pinned', 'excluded', 'unmatched', 'failover'])
/** Without a rollout's say: what is spent on them is the upstream's alone. */
const UNDRAWN: ReadonlySet<Reason> = new Set(['pinned', 'unmatched'])

export class Books {
  #pricing: Pricing
  #lines = new Map<string, Line>()
  /** That of each arm's last attempt: most are of one kind. */
  #last: Partial<Record<Arm, Line>> = {}
  #budgeted: ReadonlySet<string> = new Set()
  #dayNumber = Number.NaN
  #day = ''
  readonly #names = new Set<string>()
  #unpriced = 0

  constructor(pricing: Pricing) {
    this.#pricing = pricing
  }

  /** From now on by these prices; what is booked stays as it is. */
  price(pricing: Pricing): void {
    this.#pricing = pricing
  }

  /** From now on what these callers ask for has lines of its own. @param callers those with a budget */
  keepApart(callers: ReadonlySet<string>): void {
    this.#budgeted = callers
  }

  /** Names that this day has already, from before. */
  admit(names: Iterable<string>, atMs: number): void {
    this.dayOf(atMs)
    for (const name of names) this.#names.add(name)
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0
  }

  /** What was booked since it was last taken. */
  lines(): LedgerLine[] {
    return Array.from(this.#lines.values(), ({ key, line }) => ({ key, amounts: line.amounts() }))
  }

  /** The same, which is then gone. */
  take(): LedgerLine[] {
    const lines = this.lines()
    this.#lines = new Map()
    this.#last = {}
    return lines
  }

  /**
   * Books one attempt. Synchronous, memory only.
   * @param other the upstream of the other arm; null where there is none
   */
  book(observation: Observation, role: Role, other: string | null): Booking {
    const { upstream, modelAsked, reason, arm } = observation
    const day = this.dayOf(observation.startedAt)
    const list = this.#pricing.get(upstream)
    const rates = ratesIn(list, modelAsked, day)
    const charge = chargeOf(observation, rates)
    const there =
      role === 'live' && other !== null && !BOUND.has(reason)
        ? ratesIn(this.#pricing.get(other), modelAsked, day)
        : null
    const caller = role === 'live' ? this.#budgetedOf(observation) : null
    const key = {
      day,
      rollout: arm === 'control' && UNDRAWN.has(reason) ? null : observation.rollout,
      arm,
      role,
      upstream,
      model: this.#nameOf(modelAsked, rates !== null),
      prices: list?.version ?? '',
    }
    const { key: whole, line } = this.#lineOf(caller === null ? key : { ...key, caller })
    line.add({
      charge,
      elsewhere: elsewhereOf(observation, charge, there),
      fair: observation.evidence && role === 'live' && observation.outcome === 'ok',
      coldCost: coldCostOf(charge, there),
    })
    return { charge, key: whole }
  }

  /** What one attempt costs, in picodollars; null where nobody knows. Nothing is booked. */
  priceOf(observation: Observation): bigint | null {
    const { upstream, modelAsked, startedAt } = observation
    const rates = ratesIn(this.#pricing.get(upstream), modelAsked, dayText(startedAt))
    return chargeOf(observation, rates).pico
  }

  #budgetedOf({ caller }: Observation): string | null {
    return caller !== null && this.#budgeted.has(caller) ? caller : null
  }

  #lineOf(key: LedgerKey): Line {
    const last = this.#last[key.arm]
    if (last !== undefined && isSame(last.key, key)) return last
    const { day, rollout, arm, role, upstream, model, prices, caller } = key
    const name = `${day}\n${rollout}\n${arm}\n${role}\n${upstream}\n${prices}\n${caller}\n${model === null ? '' : `=${model}`}`
    let found = this.#lines.get(name)
    if (found === undefined) {
      found = { key, line: new GrowingLine() }
      this.#lines.set(name, found)
    }
    this.#last[arm] = found
    return found
  }

  /** Days end at midnight in UTC. */
  dayOf(atMs: number): string {
    const number = Math.floor(atMs / DAY_MS)
    if (number === this.#dayNumber) return this.#day
    // Streams that began before midnight end after it.
    if (number !== this.#dayNumber - 1) {
      this.#dayNumber = number
      this.#day = dayText(atMs)
      this.#names.clear()
      this.#unpriced = 0
    }
    return dayText(atMs)
  }

  /** Its price is the model's own; only its name may be lost among too many. */
  #nameOf(model: string | null, priced: boolean): string | null {
    if (model === null || this.#names.has(model)) return model
    if (model.length > MOST_NAME || this.#names.size >= MOST_MODELS) return OTHER
    if (!priced && this.#unpriced >= MOST_UNPRICED) return OTHER
    if (!priced) this.#unpriced++
    this.#names.add(model)
    return model
  }
}

function isSame(one: LedgerKey, other: LedgerKey): boolean {
  return (
    one.model === other.model &&
    one.day === other.day &&
    one.role === other.role &&
    one.rollout === other.rollout &&
    one.upstream === other.upstream &&
    one.prices === other.prices &&
    one.caller === other.caller
  )
}

/** @param atMs milliseconds since the epoch @returns the day in UTC: `2026-11-26` */
export function dayText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}

/** @param day `2026-11-26` @returns null where nobody knows */
export function ratesIn(
  list: PriceList | undefined,
  model: string | null,
  day: string,
): Rates | null {
  return list === undefined || model === null ? null : list.ratesOf(model, day)
}

/** What failed on the canary saves nothing: without it control would have been asked once, as it was then. */
function elsewhereOf(
  { arm, outcome }: Observation,
  { tokens, pico }: Charge,
  there: Rates | null,
): bigint | null {
  if (there === null || tokens === null || pico === null) return null
  if (arm === 'canary' && outcome !== 'ok' && outcome !== 'cancelled') return 0n
  return moneyOf(tokens, there)
}

/** What the tokens that were read from a cache would cost more on the other arm, which has none of them. */
function coldCostOf({ tokens, estimated }: Charge, there: Rates | null): bigint | null {
  if (there === null || tokens === null || estimated || tokens.cachedInput === 0) return null
  const { cachedInput } = tokens
  const cold = moneyOf({ ...NO_TOKENS, input: cachedInput }, there)
  const warm = moneyOf({ ...NO_TOKENS, cachedInput }, there)
  return cold === null || warm === null ? null : cold - warm
}

const NO_TOKENS = {
  input: 0,
  cachedInput: 0,
  cacheWrite: 0,
  cacheWriteHour: 0,
  output: 0,
  reasoning: 0,
}
