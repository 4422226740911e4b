import type { Place } from '../judge/judge.ts'
import { noPins, type Pins } from '../judge/pins.ts'
import type { Policy } from '../judge/policy.ts'
import type { Answered } from '../judge/swap.ts'
import type { EvidenceBatch, EvidenceStore, Forgotten } from '../ports.ts'
import type { DriftCounts, Finding, Observation, Pair, RolloutRecord, Trip } from '../types.ts'
import { Batches, type BatchesParts } from './batches.ts'
import { type Checkpointed, checkpointOf, fromCheckpoint, packed } from './checkpoint.ts'
import { type Added, Evidence } from './evidence.ts'
import type { Dispatch, Units } from './exchange.ts'
import { type FlushRecord, type Judged, judgeNext, NOTHING_JUDGED, seenOf } from './flushes.ts'
import type { Journals } from './journals.ts'

/**
 * The counts of one rollout on their way: collected here, written to the log, and judged as the log has them, so that
 * every reader of it comes to the same verdict.
 */

export interface EvidenceLogParts extends BatchesParts {
  readonly store: EvidenceStore<FlushRecord>
  /** Where isolates count too, and have to hear of each other's units. */
  readonly journals: Journals | null
  readonly drift: DriftToLog
}

/** What shadows came to, on its way into the log and back out of it. */
export interface DriftToLog {
  /** What was counted since the last; null when nothing was. */
  take(): DriftCounts | null
  /** The log has it now. @param own it is what was taken last */
  logged(counts: DriftCounts, own: boolean): void
  /** Another epoch begins. @param known what the log had of it by the checkpoint; null for nothing */
  begin(known: DriftCounts | null): void
  /** All that the log is known to have of the epoch; null for nothing. */
  readonly known: DriftCounts | null
}

/** What the counts are judged by, and whose they are. */
export interface Terms {
  readonly policy: Policy
  /** The canary's name and where it is. */
  readonly canary: string
}

const READ_BATCHES = 500
/** Findings of a process that could not read its store yet. */
const MOST_BEFORE = 16
/** At once: a store may be in this process, and hold it up for as long as that takes. */
const FORGET_BATCHES = 500

export class EvidenceLog {
  readonly #parts: EvidenceLogParts
  readonly #batches: Batches
  #terms: Terms
  #judged: Judged = NOTHING_JUDGED
  #evidence: Evidence
  /** Written down but not acknowledged: sent again under the same sequence. */
  #pending: EvidenceBatch<FlushRecord> | null = null
  #toldPolicy: Policy | null = null
  #toldApart = 0
  /** What was caught before the log was read, which begins the counts anew; null once it was. */
  #caughtBefore: Finding[] | null = []
  #forgotten: Forgotten | null = null

  constructor(terms: Terms, parts: EvidenceLogParts) {
    this.#parts = parts
    this.#terms = terms
    this.#evidence = new Evidence(1, terms.policy, noPins(terms.policy))
    this.#batches = new Batches(parts)
  }

  get judged(): Judged {
    return this.#judged
  }

  get epoch(): number {
    return this.#evidence.epoch
  }

  /** Thresholds that control has shown so far in this epoch. */
  get pins(): Pins {
    return this.#judged.state?.pins ?? noPins(this.#terms.policy)
  }

  /** What of the log is not there any more. */
  get forgotten(): Forgotten | null {
    return this.#forgotten
  }

  add(observation: Observation, unit: string | null): Added {
    return this.#evidence.add(observation, unit, observation.epoch)
  }

  /** As `Evidence.compared`. */
  compared(pair: Pair): boolean {
    return this.#evidence.compared(pair, this.#terms.policy)
  }

