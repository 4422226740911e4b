import type { Dispatch, Parcel } from './exchange.ts'

/** The isolates that count for rollouts, as the writer of these knows them. In memory: what is lost with it is shown, not judged. */

interface Known {
  readonly rollout: string
  readonly sequence: number
  readonly inFlight: number
  readonly atMs: number
}

/** One that was not heard for so long is gone, or has nothing under way. */
const SILENT_MS = 10_000
/** Isolates come and go. */
const MOST = 10_000

export class Isolates {
  readonly #known = new Map<string, Known>()

  /** @param nowMs monotonic @returns the parcel, to be tallied; null when there is none, or it came before */
  hear(rollout: string, { process, parcel, inFlight }: Dispatch, nowMs: number): Parcel | null {
    const before = this.#known.get(process)?.sequence ?? -1
    const sequence = Math.max(before, parcel?.sequence ?? -1)
    this.#known.delete(process)
    this.#known.set(process, { rollout, sequence, inFlight, atMs: nowMs })
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest)
    return parcel !== null && parcel.sequence > before ? parcel : null
  }

  /** Drawn requests at the canary now, in all that were heard lately. */
  inFlight(rollout: string, nowMs: number): number {
    let sum = 0
    for (const known of this.#known.values()) {
      if (known.rollout === rollout && nowMs - known.atMs < SILENT_MS) sum += known.inFlight
    }
    return sum
  }
}
