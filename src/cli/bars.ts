/** Bars of one line, told apart without colour. */

/** What is above 0 has a mark, and only all is full. @param part 0..1 */
export function barOf(part: number, width: number): string {
  return `|${'#'.repeat(marksOf(part, width))}${'.'.repeat(width - marksOf(part, width))}|`
}

export interface Shares {
  /** Percent. */
  readonly target: number
  /** Null where nothing was seen. */
  readonly observed: number | null
  /** Null where it decides request by request. */
  readonly flag: number | null
}

/**
 * `|####o==......|`: `#` is what new requests are split by, `=` what the flag would allow besides, `o` what was observed.
 * @param width without its ends, 3 and up
 */
export function splitBar({ target, observed, flag }: Shares, width: number): string {
  const [used, allowed] = [marksOf(target / 100, width), marksOf((flag ?? target) / 100, width)]
  const marks: string[] = Array.from({ length: width }, (_, at) =>
    at < used ? '#' : at < allowed ? '=' : '.',
  )
  if (observed !== null) marks[Math.max(0, marksOf(observed / 100, width) - 1)] = 'o'
  return `|${marks.join('')}|`
}

/** Evidence is a bet that multiplies: its way to the limit is measured in factors. @param evidence null beyond what a number holds */
export function evidenceBar(evidence: number | null, limit: number, width: number): string {
  if (evidence === null) return barOf(1, width)
  return barOf(evidence <= 1 ? 0 : Math.min(1, Math.log(evidence) / Math.log(limit)), width)
}

function marksOf(part: number, width: number): number {
  if (part <= 0) return 0
  return part >= 1 ? width : Math.min(width - 1, Math.max(1, Math.round(part * width)))
}
