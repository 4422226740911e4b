/**
 * Which of an upstream's keys is used next: one after the other, without those that were refused (401, 402, 403) or are
 * over their rate (429). When all are, the one whose time comes first is tried all the same. In memory, by upstream.
 */

interface Key {
  /** Monotonic milliseconds. */
  untilMs: number
  /** Refusals in a row. */
  refusals: number
}

/** A refused key is left out for this long, and twice as long with each refusal in a row. */
const REFUSED_MS = 30_000
const MOST_REFUSED_MS = 900_000
/** A key over its rate, where the upstream does not say for how long. */
const LIMITED_MS = 5_000

export class Keys {
  readonly #byUpstream = new Map<string, { readonly keys: Key[]; next: number }>()

  /** @param count of the upstream's keys, 1 and up @returns an index below it */
  take(upstream: string, count: number, nowMs: number): number {
    if (count <= 1) return 0
    const ring = this.#ringOf(upstream, count)
    const order = ring.keys.map((_, at) => (ring.next + at) % count)
    const untilMs = (at: number): number => (ring.keys[at] as Key).untilMs
    const sooner = (one: number, other: number): number =>
      untilMs(other) < untilMs(one) ? other : one
    const taken = order.find((at) => untilMs(at) <= nowMs) ?? order.reduce(sooner)
    ring.next = (taken + 1) % count
    return taken
  }

  /**
   * What an upstream said to a key.
   * @param status of its answer; null when it gave none
   * @param retryAfterMs what it asked for; null where it asked for nothing
   * @returns true when it refused a key that was in use until now: someone should be told
   */
  note(
    upstream: string,
    count: number,
    taken: number,
    status: number | null,
    retryAfterMs: number | null,
    nowMs: number,
  ): boolean {
    if (status === null) return false
    const refused = status === 401 || status === 402 || status === 403
    if (!refused && status !== 429) {
      const known = this.#byUpstream.get(upstream)?.keys[taken]
      if (known !== undefined && known.refusals > 0 && status < 400) {
        known.refusals = 0
        known.untilMs = 0
      }
      return false
    }
    const key = this.#ringOf(upstream, count).keys[taken]
    if (key === undefined) return false
    if (!refused) {
      key.untilMs = Math.max(key.untilMs, nowMs + (retryAfterMs ?? LIMITED_MS))
      return false
    }
    const wasInUse = key.untilMs <= nowMs
    key.untilMs = nowMs + Math.min(MOST_REFUSED_MS, REFUSED_MS * 2 ** key.refusals)
    key.refusals++
    return wasInUse
  }

  /** Upstreams that refused every key they have, and took none since. */
  refusing(): readonly string[] {
    return [...this.#byUpstream]
      .filter(([, { keys }]) => keys.every(({ refusals }) => refusals > 0))
      .map(([upstream]) => upstream)
  }

  /** A reload may have brought other keys: all of them are in use. */
  forget(): void {
    this.#byUpstream.clear()
  }

  #ringOf(upstream: string, count: number): { readonly keys: Key[]; next: number } {
    const known = this.#byUpstream.get(upstream)
    if (known !== undefined && known.keys.length === count) return known
    const keys = Array.from({ length: Math.max(1, count) }, () => ({ untilMs: 0, refusals: 0 }))
    const ring = { keys, next: 0 }
    this.#byUpstream.set(upstream, ring)
    return ring
  }
}
