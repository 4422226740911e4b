/** Whether a count of draws fits the share it was drawn at. Exact, since five sigma of a small count is no bell. */

/** The part of a normal distribution above five standard deviations. */
const BEYOND_FIVE_SIGMA = 2.866_515_7e-7

/**
 * False when `hits` of `draws` would be rarer, on its side, than five standard deviations are under a normal curve. At a
 * share of 0 only no hit fits, at 1 only all; no draws always fit.
 */
export function fitsFiveSigma(hits: number, draws: number, share: number): boolean {
  if (share <= 0) return hits === 0
  if (share >= 1) return hits === draws
  let below = 0
  let above = 0
  for (let count = 0; count <= draws; count++) {
    const mass = Math.exp(logMass(count, draws, share))
    if (count <= hits) below += mass
    if (count >= hits) above += mass
  }
  return below >= BEYOND_FIVE_SIGMA && above >= BEYOND_FIVE_SIGMA
}

function logMass(hits: number, draws: number, share: number): number {
  const ways = logFactorial(draws) - logFactorial(hits) - logFactorial(draws - hits)
  return ways + hits * Math.log(share) + (draws - hits) * Math.log(1 - share)
}

const factorials = [0]

function logFactorial(of: number): number {
  for (let next = factorials.length; next <= of; next++) {
    factorials.push((factorials[next - 1] ?? 0) + Math.log(next))
  }
  return factorials[of] ?? 0
}
