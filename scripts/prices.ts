import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProvider, type MatchLogic, type ModelInfo } from '@pydantic/genai-prices'

/**
 * `src/cost/prices.json`: the official prices of those who make models, out of @pydantic/genai-prices. `npm run prices`
 * writes it anew; after an update of the package, `npm run prices -- YYYY-MM-DD` with the day that version was published.
 */

const ROOT = join(import.meta.dirname, '..')
const FILE = join(ROOT, 'src/cost/prices.json')
const PACKAGE = '@pydantic/genai-prices'

/** Who sells what they make, and where; resellers have prices of their own. Of two that know a name, the first has it. */
const MAKERS: Readonly<Record<string, readonly string[]>> = {
  openai: ['api.openai.com'],
  anthropic: ['api.anthropic.com'],
  google: ['generativelanguage.googleapis.com'],
  mistral: ['api.mistral.ai'],
  'x-ai': ['api.x.ai'],
  moonshotai: ['api.moonshot.ai', 'api.moonshot.cn'],
  cohere: ['api.cohere.ai', 'api.cohere.com'],
}
/** Sold there, and made elsewhere. */
const OTHERS: Readonly<Record<string, RegExp>> = { google: /^(?!.*gemini)/ }

/** Text is counted in tokens. What hears, speaks or draws is billed by more than Headgate reads: better no price than a wrong one. */
const NOT_TEXT = /audio|realtime|transcribe|tts|whisper|image|video|veo|live|ocr|lyria/
const NOT_TOKENS =
  /^(audio_hours|output_(audio|image|video)_mtok|.*_kpages|requests_kcount|.*messages_kcount)$/

const KEYS = {
  input: 'input_mtok',
  cachedInput: 'cache_read_mtok',
  cacheWrite: 'cache_write_mtok',
  cacheWriteHour: 'cache_write_1h_mtok',
  output: 'output_mtok',
} as const

type Rates = Record<string, number>
type Prices = Exclude<ModelInfo['prices'], unknown[]>
interface Tiered {
  readonly base: number
  readonly tiers: readonly { readonly start: number; readonly price: number }[]
}

interface Names {
  readonly equals: string[]
  readonly starts: string[]
  readonly contains: string[]
  readonly ends: string[]
  readonly patterns: string[]
}

/** @param date the day on which the package's version was published */
export function pricesText(date: string): string {
  const { version } = JSON.parse(
    readFileSync(join(ROOT, 'node_modules', PACKAGE, 'package.json'), 'utf8'),
  )
  const makers = Object.keys(MAKERS).map((id) => {
    const maker = findProvider({ providerId: id })
    if (maker === undefined) throw new Error(`${PACKAGE} ${version} knows no ${id}`)
    return maker
  })
  const rows = makers.flatMap(({ id, models }) => models.flatMap((model) => rowOf(id, model)))
  const head = {
    source: PACKAGE,
    version,
    date,
    unit: 'USD per million tokens',
    hosts: Object.values(MAKERS).flat(),
  }
  const lines = rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n')
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "models": [\n${lines}\n  ]\n}\n`
}

function rowOf(maker: string, { id, match, prices }: ModelInfo): object[] {
  if (NOT_TEXT.test(id) || OTHERS[maker]?.test(id)) return []
  const names: Names = { equals: [], starts: [], contains: [], ends: [], patterns: [] }
  if (!flattened(match, names)) return []
  const periods = Array.isArray(prices) ? prices : [{ prices }]
  const rows = periods.map((period) => {
    const { constraint } = period
    if (constraint?.type === 'time_of_date') return null
    const rates = ratesOf(period.prices)
    return rates === null
      ? null
      : { ...(constraint === undefined ? {} : { from: constraint.start_date }), ...rates }
  })
  if (rows.includes(null)) return []
  const used = Object.fromEntries(Object.entries(names).filter(([, list]) => list.length > 0))
  return [{ maker, id, ...used, prices: rows }]
}

/** @returns false for a match that is more than a list of names, beginnings and patterns */
function flattened(match: MatchLogic, into: Names): boolean {
  if ('or' in match) return match.or.every((one) => flattened(one, into))
  if ('and' in match) return false
  if ('equals' in match) into.equals.push(match.equals.toLowerCase())
  else if ('starts_with' in match) into.starts.push(match.starts_with.toLowerCase())
  else if ('contains' in match) into.contains.push(match.contains.toLowerCase())
  else if ('ends_with' in match) into.ends.push(match.ends_with.toLowerCase())
  else into.patterns.push(match.regex)
  return true
}

/** @returns null for what is not billed by tokens of text */
function ratesOf(prices: Prices): object | null {
  if (Object.keys(prices).some((key) => NOT_TOKENS.test(key))) return null
  const base: Rates = {}
  const above = new Map<number, Rates>()
  for (const [name, key] of Object.entries(KEYS)) {
    const price = prices[key] as number | Tiered | undefined
    if (price === undefined) continue
    if (typeof price === 'number') {
      base[name] = price
      continue
    }
    base[name] = price.base
    for (const { start, price: higher } of price.tiers) {
      above.set(start, { ...above.get(start), [name]: higher })
    }
  }
  if (base['input'] === undefined) return null
  const tiers = [...above].sort(([a], [b]) => a - b)
  // What a tier does not name costs what it costs below.
  const whole = tiers.map(([tokens, rates]) => ({ tokens, ...base, ...rates }))
  return whole.length === 0 ? base : { ...base, above: whole }
}

if (import.meta.main) {
  const stored = readFileSync(FILE, { encoding: 'utf8', flag: 'a+' })
  const [date = JSON.parse(stored).date] = process.argv.slice(2).filter((arg) => arg[0] !== '-')
  const text = pricesText(date)
  if (process.argv.includes('--check')) {
    const same = stored === text
    console.log(
      `prices: ${same ? 'up to date' : 'src/cost/prices.json is not what its source says'}`,
    )
    if (!same) console.error('prices: run `npm run prices` and commit what it writes')
    process.exitCode = same ? 0 : 1
  } else {
    writeFileSync(FILE, text)
    console.log('prices: wrote src/cost/prices.json')
  }
}
