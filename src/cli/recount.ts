import type { EventView } from '../api/views/event.ts'
import type { FlushView } from '../api/views/flush.ts'
import type { Flush } from '../judge/judge.ts'
import {
  digestOf,
  type FlushRecord,
  type Judged,
  judgeNext,
  NOTHING_JUDGED,
  type Seen,
} from '../rollout/flushes.ts'

/** Judges a record of flushes once more, and holds what comes of it against what their writers saw. */

/** Where the record and the recount part. */
export type Difference =
  | {
      readonly kind: 'digest'
      /** The flush whose writer saw something else. */
      readonly position: number
      readonly process: string
      readonly at: string
      /** What it saw, and after which flush. */
      readonly after: number
      readonly recorded: string
      readonly recounted: string
    }
  | {
      readonly kind: 'event'
      readonly id: string
      readonly type: EventView['type']
      readonly by: string
      readonly at: string
      readonly recorded: string
      /** All that could have been its reason; empty when nothing was found at all. */
      readonly recounted: readonly string[]
    }

/** What first ended it, by the policies on record. */
export interface RecordedEnding {
  readonly by: 'guard' | 'tripwire'
  readonly reason: string
  readonly atMs: number
  readonly position: number
}

/** A writer that lags by more is not compared: so many states are remembered. */
const REMEMBERED = 256

export class Recount {
  #judged: Judged = NOTHING_JUDGED
  /** The last ones, oldest first. */
  readonly #states: { readonly position: number; readonly state: Judged['state'] }[] = []
  readonly #trips = new Set<string>()
  #failure: string | null = null
  #ending: RecordedEnding | null = null
  #digests = 0
  #uncompared = 0

  /**
   * The next flush of the log.
   * @param compare false for those of an epoch before the one that is asked about
   * @returns null when nothing differs
   */
  add(
    { process, epoch, sequence, position, at }: FlushView,
    record: FlushRecord,
    compare: boolean,
  ): Difference | null {
    const difference =
      compare && record.seen !== null ? this.#compare(record.seen, { position, process, at }) : null
    const batch = {
      rollout: '',
      process,
      epoch,
      sequence,
      position,
      at: Date.parse(at),
      counts: record,
    }
    this.#judged = judgeNext(this.#judged, batch)
    this.#states.push({ position, state: this.#judged.state })
    if (this.#states.length > REMEMBERED) this.#states.shift()
    if (compare) this.#note(record.atMs, position)
    return difference
  }

  /** The last flush as it was judged: a process that lags is judged where the others are. */
  flushOf({ fromMs, atMs, counts, place }: FlushRecord): Flush {
    return { place: this.#judged.place ?? place, fromMs, atMs, counts }
  }

  /** Of the guard and the tripwires only: people and probes have other reasons. @returns null when all have theirs here */
  holdAgainst(events: readonly EventView[]): Difference | null {
    for (const { id, type, by, at, reason } of events.filter(isFinding)) {
      const recounted =
        by === 'guard' ? (this.#failure === null ? [] : [this.#failure]) : [...this.#trips]
      const same = recounted.some((one) => reason === one || reason.startsWith(`${one}; resumed `))
      if (!same) return { kind: 'event', id, type, by, at, recorded: reason, recounted }
    }
    return null
  }

  get digests(): number {
    return this.#digests
  }

  /** Digests of states that are not at hand: of an earlier epoch, or too far back. */
  get uncompared(): number {
    return this.#uncompared
  }

  get ending(): RecordedEnding | null {
    return this.#ending
  }

  #compare(
    seen: Seen,
    writer: { readonly position: number; readonly process: string; readonly at: string },
  ): Difference | null {
    const state = this.#states.findLast(({ position }) => position <= seen.position)?.state ?? null
    if (state === null) {
      this.#uncompared++
      return null
    }
    this.#digests++
    const recounted = digestOf(state)
    if (recounted === seen.digest) return null
    return { kind: 'digest', ...writer, after: seen.position, recorded: seen.digest, recounted }
  }

  #note(atMs: number, position: number): void {
    const { judgement } = this.#judged
    if (judgement === null) return
    const { guard, trip } = judgement
    if (guard.value === 'fail') {
      this.#failure ??=
        guard.reasons.filter((reason) => reason.trim() !== '').join('; ') || NO_WORDS
      this.#ending ??= { by: 'guard', reason: this.#failure, atMs, position }
    }
    if (trip === null) return
    const reason = `${trip.kind}: ${trip.words}`
    this.#trips.add(reason)
    this.#ending ??= { by: 'tripwire', reason, atMs, position }
  }
}

/** What `advance` says for a guard that gave no reason. */
const NO_WORDS = 'the guard failed'

/** An event whose reason came from the evidence. */
export function isFinding({ type, by }: EventView): boolean {
  return (type === 'rolled_back' || type === 'suspended') && (by === 'guard' || by === 'tripwire')
}
