import { SlidingSum } from './sliding-sum.ts'

/** How much may be under way, and in any minute, at one place. Pure counting: who waits for room is `admission.ts`. */

/** Null where there is no such limit. */
export interface LimitRules {
  /** Requests at once. */
  readonly concurrency: number | null
  /** Requests in any 60 s. */
  readonly rpm: number | null
  /** Tokens, in and out, in any 60 s. */
  readonly tpm: number | null
}

export interface AdmissionRules extends LimitRules {
  /** Null where nobody waits. */
  readonly queue: { readonly size: number; readonly waitMs: number } | null
}

const MINUTE_S = 60
/** A token of English text is about four bytes. */
const BYTES_PER_TOKEN = 4

/** What a request is charged until its answer says what it used. */
export function tokensOf(bodyBytes: number): number {
  return Math.ceil(bodyBytes / BYTES_PER_TOKEN)
}

export class Limit {
  readonly #requests = new SlidingSum(MINUTE_S)
  readonly #tokens = new SlidingSum(MINUTE_S)
  #inFlight = 0

  /**
   * @param nowMs monotonic
   * @returns 0 when there is room now; milliseconds until there may be; `Infinity` when only the end of a request makes room
   */
  roomInMs({ concurrency, rpm, tpm }: LimitRules, nowMs: number, tokens: number): number {
    if (concurrency !== null && this.#inFlight >= concurrency) return Number.POSITIVE_INFINITY
    const request = rpm === null ? 0 : this.#requests.roomInMs(nowMs, 1, rpm)
    return tpm === null ? request : Math.max(request, this.#tokens.roomInMs(nowMs, tokens, tpm))
  }

  enter(nowMs: number, tokens: number): void {
    this.#inFlight++
    this.#requests.add(nowMs, 1)
    this.#tokens.add(nowMs, tokens)
  }

  /**
   * @param enteredMs when it entered, and was charged `charged` tokens
   * @param used what it came to; null where the answer did not say, and the charge stands
   */
  leave(nowMs: number, enteredMs: number, charged: number, used: number | null): void {
    this.#inFlight--
    if (used === null) return
    if (used > charged) this.#tokens.add(nowMs, used - charged)
    else this.#tokens.takeBack(nowMs, enteredMs, charged - used)
  }
}