  /** As `Evidence.caught`. */
  caught(finding: Finding): boolean {
    const acts = this.#terms.policy.integrity !== undefined
    if (acts && (this.#caughtBefore?.length ?? MOST_BEFORE) < MOST_BEFORE) {
      this.#caughtBefore?.push(finding)
    }
    return this.#evidence.caught(finding, acts)
  }

  answered(answered: Answered): void {
    this.#evidence.answered(answered)
  }

  /** How many of this process's questions have told the arms apart since the last call. */
  takeToldApart(): number {
    const count = this.#toldApart
    this.#toldApart = 0
    return count
  }

  trip(trip: Trip): void {
    this.#evidence.trip(trip)
  }

  /** After a reload; what is counted stays as it is. */
  agree(terms: Terms): void {
    this.#terms = terms
    this.#evidence.countAgainst(terms.policy, this.pins)
  }

  /** Of this epoch nothing was read but what was kept: counts, verdict and the memory of units belong together. */
  begin(epoch: number, kept: Checkpointed | null = null): void {
    this.#judged = kept?.judged ?? NOTHING_JUDGED
    this.#evidence = new Evidence(epoch, this.#terms.policy, this.pins, kept?.firsts)
    this.#parts.journals?.begin(this.#judged.position)
    this.#parts.drift.begin(kept?.drift ?? null)
    // Whoever reads this epoch alone has to learn it too.
    this.#toldPolicy = null
  }

  /** The first word of the store. @returns what tripped at this visit and was not acted on @throws what the store throws */
  async load({ epoch, visit }: RolloutRecord): Promise<Trip | null> {
    const { store, rollout } = this.#parts
    const kept = fromCheckpoint(await store.checkpoint(rollout))
    this.#forgotten = await store.forgotten(rollout)
    this.begin(epoch, kept?.firsts.epoch === epoch ? kept : null)
    const before = this.#caughtBefore ?? []
    this.#caughtBefore = null
    for (const finding of before) this.caught(finding)
    return this.#read(visit)
  }

  /**
   * Writes down what was counted, and judges what the log holds.
   * @returns what tripped at this visit, in any process
   * @throws what the store throws; nothing is lost then
   */
  async flush(place: Place): Promise<Trip | null> {
    // First what a store that was away did not take: a trip since then is of this visit, and of no later one.
    await this.#append()
    this.#pending = this.#take(place)
    await this.#append()
    return this.#read(place.visit)
  }

  /**
   * Writes down what an isolate counted. One that is there already is not written again.
   * @throws what the store throws: it may have to be sent again then
   */
  async receive(batch: EvidenceBatch<FlushRecord>): Promise<void> {
    const { policy } = this.#terms
    const told = JSON.stringify(this.#judged.policies[batch.process]) === JSON.stringify(policy)
    const counts = { ...batch.counts, policy: told ? null : policy, seen: seenOf(this.#judged) }
    await this.#parts.store.append([{ ...batch, counts }])
  }

  /** What an isolate has to hear of the units of others. */
  unitsFor({ process, knows }: Pick<Dispatch, 'process' | 'knows'>): Units {
    const { position } = this.#judged
    const journal =
      knows?.epoch === this.epoch
        ? (this.#parts.journals?.since(knows.position, process) ?? null)
        : null
    if (journal !== null) return { what: 'more', position, journal }
    const { shares, words } = this.#evidence.firsts()
    return { what: 'all', position, shares, words: packed(words) }
  }

  /** So that the next process need not read the log from its beginning. @throws what the store throws */
  async keepCheckpoint(): Promise<void> {
    if (this.#judged.position === 0) return
    const { store, rollout, drift } = this.#parts
    await store.keepCheckpoint(
      checkpointOf(rollout, this.#judged, this.#evidence.firsts(), drift.known),
    )
  }

  /**
   * Lets go of evidence of epochs that are over: the present one is judged, and replayed, from its own alone.
   * @param before milliseconds since the epoch @returns whether there may be more
   * @throws what the store throws
   */
  async forget(before: number): Promise<boolean> {
    const { store, rollout } = this.#parts
    const { epoch } = this
    const gone = await store.forget({ rollout, epoch, before, limit: FORGET_BATCHES })
    if (gone > 0) this.#forgotten = await store.forgotten(rollout)
    return gone === FORGET_BATCHES
  }

  async #append(): Promise<void> {
    if (this.#pending === null) return
    await this.#parts.store.append([this.#pending])
    this.#pending = null
  }

  /** What was counted since the last; null when nothing was. */
  #take(place: Place): EvidenceBatch<FlushRecord> | null {
    const { policy, canary } = this.#terms
    const batch = this.#batches.take(this.#evidence, place, this.#parts.drift.take(), {
      canary,
      policy: this.#toldPolicy === policy ? null : policy,
      seen: seenOf(this.#judged),
    })
    if (batch !== null) this.#toldPolicy = policy
    return batch
  }

  /** Judges what the log holds beyond the last position, record by record. @returns what tripped at this visit */
  async #read(visit: number): Promise<Trip | null> {
    const { store, rollout, process, drift } = this.#parts
    let trip: Trip | null = null
    for (;;) {
      const after = this.#judged.position
      const batches = await store.read({ rollout, epoch: this.epoch, after, limit: READ_BATCHES })
      for (const batch of batches) {
        const before = toldApartBy(this.#judged)
        this.#judged = judgeNext(this.#judged, batch)
        if (batch.process === process) {
          this.#toldApart += Math.max(0, toldApartBy(this.#judged) - before)
        }
        this.#evidence.restore(batch.counts.journal)
        this.#parts.journals?.add(batch)
        if (batch.counts.drift !== undefined) {
          drift.logged(batch.counts.drift, batch.process === process)
        }
        const { place, judgement } = this.#judged
        if (place?.visit === visit) trip ??= judgement?.trip ?? null
      }
      this.#evidence.countAgainst(this.#terms.policy, this.pins)
      if (batches.length < READ_BATCHES) return trip
    }
  }
}

/** How many questions have told the arms apart in this epoch. */
function toldApartBy({ state }: Judged): number {
  return state?.integrity?.found.other_model?.count ?? 0
}
