import type { Config } from '../config/schema.ts'
import { type PriceFile, PriceList } from './price-list.ts'

/** The price list of every upstream of one configuration, by name; replaced whole on a reload. */
export type Pricing = ReadonlyMap<string, PriceList>

/** @param file null without one */
export function pricingOf(
  { upstreams }: Pick<Config, 'upstreams'>,
  file: PriceFile | null,
): Pricing {
  const lists = Object.entries(upstreams).map(
    ([name, upstream]) => [name, new PriceList(upstream, file)] as const,
  )
  return new Map(lists)
}
