/** Numbers as people read them. */
import type { Tally } from './metric.ts'

/** `9 of 9`. */
export function countWords([outcomes, bad]: Tally): string {
  return `${bad} of ${outcomes}`
}

/** `0.4 %`, `0.02 %`, or `nothing yet`. */
export function shareWords([outcomes, bad]: Tally): string {
  return outcomes === 0 ? 'nothing yet' : `${percentWords(bad / outcomes)}`
}

/** Two digits that matter, at least one after the point where it is small. */
export function percentWords(share: number): string {
  const percent = share * 100
  if (percent === 0 || percent >= 9.95) return `${Math.round(percent)} %`
  return `${percent.toFixed(percent >= 0.095 ? 1 : 2)} %`
}

/** Two decimals, and two digits that matter where it is less than a dollar: `$1.10`, `$0.0031`. @param usd 0 and up */
export function dollarWords(usd: number): string {
  let digits = 2
  while (usd > 0 && digits < MOST_DIGITS && usd * 10 ** (digits - 1) < 1) digits++
  return `$${usd.toFixed(digits)}`
}

const MOST_DIGITS = 12
