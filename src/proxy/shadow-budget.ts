import { SlidingSum } from './sliding-sum.ts'

/** What the shadows of one rollout came to in the last hour, held against what they may come to. */

/** In any hour. */
export interface ShadowLimits {
  readonly requests: number
  readonly bytes: number
  readonly tokens: number
  readonly usd: number
}

/** What one request of a shadow comes to; guessed before it is sent, known once it is answered. */
export interface ShadowCharge {
  readonly bytes: number
  readonly tokens: number
  readonly usd: number
}

const HOUR_S = 3_600
/** Order is that of what is said first. */
const KINDS = ['requests', 'bytes', 'tokens', 'usd'] as const
export type ShadowBudgetKind = (typeof KINDS)[number]

export class ShadowBudget {
  readonly #sums = {
    requests: new SlidingSum(HOUR_S),
    bytes: new SlidingSum(HOUR_S),
    tokens: new SlidingSum(HOUR_S),
    usd: new SlidingSum(HOUR_S),
  }

  /**
   * @param requests how many are to be sent @param each what each of them will come to at least @param nowMs monotonic
   * @returns what of it is spent; null while there is room for all
   */
  spent(
    limits: ShadowLimits,
    requests: number,
    each: ShadowCharge,
    nowMs: number,
  ): ShadowBudgetKind | null {
    const wanted = {
      requests,
      bytes: requests * each.bytes,
      tokens: requests * each.tokens,
      usd: requests * each.usd,
    }
    for (const kind of KINDS) {
      if (this.#sums[kind].total(nowMs) + wanted[kind] > limits[kind]) return kind
    }
    return null
  }

  /** One is sent. */
  enter({ bytes, tokens, usd }: ShadowCharge, nowMs: number): void {
    this.#sums.requests.add(nowMs, 1)
    this.#sums.bytes.add(nowMs, bytes)
    this.#sums.tokens.add(nowMs, tokens)
    this.#sums.usd.add(nowMs, usd)
  }

  /** It came to more than was guessed. What was guessed too high stays so. */
  settle(guessed: ShadowCharge, came: ShadowCharge, nowMs: number): void {
    for (const kind of ['bytes', 'tokens', 'usd'] as const) {
      const more = came[kind] - guessed[kind]
      if (more > 0) this.#sums[kind].add(nowMs, more)
    }
  }
}
