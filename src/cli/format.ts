/** Numbers, times and other people's words as one line of a terminal. */

/** `5 %`, `0.25 %`; `?` for what is not known. */
export function percentText(percent: number | null): string {
  return percent === null ? '?' : `${Number(percent.toFixed(2))} %`
}

/** `1,234,567`. */
export function countText(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 request`, `2 requests`. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${countText(count)} ${count === 1 ? noun : many}`
}

/** `$1,234.50`, `$0.000945`; `unknown` for what is not known, which is never $0. */
export function usdText(usd: number | null): string {
  if (usd === null) return 'unknown'
  const size = Math.abs(usd)
  const digits = size === 0 || size >= 1 ? 2 : Math.min(12, 1 - Math.floor(Math.log10(size)) + 1)
  const text = size.toLocaleString('en-US', {
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  })
  return `${usd < 0 ? '-' : ''}$${text}`
}

/** Milliseconds: whole from 10 up; `-` where nothing was measured. */
export function millisText(ms: number | null): string {
  return ms === null ? '-' : ms < 10 ? String(Number(ms.toFixed(1))) : countText(Math.round(ms))
}

/** `2026-01-02 10:00:05 UTC`. @param time ISO 8601 UTC, or milliseconds since the epoch */
export function timeText(time: string | number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const

/** The two largest units: `2 d 3 h`, `5 min`, `12 s`; `0 s` for less than a second, and for what is negative. */
export function spanText(ms: number): string {
  const at = UNITS.findIndex(([unitMs]) => ms >= unitMs)
  const [largest, next] = at === -1 ? [] : UNITS.slice(at, at + 2)
  if (largest === undefined) return '0 s'
  const [unitMs, unit] = largest
  const whole = Math.floor(ms / unitMs)
  const rest = next === undefined ? 0 : Math.floor((ms - whole * unitMs) / next[0])
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${next?.[1]}`
}

/** Without line ends, escape sequences and marks that turn text around: a reason is written by anyone. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}
