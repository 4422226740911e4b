import type { Config } from '../config/schema.ts'
import { type PriceFile, PriceList } from './price-list.ts'

/**
 * Where a spend will be unknown, in words: upstreams whose price nobody said, and models without one.
 * @param day `2026-11-26`: prices change
 */
export function priceGaps(config: Config, file: PriceFile | null, day: string): string[] {
  return Object.entries(config.upstreams).flatMap(([name, upstream]) => {
    const list = new PriceList(upstream, file)
    if (!list.known) {
      return [
        `upstreams.${name}: nobody says what it costs: write price: { ratio: 0.15 }, or 1 where it asks the official price`,
      ]
    }
    const unpriced = modelsOf(config, name).filter((model) => list.ratesOf(model, day) === null)
    if (unpriced.length === 0) return []
    return [
      `upstreams.${name}: no price is known for ${unpriced.join(', ')}: name ${unpriced.length === 1 ? 'it' : 'them'} in its price.models, or in a file of prices`,
    ]
  })
}

/** Limits on spend that nothing can reach, since nobody says what the canary costs. */
export function deadLimits(config: Config, file: PriceFile | null): string[] {
  return Object.entries(config.rollouts).flatMap(([name, { canary, budget, guard }]) => {
    const upstream = config.upstreams[canary]
    if (upstream === undefined || new PriceList(upstream, file).known) return []
    return [
      ...(budget === undefined ? [] : ['budget']),
      ...(guard?.spend.perMinute === undefined ? [] : ['guard.spend.perMinute']),
    ].map((key) => `rollouts.${name}.${key}: does nothing: nobody says what ${canary} costs`)
  })
}

/** Models that config names for an upstream; callers may ask for others. */
function modelsOf({ upstreams, rollouts }: Config, name: string): readonly string[] {
  const matched = Object.values(rollouts)
    .filter(({ control, canary }) => control === name || canary === name)
    .flatMap(({ match }) => match.models ?? [])
  return [...new Set([...Object.keys(upstreams[name]?.models ?? {}), ...matched])]
}
