/** What one process makes of observations between two flushes: a unit's first outcome only, by epoch, share and thresholds. */
import { Counter } from '../judge/counter.ts'
import type { Counts, PlainLimits, Stratum } from '../judge/counts.ts'
import { FirstOutcomes, type FirstOutcomesState } from '../judge/first-outcomes.ts'
import type { Pins } from '../judge/pins.ts'
import type { Policy } from '../judge/policy.ts'
import { sampleOf } from '../judge/sample.ts'
import type { Answered } from '../judge/swap.ts'
import type { Finding, Observation, Pair, Trip } from '../types.ts'

/** What became of an observation. */
export type Added =
  /** Not drawn, or drawn in another epoch. */
  | { readonly as: 'none' }
  /** Its unit was counted at this share before: tripwires and plain thresholds see it, the statistics do not. */
  | { readonly as: 'again' }
  | { readonly as: 'first'; readonly stratum: Stratum }

/** 2^25 bits, 4 MiB a rollout: 2 million units at 0.1 % wrongly taken for seen, 8 million at 19 %. */
const FILTER_BITS = 2 ** 25

export class Evidence {
  readonly epoch: number
  readonly #firsts: FirstOutcomes
  #pins: Pins
  #limits: PlainLimits
  #counter: Counter
  /** Counted with the thresholds before. */
  #earlier: Counts[] = []
  /** There is something to take. */
  #waits = false

  constructor(
    epoch: number,
    policy: Policy,
    pins: Pins,
    firsts: FirstOutcomesState | null = null,
    bits: number = FILTER_BITS,
  ) {
    this.epoch = epoch
    this.#firsts = new FirstOutcomes(epoch, firsts, bits)
    this.#pins = pins
    this.#limits = limitsOf(policy)
    this.#counter = new Counter(epoch, pins, this.#limits)
  }

  /** @param unit what was hashed; null where the request itself was drawn @param epoch of the draw */
  add(observation: Observation, unit: string | null, epoch: number): Added {
    const sample = sampleOf(observation, this.#pins, null)
    if (sample === null || epoch !== this.epoch || observation.bucket === null) return NOT_ADDED
    const stratum = this.#firsts.admit(unit, observation.bucket, observation.shareBp)
    this.#counter.add(sample, stratum)
    this.#waits = true
    return stratum === null ? SEEN_BEFORE : { as: 'first', stratum }
  }

  /**
   * One pair of this epoch.
   * @param acts of what something comes: that is counted
   * @returns whether it added anything
   */
  compared(
    { odd, verdict, findings }: Pair,
    acts: Pick<Policy, 'integrity' | 'equivalence'>,
  ): boolean {
    const says = verdict !== 'inconclusive'
    const finds = says && acts.integrity !== undefined
    const compares = says && acts.equivalence !== undefined
    if (odd !== null) this.#counter.probe(odd)
    if (finds) this.#counter.found(findings)
    if (compares) this.#counter.compared(verdict === 'same' || verdict === 'equivalent')
    const adds = odd !== null || finds || compares
    this.#waits ||= adds
    return adds
  }

  /** Something that was found outside of pairs. @param acts as for `compared` @returns whether it added anything */
  caught(finding: Finding, acts: boolean): boolean {
    if (acts) this.#counter.caught(finding)
    this.#waits ||= acts
    return acts
  }

  /** A small question that both arms have answered. */
  answered(answered: Answered): void {
    this.#counter.answered(answered)
    this.#waits = true
  }

  trip(trip: Trip): void {
    this.#counter.trip(trip)
    this.#waits = true
  }

  /** What thresholds, limits and margins the next outcomes are counted against. What is counted stays as it is. */
  countAgainst(policy: Policy, pins: Pins): void {
    const limits = limitsOf(policy)
    const same =
      pins.id === this.#pins.id &&
      JSON.stringify([pins, limits]) === JSON.stringify([this.#pins, this.#limits])
    if (same) return
    if (this.#waits) this.#earlier.push(this.#counter.take())
    this.#pins = pins
    this.#limits = limits
    this.#counter = new Counter(this.epoch, pins, limits)
  }

  /** True while an outcome, a first one or not, or a trip waits to be taken. */
  get waits(): boolean {
    return this.#waits
  }

  take(): { readonly counts: readonly Counts[]; readonly journal: readonly number[] } {
    const counts = [...this.#earlier, this.#counter.take()]
    this.#earlier = []
    this.#waits = false
    return { counts, journal: this.#firsts.takeJournal() }
  }

  /** Takes in the units of another process, or of this one before it was restarted. */
  restore(journal: readonly number[]): void {
    this.#firsts.restore(journal)
  }

  /** The memory of units; not copied. */
  firsts(): FirstOutcomesState {
    return this.#firsts.state()
  }
}

const NOT_ADDED: Added = { as: 'none' }
const SEEN_BEFORE: Added = { as: 'again' }

function limitsOf({ absolute }: Policy): PlainLimits {
  return { p95Ms: absolute?.p95Ms ?? null, p99Ms: absolute?.p99Ms ?? null }
}
