/** An upstream may not send anyone away for longer. */
const MOST_MS = 300_000

/** RFC 9110 section 5.6.7; the obsolete forms are not read. */
const HTTP_DATE =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * `Retry-After`, in seconds or as a date (RFC 9110 section 10.2.3).
 * @param wallMs milliseconds since the epoch
 * @returns milliseconds from now, 0..300,000; null when it is absent or says nothing that can be read
 */
export function retryAfterMs(value: string | string[] | undefined, wallMs: number): number | null {
  const text = (Array.isArray(value) ? value[0] : value)?.trim()
  if (text === undefined) return null
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(MOST_MS, Math.ceil(Number(text) * 1_000))
  const at = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? null : Math.min(MOST_MS, Math.max(0, at - wallMs))
}
