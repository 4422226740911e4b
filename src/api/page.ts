import * as z from 'zod'

/** Lists, a page at a time: `{items, next}`. */

/** `next` is what to pass as `after` for what follows, null at the end. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), next: z.string().nullable() })
}

/** How many items a page has, from a query: 1..1,000, by default 100. */
export const pageLimit = z.coerce.number().int().min(1).max(1_000).default(100)

/**
 * @param found up to one more than `limit`: that one tells that something follows
 * @param idOf what is passed as `after`
 */
export function pageUpTo<Item>(
  limit: number,
  found: readonly Item[],
  idOf: (item: Item) => string,
): { readonly items: readonly Item[]; readonly next: string | null } {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return { items, next: found.length > limit && last !== undefined ? idOf(last) : null }
}
