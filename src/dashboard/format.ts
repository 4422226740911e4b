/** Numbers and times as people read them. Every time shows its zone. */

const DASH = '–'

/** `12.5 %`; a dash where nothing is known. */
export function percentText(percent: number | null, digits = 2): string {
  return percent === null ? DASH : `${Number(percent.toFixed(digits))} %`
}

/** Milliseconds: `210 ms`, `3.4 s`. */
export function millisText(ms: number | null): string {
  if (ms === null) return DASH
  if (ms >= 10_000) return `${(ms / 1_000).toFixed(0)} s`
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`
  return `${ms >= 100 ? Math.round(ms) : Number(ms.toPrecision(2))} ms`
}

const SPANS: readonly [ms: number, unit: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
]

/** The two largest units of it: `1 d 7 h`, `12 min`, `4 s`. */
export function spanText(ms: number): string {
  const at = SPANS.findIndex(([size]) => Math.abs(ms) >= size)
  const [size, unit] = SPANS[at] ?? [1_000, 's']
  const whole = Math.floor(Math.abs(ms) / size)
  const next = SPANS[at + 1]
  const rest = next === undefined || at < 0 ? 0 : Math.floor((Math.abs(ms) % size) / next[0])
  return rest === 0 || next === undefined || unit === 'min'
    ? `${whole} ${unit}`
    : `${whole} ${unit} ${rest} ${next[1]}`
}

const counts = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** `12,345`. */
export function countText(count: number | null): string {
  return count === null ? DASH : counts.format(count)
}

/** `$12.30`, `$0.0021`, `$0.00000046`; a dash where nobody knows. Unknown is never 0. */
export function usdText(usd: number | null): string {
  if (usd === null) return DASH
  const sign = usd < 0 ? '−' : ''
  const amount = Math.abs(usd)
  if (amount === 0) return '$0'
  if (amount >= 1_000) return `${sign}$${counts.format(amount)}`
  const digits = amount >= 1 ? 2 : Math.min(12, 1 - Math.floor(Math.log10(amount)))
  return `${sign}$${amount.toFixed(digits)}`
}

/** The value of a bet: `1.0`, `42`, `> 10⁹`. */
export function evidenceText(evidence: number | null): string {
  if (evidence === null || evidence > 1e9) return '> 10⁹'
  if (evidence >= 100) return counts.format(evidence)
  if (evidence >= 0.01) return evidence.toFixed(evidence >= 10 ? 0 : 2)
  return '< 0.01'
}

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const zone = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short', timeZone: ZONE })

/** `26 Nov 14:03:07 CET`. */
export function timeText(iso: string | null): string {
  if (iso === null) return DASH
  const at = new Date(iso)
  return `${day.format(at)} ${clock.format(at)} ${zoneText(at)}`
}

/** `26 Nov 14:03`. */
export function shortTimeText(atMs: number): string {
  const at = new Date(atMs)
  return `${day.format(at)} ${clock.format(at).slice(0, 5)}`
}

function zoneText(at: Date): string {
  return zone.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? ZONE
}

/** `rolled_back` as people say it: `rolled back`. */
export function wordsOf(literal: string): string {
  return literal.replaceAll('_', ' ')
}

export function plural(count: number, one: string): string {
  return `${counts.format(count)} ${count === 1 ? one : `${one}s`}`
}
