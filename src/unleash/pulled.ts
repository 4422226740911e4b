import type { FlagDocument, FlagFeature } from '../flag/document.ts'

/**
 * A server's document as it is kept in a file: the same rules, always in the same order and form, so that version control
 * shows what was decided and nothing else. What a page says about a flag, and when it was seen last, stays on the page.
 */

const OF_THE_PAGE: ReadonlySet<string> = new Set([
  'description',
  'project',
  'stale',
  'createdAt',
  'lastSeenAt',
])

/** These first, in this order; all others behind them, by name. */
const FIRST = ['version', 'id', 'name', 'type', 'enabled']

/** Ends with a line end. Strategies and variants keep their order: it decides. */
export function pulledText(document: FlagDocument): string {
  const features = document.features.map(rulesOf).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const segments = (document.segments ?? []).toSorted((a, b) => a.id - b.id)
  return `${JSON.stringify(ordered({ version: 2, features, segments }), null, 2)}\n`
}

function rulesOf(feature: FlagFeature): FlagFeature {
  const kept = Object.entries(feature).filter(([key]) => !OF_THE_PAGE.has(key))
  return Object.fromEntries(kept) as FlagFeature
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(
    ([a], [b]) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1),
  )
  return Object.fromEntries(entries.map(([key, inner]) => [key, ordered(inner)]))
}

function placeOf(key: string): number {
  const place = FIRST.indexOf(key)
  return place < 0 ? FIRST.length : place
}
