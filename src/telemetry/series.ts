import type { Attributes, Metric } from './names.ts'

/** Counts as they are kept between two collections: plain arrays, found by one string. Cheap to add to, and bounded. */

/** A histogram of one series. */
export class Distribution {
  /** One more than there are bounds: the last is for what is greater than all of them. */
  readonly counts: Float64Array
  sum = 0
  count = 0
  readonly #bounds: readonly number[]

  /** @param bounds inclusive upper bounds, ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  get bounds(): readonly number[] {
    return this.#bounds
  }

  /** NaN and what is less than 0 is not counted. */
  record(value: number): void {
    if (!(value >= 0)) return
    const bounds = this.#bounds
    let at = 0
    while (at < bounds.length && value > (bounds[at] as number)) at++
    this.counts[at] = (this.counts[at] as number) + 1
    this.sum += value
    this.count++
  }

  merge(other: Distribution): void {
    for (let at = 0; at < this.counts.length; at++) {
      this.counts[at] = (this.counts[at] as number) + (other.counts[at] as number)
    }
    this.sum += other.sum
    this.count += other.count
  }
}

/** One series of one metric, as it stands. */
export interface Point {
  readonly attributes: Attributes
  readonly value: number | Distribution
}

/** All series of one metric. */
export interface Collected {
  readonly metric: Metric
  readonly points: readonly Point[]
}

/** Rows by key, at most so many: the rest share one. */
export class Rows<Row> {
  readonly #rows = new Map<string, Row>()
  readonly #most: number
  readonly #rest: () => Row
  #overflow: Row | null = null

  /** @param rest makes the row of all that find no place */
  constructor(most: number, rest: () => Row) {
    this.#most = most
    this.#rest = rest
  }

  of(key: string, make: () => Row): Row {
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    if (this.#rows.size >= this.#most) {
      this.#overflow ??= this.#rest()
      return this.#overflow
    }
    const row = make()
    this.#rows.set(key, row)
    return row
  }

  *values(): Iterable<Row> {
    yield* this.#rows.values()
    if (this.#overflow !== null) yield this.#overflow
  }
}
