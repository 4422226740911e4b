/** Lists of a page that may stay open for weeks: each says how long it may grow. */

/** The newest `most`; the oldest are forgotten. Returns a new list. */
export function appended<Item>(
  items: readonly Item[],
  more: readonly Item[],
  most: number,
): readonly Item[] {
  return [...items, ...more].slice(-most)
}

export const MOST_EVENTS = 500
export const MOST_SAMPLES = 600
export const MOST_REQUESTS = 200
/** Rows that a table shows at once. */
export const MOST_ROWS = 100
