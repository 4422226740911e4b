import type { Attributes, Metric } from './names.ts'

/** Counts as they are kept between two collections: plain arrays, found by one string. Cheap to add to, and bounded. */

/** A request that shows what a bucket holds: its trace is kept. */
export interface Exemplar {
  readonly value: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly traceId: string
}

/** A distribution as structured clone takes it; buckets by number, what is 0 left out. */
export interface Spread {
  readonly counts: readonly (readonly [bucket: number, count: number])[]
  readonly sum: number
  readonly exemplars: readonly (readonly [bucket: number, exemplar: Exemplar])[]
}

/** A histogram of one series. */
export class Distribution {
  /** One more than there are bounds: the last is for what is greater than all of them. */
  readonly counts: Float64Array
  sum = 0
  count = 0
  readonly #bounds: readonly number[]
  /** The newest of each bucket. */
  #exemplars: (Exemplar | undefined)[] | null = null

  /** @param bounds inclusive upper bounds, ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  get bounds(): readonly number[] {
    return this.#bounds
  }

  /** By bucket; empty where no request was kept. */
  get exemplars(): readonly (Exemplar | undefined)[] {
    return this.#exemplars ?? []
  }

  /** NaN and what is less than 0 is not counted. @param shown the request, where its trace is kept */
  record(value: number, shown: Omit<Exemplar, 'value'> | null = null): void {
    if (!(value >= 0)) return
    const bounds = this.#bounds
    let at = 0
    while (at < bounds.length && value > (bounds[at] as number)) at++
    this.counts[at] = (this.counts[at] as number) + 1
    this.sum += value
    this.count++
    if (shown !== null) this.#show(at, { value, ...shown })
  }

  merge(other: Distribution): void {
    for (let at = 0; at < this.counts.length; at++) {
      this.counts[at] = (this.counts[at] as number) + (other.counts[at] as number)
    }
    this.sum += other.sum
    this.count += other.count
    for (const [at, exemplar] of other.exemplars.entries()) {
      if (exemplar !== undefined) this.#show(at, exemplar)
    }
  }

  /** Adds what another process counted by the same bounds; what is no bucket here is left out. */
  add({ counts, sum, exemplars }: Spread): void {
    for (const [at, count] of counts) {
      if (this.counts[at] === undefined) continue
      this.counts[at] += count
      this.count += count
    }
    this.sum += sum
    for (const [at, exemplar] of exemplars) {
      if (at in this.counts) this.#show(at, exemplar)
    }
  }

  spread(): Spread {
    return {
      counts: [...this.counts].flatMap((count, at) => (count === 0 ? [] : [[at, count] as const])),
      sum: this.sum,
      exemplars: this.exemplars.flatMap((exemplar, at) =>
        exemplar === undefined ? [] : [[at, exemplar] as const],
      ),
    }
  }

  #show(at: number, exemplar: Exemplar): void {
    this.#exemplars ??= []
    const before = this.#exemplars[at]
    if (before === undefined || before.at <= exemplar.at) this.#exemplars[at] = exemplar
  }
}

/** @param bounds those it was counted by */
export function distributionOf(bounds: readonly number[], spread: Spread): Distribution {
  const distribution = new Distribution(bounds)
  distribution.add(spread)
  return distribution
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

  get isEmpty(): boolean {
    return this.#rows.size === 0
  }

  *values(): Iterable<Row> {
    yield* this.#rows.values()
    if (this.#overflow !== null) yield this.#overflow
  }

  clear(): void {
    this.#rows.clear()
    this.#overflow = null
  }
}
