import type { Usage } from '../types.ts'

/**
 * What tokens cost. Money is a bigint of picodollars (10^-12 $), so that every price per token is a whole number and sums
 * are exact in whatever order they are made.
 */

/** Of one token, in picodollars. Null: the price list does not say. */
export interface Rates {
  readonly input: bigint
  /** Read from a cache; as other input where the list does not say. */
  readonly cachedInput: bigint | null
  /** Written to a cache; as other input where the list does not say. */
  readonly cacheWrite: bigint | null
  /** Written to a cache that lasts an hour; as `cacheWrite` where the list does not say. */
  readonly cacheWriteHour: bigint | null
  /** Reasoning included. */
  readonly output: bigint | null
  /** What the whole request costs with more input than so many tokens; by rising `tokens`. */
  readonly above: readonly { readonly tokens: number; readonly rates: Rates }[]
}

/** As people write prices: dollars per million tokens. */
export interface Prices {
  readonly input: number
  readonly cachedInput?: number | undefined
  readonly cacheWrite?: number | undefined
  readonly cacheWriteHour?: number | undefined
  readonly output?: number | undefined
}

/** Tokens as they are billed: each is in one of `input`, `cachedInput`, `cacheWrite`, `cacheWriteHour` and `output`. */
export interface Tokens {
  readonly input: number
  readonly cachedInput: number
  readonly cacheWrite: number
  readonly cacheWriteHour: number
  readonly output: number
  /** Part of `output`. */
  readonly reasoning: number
}

/** No model reads or writes as much in one answer: an upstream that claims more is not believed. */
const MOST_TOKENS = 100_000_000
/** Picodollars of one token that costs a dollar the million. */
const PICO_PER_MTOK = 1_000_000
const PICO_DIGITS = 12

/** @param ratio of these prices; each price per token is rounded to a picodollar */
export function ratesFrom(
  prices: Prices,
  ratio = 1,
  above: readonly (Prices & { readonly tokens: number })[] = [],
): Rates {
  const pico = (price: number | undefined): bigint | null =>
    price === undefined ? null : BigInt(Math.round(price * ratio * PICO_PER_MTOK))
  return {
    input: pico(prices.input) ?? 0n,
    cachedInput: pico(prices.cachedInput),
    cacheWrite: pico(prices.cacheWrite),
    cacheWriteHour: pico(prices.cacheWriteHour),
    output: pico(prices.output),
    above: above.map((tier) => ({ tokens: tier.tokens, rates: ratesFrom(tier, ratio) })),
  }
}

/**
 * Usage counts cached and written tokens inside its input; here each token is in one place.
 * @returns null where input or output is not said, or is no number of tokens that anyone could bill
 */
export function tokensOf(usage: Usage): Tokens | null {
  const { inputTokens, outputTokens } = usage
  const cachedInput = usage.cachedInputTokens ?? 0
  const written = usage.cacheWriteTokens ?? 0
  const cacheWriteHour = usage.cacheWriteHourTokens ?? 0
  const reasoning = usage.reasoningTokens ?? 0
  if (inputTokens === null || outputTokens === null) return null
  const all = [inputTokens, outputTokens, cachedInput, written, cacheWriteHour, reasoning]
  if (!all.every((count) => Number.isSafeInteger(count) && count >= 0 && count <= MOST_TOKENS)) {
    return null
  }
  return {
    input: Math.max(0, inputTokens - cachedInput - written),
    cachedInput,
    cacheWrite: Math.max(0, written - cacheWriteHour),
    cacheWriteHour,
    output: outputTokens,
    reasoning: Math.min(reasoning, outputTokens),
  }
}

/** @returns picodollars; null where a price that is needed is not known: unknown is never 0 */
export function moneyOf(tokens: Tokens, rates: Rates): bigint | null {
  const { input, cachedInput, cacheWrite, cacheWriteHour, output } = tokens
  const all = input + cachedInput + cacheWrite + cacheWriteHour
  const tier = rates.above.findLast((one) => all > one.tokens)
  const per = tier === undefined ? rates : tier.rates
  if (output > 0 && per.output === null) return null
  const write = per.cacheWrite ?? per.input
  let pico = BigInt(input) * per.input
  if (output > 0) pico += BigInt(output) * (per.output ?? 0n)
  if (cachedInput > 0) pico += BigInt(cachedInput) * (per.cachedInput ?? per.input)
  if (cacheWrite > 0) pico += BigInt(cacheWrite) * write
  if (cacheWriteHour > 0) pico += BigInt(cacheWriteHour) * (per.cacheWriteHour ?? write)
  return pico
}

/** The nearest number of dollars; 15 digits of it are right. */
export function usdOf(pico: bigint): number {
  return Number(usdText(pico))
}

/** Dollars, exactly, without zeros at the end: `0.0000525`. */
export function usdText(pico: bigint): string {
  const digits = (pico < 0n ? -pico : pico).toString().padStart(PICO_DIGITS + 1, '0')
  const whole = digits.slice(0, -PICO_DIGITS)
  const rest = digits.slice(-PICO_DIGITS).replace(/0+$/, '')
  return `${pico < 0n ? '-' : ''}${whole}${rest === '' ? '' : `.${rest}`}`
}

/** @param text digits with at most one point, such as `12.5` @returns null for anything else, and for more than 12 decimals */
export function picoFrom(text: string): bigint | null {
  const [, sign, whole, rest = ''] = /^(-?)(\d{1,15})(?:\.(\d{1,12}))?$/.exec(text) ?? []
  if (whole === undefined) return null
  const pico = BigInt(whole + rest.padEnd(PICO_DIGITS, '0'))
  return sign === '-' ? -pico : pico
}
