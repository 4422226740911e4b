import type { Observation, Outcome } from '../types.ts'
import { moneyOf, type Rates, type Tokens, tokensOf } from './price.ts'

/** What one attempt costs: by the usage it told, else by its bytes. */

export interface Charge {
  /** Null where nothing was billed, or nobody can tell what. */
  readonly tokens: Tokens | null
  /** Something of the tokens was guessed from bytes. */
  readonly estimated: boolean
  /** Null where the price is not known. */
  readonly pico: bigint | null
}

const NOTHING: Charge = { tokens: null, estimated: false, pico: 0n }
const UNKNOWN: Charge = { tokens: null, estimated: false, pico: null }

/** Endpoints that cost nothing. */
const FREE: ReadonlySet<string> = new Set(['models', 'count_tokens'])
/** Outcomes without a status after which the upstream may have worked, and bill for it. */
const MAYBE_WORKED: ReadonlySet<Outcome> = new Set<Outcome>([
  'timeout_first_byte',
  'timeout_idle',
  'timeout_total',
  'truncated',
  'cancelled',
])
/** Streams that ended as they should have; in any other the last word on usage may be missing. */
const ENDED: ReadonlySet<Outcome> = new Set<Outcome>(['ok', 'empty', 'wrong_model'])

/** Text in JSON: about four bytes a token. */
const BYTES_PER_TOKEN = 4
/** A stream wraps each token, or a few, in an event. */
const STREAM_BYTES_PER_TOKEN: Readonly<Record<string, number>> = {
  chat: 250,
  completions: 200,
  responses: 200,
  messages: 120,
}
/** What a whole answer holds beside its text. */
const ENVELOPE_BYTES = 400

/** Of an attempt what its price depends on, its upstream and model apart. */
type Billed = Pick<
  Observation,
  'endpoint' | 'status' | 'outcome' | 'usage' | 'stream' | 'finishReason' | 'bytesIn' | 'bytesOut'
>

/** @param rates null where the price of its model is not known */
export function chargeOf(observation: Billed, rates: Rates | null): Charge {
  const { endpoint, status, outcome, usage } = observation
  if (FREE.has(endpoint)) return NOTHING
  if (usage === null) {
    const refused = status === null ? !MAYBE_WORKED.has(outcome) : status >= 300
    if (refused) return NOTHING
  }
  // Where Headgate reads no answers it knows no tokens: images, audio, files.
  if (endpoint === 'other') return UNKNOWN
  const told = usage === null ? null : tokensOf({ ...usage, ...silentOutput(observation) })
  const cut = observation.stream && !ENDED.has(outcome) && observation.finishReason === null
  const tokens =
    told === null
      ? guessed(observation)
      : cut
        ? { ...told, output: Math.max(told.output, outputFrom(observation)) }
        : told
  return {
    tokens,
    estimated: told === null || cut,
    pico: rates === null ? null : moneyOf(tokens, rates),
  }
}

/** Embeddings have no output to tell of. */
function silentOutput({ endpoint, usage }: Billed): { outputTokens?: number } {
  return endpoint === 'embeddings' && usage?.outputTokens == null ? { outputTokens: 0 } : {}
}

function guessed(observation: Billed): Tokens {
  const { bytesOut, usage } = observation
  const input = usage?.inputTokens ?? null
  const told = input === null ? null : tokensOf({ ...NO_USAGE, ...usage, outputTokens: 0 })
  return {
    input: Math.ceil(bytesOut / BYTES_PER_TOKEN),
    cachedInput: 0,
    cacheWrite: 0,
    cacheWriteHour: 0,
    reasoning: 0,
    ...told,
    output: outputFrom(observation),
  }
}

const NO_USAGE = {
  inputTokens: null,
  cachedInputTokens: null,
  cacheWriteTokens: null,
  cacheWriteHourTokens: null,
  outputTokens: null,
  reasoningTokens: null,
}

function outputFrom({ bytesIn, stream, endpoint, status }: Billed): number {
  if (status === null || endpoint === 'embeddings') return 0
  const perToken = STREAM_BYTES_PER_TOKEN[endpoint]
  if (stream && perToken !== undefined) return Math.ceil(bytesIn / perToken)
  return Math.ceil(Math.max(0, bytesIn - ENVELOPE_BYTES) / BYTES_PER_TOKEN)
}
