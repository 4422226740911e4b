/** What a benchmark says about many runs, with its Monte Carlo error. */

/** The value of rank ceil(q·n). @param values not empty */
export function quantileOf(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number
}

/** Wilson's 95 % interval of a probability. */
export function intervalOf(hits: number, runs: number): readonly [low: number, high: number] {
  const z = 1.959963985
  const p = hits / runs
  const middle = (p + (z * z) / (2 * runs)) / (1 + (z * z) / runs)
  const half =
    (z * Math.sqrt((p * (1 - p)) / runs + (z * z) / (4 * runs * runs))) / (1 + (z * z) / runs)
  return [hits === 0 ? 0 : middle - half, hits === runs ? 1 : middle + half]
}

/** Byar's 95 % interval of the expected number of events, within a hundredth of the exact one from 1 on; above 0, the rule of three. */
export function eventsInterval(events: number): readonly [low: number, high: number] {
  if (events === 0) return [0, 3]
  const bound = (count: number, z: number) =>
    count * (1 - 1 / (9 * count) + z / (3 * Math.sqrt(count))) ** 3
  return [bound(events, -1.959963985), bound(events + 1, 1.959963985)]
}

/** 95 % interval of a quantile, from order statistics. */
export function quantileInterval(
  values: readonly number[],
  q: number,
): readonly [low: number, high: number] {
  const sorted = [...values].sort((a, b) => a - b)
  const n = sorted.length
  const half = 1.96 * Math.sqrt(n * q * (1 - q))
  const at = (rank: number) => sorted[Math.min(n - 1, Math.max(0, Math.round(rank) - 1))] as number
  return [at(q * n - half), at(q * n + half + 1)]
}
