/** What JSON from elsewhere turned out to be. */

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A string or a list with something in it. */
export function filled(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0
}

export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** Some upstreams open a stream with an empty model: that names none. */
export function nameOf(value: unknown): string | null {
  return text(value) || null
}
