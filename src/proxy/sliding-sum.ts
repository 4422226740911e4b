/**
 * A sum over the last so many seconds, in bounded memory. A second counts until all of it has passed out of the span, so
 * that what stays below a bound here stays below it in every such span of time.
 */
export class SlidingSum {
  readonly #slots: Float64Array
  #newest = Number.NEGATIVE_INFINITY
  #total = 0

  /** @param seconds the span, whole and 1 and up */
  constructor(seconds: number) {
    this.#slots = new Float64Array(seconds + 1)
  }

  /** @param nowMs monotonic, as everywhere here */
  add(nowMs: number, amount: number): void {
    this.#goTo(nowMs)
    this.#change(this.#newest, amount)
  }

  total(nowMs: number): number {
    this.#goTo(nowMs)
    return this.#total
  }

  /** Takes back what was added at `atMs`, as far as it is still counted. */
  takeBack(nowMs: number, atMs: number, amount: number): void {
    this.#goTo(nowMs)
    const second = secondOf(atMs)
    if (second <= this.#newest - this.#slots.length || second > this.#newest) return
    this.#change(second, -Math.min(amount, this.#at(second)))
  }

  /**
   * @returns milliseconds until `amount` more stays within `most`: 0 when it does now. An amount above `most` itself
   *   waits until nothing else counts.
   */
  roomInMs(nowMs: number, amount: number, most: number): number {
    this.#goTo(nowMs)
    const excess = this.#total + Math.min(amount, most) - most
    if (excess <= 0) return 0
    const { length } = this.#slots
    let freed = 0
    for (let second = this.#newest - length + 1; second < this.#newest; second++) {
      freed += this.#at(second)
      if (freed >= excess) return (second + length) * 1_000 - nowMs
    }
    return (this.#newest + length) * 1_000 - nowMs
  }

  #goTo(nowMs: number): void {
    const second = secondOf(nowMs)
    if (second <= this.#newest) return
    const { length } = this.#slots
    if (second - this.#newest >= length) {
      this.#slots.fill(0)
      this.#total = 0
    } else {
      for (let gone = this.#newest + 1; gone <= second; gone++) {
        this.#total -= this.#at(gone)
        this.#slots[indexOf(gone, length)] = 0
      }
    }
    this.#newest = second
  }

  #at(second: number): number {
    return this.#slots[indexOf(second, this.#slots.length)] ?? 0
  }

  #change(second: number, amount: number): void {
    this.#slots[indexOf(second, this.#slots.length)] = this.#at(second) + amount
    this.#total += amount
  }
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1_000)
}

/** A clock may begin below 0. */
function indexOf(second: number, length: number): number {
  return ((second % length) + length) % length
}
