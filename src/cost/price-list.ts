import type { UpstreamConfig } from '../config/schema.ts'
import { hashOf } from '../judge/hash.ts'
import { type Prices, type Rates, ratesFrom } from './price.ts'
import table from './prices.json' with { type: 'json' }

/** What an upstream asks for a model: its own prices first, else a ratio of the official one; a file of the user's goes before the vendored table. */

/** `src/cost/prices.json`. */
interface Official {
  readonly source: string
  readonly version: string
  /** The day its version was published. */
  readonly date: string
  /** Where the makers of these models sell them. */
  readonly hosts: readonly string[]
  readonly models: readonly OfficialModel[]
}

interface OfficialModel {
  readonly equals?: readonly string[]
  readonly starts?: readonly string[]
  readonly contains?: readonly string[]
  readonly ends?: readonly string[]
  readonly patterns?: readonly string[]
  /** By rising `from`: a day, none for the first. */
  readonly prices: readonly Period[]
}

type Tier = Prices & { readonly tokens: number }
type Period = Prices & { readonly from?: string; readonly above?: readonly Tier[] }

/** The user's own file of prices. */
export interface PriceFile {
  /** What tells this file from another: `prices.yaml@1a2b3c4d`. */
  readonly version: string
  /** By name; a name that ends in `*` stands for every name that begins so. */
  readonly models: Readonly<Record<string, Prices>>
}

const OFFICIAL = table as unknown as Official
/** Names are the caller's words. */
const MOST_REMEMBERED = 1_000

/** The vendored table, for people. */
export const OFFICIAL_PRICES: Pick<Official, 'source' | 'version' | 'date'> = OFFICIAL

/** The prices of one upstream. It remembers the models it was asked for, and nothing else. */
export class PriceList {
  /** Changes with every change of a price, and is written on each line of the ledger. */
  readonly version: string
  /** False where nobody said what this upstream costs. */
  readonly known: boolean
  readonly #upstream: Priced
  readonly #file: PriceFile | null
  readonly #remembered = new Map<string, Rates | null>()
  #day = ''

  constructor(upstream: Priced, file: PriceFile | null) {
    this.#upstream = upstream
    this.#file = file
    const { price } = upstream
    this.known = price !== undefined || isMakers(upstream.baseUrl)
    this.version = [
      `genai-prices@${OFFICIAL.version}`,
      ...(file === null ? [] : [file.version]),
      ...(price?.ratio === undefined ? [] : [`ratio=${price.ratio}`]),
      ...(price?.models === undefined ? [] : [`own@${shortHash(JSON.stringify(price.models))}`]),
    ].join(' ')
  }

  /**
   * @param model as it was asked for @param day `2026-11-26`, UTC
   * @returns null where the price is not known
   */
  ratesOf(model: string, day: string): Rates | null {
    if (day !== this.#day || this.#remembered.size >= MOST_REMEMBERED) {
      this.#remembered.clear()
      this.#day = day
    }
    const before = this.#remembered.get(model)
    if (before !== undefined) return before
    const rates = this.#look(model, day)
    this.#remembered.set(model, rates)
    return rates
  }

  /** How many models it remembers; bounded. */
  get remembered(): number {
    return this.#remembered.size
  }

  #look(model: string, day: string): Rates | null {
    if (!this.known) return null
    const { price, models } = this.#upstream
    const there = models?.[model]
    const own =
      namedIn(price?.models, model) ?? (there === undefined ? null : namedIn(price?.models, there))
    if (own !== null) return ratesFrom(own)
    if (price !== undefined && price.ratio === undefined) return null
    const filed = namedIn(this.#file?.models, model)
    if (filed !== null) return ratesFrom(filed, price?.ratio)
    const period = officialOf(model)?.prices.findLast(({ from = '' }) => from <= day)
    return period === undefined ? null : ratesFrom(period, price?.ratio, period.above)
  }
}

/** What of an upstream decides its prices. */
type Priced = Pick<UpstreamConfig, 'baseUrl' | 'price' | 'models'>

/** The exact name, else the longest beginning. */
function namedIn(models: PriceFile['models'] | undefined, model: string): Prices | null {
  if (models === undefined) return null
  if (Object.hasOwn(models, model)) return models[model] ?? null
  const fits = Object.keys(models).filter(
    (name) => name.endsWith('*') && model.startsWith(name.slice(0, -1)),
  )
  const longest = fits.sort((a, b) => b.length - a.length)[0]
  return longest === undefined ? null : (models[longest] ?? null)
}

function officialOf(model: string): OfficialModel | undefined {
  const name = model.toLowerCase()
  return OFFICIAL.models.find(
    ({ equals, starts, contains, ends, patterns }) =>
      equals?.includes(name) ||
      starts?.some((start) => name.startsWith(start)) ||
      contains?.some((part) => name.includes(part)) ||
      ends?.some((end) => name.endsWith(end)) ||
      patterns?.some((pattern) => new RegExp(pattern).test(name)),
  )
}

/** Whoever makes the models asks its own prices; of anyone else nobody knows until config says. */
function isMakers(baseUrl: string): boolean {
  return OFFICIAL.hosts.includes(new URL(baseUrl).host)
}

function shortHash(text: string): string {
  return (hashOf(text)[0] >>> 0).toString(16).padStart(8, '0')
}
