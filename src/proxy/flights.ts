import type { Flight } from '../ports.ts'

/** One flight's place among the others. */
export interface Underway {
  readonly flight: Flight
  before: Underway | null
  after: Underway | null
}

/**
 * Drawn requests under way, the oldest first.
 *
 * Not a `Set`: one that is added to and deleted from for ever makes itself a new table now and then, each old table refers to the
 * next, and the first of them that the collector takes for long-lived makes all later ones so, with what is in them.
 */
export class Flights implements Iterable<Flight> {
  #oldest: Underway | null = null
  #newest: Underway | null = null

  add(flight: Flight): Underway {
    const newest = { flight, before: this.#newest, after: null }
    if (this.#newest === null) this.#oldest = newest
    else this.#newest.after = newest
    this.#newest = newest
    return newest
  }

  /** @param underway as `add` returned it; once */
  remove(underway: Underway): void {
    const { before, after } = underway
    if (before === null) this.#oldest = after
    else before.after = after
    if (after === null) this.#newest = before
    else after.before = before
    underway.before = null
    underway.after = null
  }

  *[Symbol.iterator](): Iterator<Flight> {
    for (let underway = this.#oldest; underway !== null; ) {
      const { flight, after }: Underway = underway
      yield flight
      underway = after
    }
  }
}
