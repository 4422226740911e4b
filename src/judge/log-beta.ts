/** ln Γ and ln B, for counts up to the billions. */
import { ln } from './exact.ts'

/** Lanczos' coefficients for g = 7, n = 9 (Godfrey 2001; the table of Numerical Recipes, 3rd ed., 6.1). */
const LANCZOS: readonly number[] = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
]
const HALF_LOG_TWO_PI = 0.9189385332046727

/** ln Γ(x), to 14 digits. @param x above 0 */
export function logGamma(x: number): number {
  if (x < 0.5) return logGamma(x + 1) - ln(x)
  if (x > 1e7) return stirling(x)
  let sum = LANCZOS[0] as number
  for (let term = 1; term < LANCZOS.length; term++)
    sum += (LANCZOS[term] as number) / (x - 1 + term)
  const shifted = x + 6.5
  return HALF_LOG_TWO_PI + (x - 0.5) * ln(shifted) - shifted + ln(sum)
}

/** ln B(a, b) = ln Γ(a) + ln Γ(b) − ln Γ(a + b). @param a above 0 @param b above 0 */
export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

/** DLMF 5.11.1, three terms: what follows is below 10⁻³⁸ here. */
function stirling(x: number): number {
  const inverse = 1 / x
  return (
    (x - 0.5) * ln(x) -
    x +
    HALF_LOG_TWO_PI +
    inverse * (1 / 12 - inverse * inverse * (1 / 360 - inverse * inverse * (1 / 1260)))
  )
}
