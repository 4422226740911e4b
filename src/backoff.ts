/** At most so long after each failed attempt; in all, six attempts. */
const RETRY_MS = [5_000, 30_000, 120_000, 600_000, 3_600_000] as const

/**
 * How long to wait for the next attempt, with full jitter: whoever failed together does not come back together.
 * @param attempts so far, 1 and up
 * @param random in 0..1, below 1
 * @returns milliseconds; null when it is time to give up
 */
export function retryInMs(attempts: number, random: () => number): number | null {
  const most = RETRY_MS[attempts - 1]
  return most === undefined ? null : random() * most
}
