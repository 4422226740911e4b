import { type Fault, faultOf } from './faults.ts'
import { verdictOn } from './judge.ts'
import { embeddingOf, piecesOf, prose, SIMULATED, tokensOf } from './prose.ts'
import { hashOf, randomFrom } from './random.ts'
import { type Ask, exampleOf, type Finish, type Speech, type SpokenUsage } from './wire.ts'

/**
 * The simulated model: what it says to an `Ask`, decided by seed and prompt alone, and what it remembers of prompts.
 *
 * The newest user turn may steer it: `simulate:tool`, `simulate:refusal`, `simulate:content_filter`,
 * `simulate:words=200`.
 */
export interface Mind {
  speak(ask: Ask, faults: readonly Fault[]): Speech
  embed(text: string, dimensions: number): Float32Array
}

/** Where prompt caching starts and how finely it counts; OpenAI's own numbers unless given. */
export interface CacheRule {
  readonly minTokens: number
  readonly stepTokens: number
}

const REMEMBERED_PREFIXES = 5_000

/**
 * @param model the name answers carry; the one asked for unless given
 */
export function createMind(options: {
  readonly seed: number | string
  readonly model?: string
  readonly cache?: CacheRule
}): Mind {
  const { minTokens, stepTokens } = options.cache ?? { minTokens: 1_024, stepTokens: 128 }
  const remembered = new Map<number, number>()

  const remember = (text: string): void => {
    const key = hashOf(text)
    remembered.delete(key)
    remembered.set(key, tokensOf(text))
    if (remembered.size > REMEMBERED_PREFIXES) {
      const [oldest] = remembered.keys()
      if (oldest !== undefined) remembered.delete(oldest)
    }
  }

  const cacheUse = (ask: Ask): { cached: number; cacheWrite: number } => {
    if (ask.explicitCache) {
      if (ask.marked === null) return { cached: 0, cacheWrite: 0 }
      // The mark's text is counted as sent, the prompt's as read: the part is never more than the whole.
      const tokens = Math.min(tokensOf(ask.marked), tokensOf(ask.prompt))
      const hit = remembered.has(hashOf(ask.marked))
      remember(ask.marked)
      return hit ? { cached: tokens, cacheWrite: 0 } : { cached: 0, cacheWrite: tokens }
    }
    const known = ask.prefixes.findLast((prefix) => remembered.has(hashOf(prefix)))
    for (const prefix of ask.prefixes) remember(prefix)
    const tokens = known === undefined ? 0 : tokensOf(known)
    return {
      cached: tokens < minTokens ? 0 : tokens - (tokens % stepTokens),
      cacheWrite: 0,
    }
  }

  return {
    embed: embeddingOf,
    speak: (ask, faults) => {
      const chance = randomFrom(`${options.seed}/${hashOf(ask.prompt)}`)
      const directive = directiveOf(ask.newest)
      const silent = faultOf(faults, 'empty') !== undefined
      const big = faultOf(faults, 'big')
      const model = faultOf(faults, 'wrong_model')?.model ?? options.model ?? ask.model

      const call =
        silent || ask.tool === null
          ? null
          : {
              name: ask.tool.name,
              arguments: JSON.stringify(exampleOf(ask.tool.schema, chance)),
            }
      const refusal =
        directive.refusal && !silent
          ? `${SIMULATED} I cannot help with that, because this model is simulated.`
          : null

      let text = ''
      let finish: Finish = 'stop'
      let stopSequence: string | null = null
      if (call !== null) finish = 'tool'
      else if (refusal !== null) finish = 'refusal'
      else if (!silent) {
        text =
          verdictOn(ask.prompt) ??
          (ask.json
            ? JSON.stringify({ simulated: true, text: prose(options.seed, ask.prompt, 8) })
            : prose(options.seed, ask.prompt, directive.words))
        const stop = ask.stops
          .map((sequence) => ({ sequence, at: text.indexOf(sequence) }))
          .filter(({ sequence, at }) => sequence !== '' && at >= 0)
          .sort((left, right) => left.at - right.at)[0]
        if (stop !== undefined) {
          text = text.slice(0, stop.at)
          finish = 'stop_sequence'
          stopSequence = stop.sequence
        }
        if (directive.filter) finish = 'filter'
      }

      let pieces = piecesOf(text)
      if (ask.maxTokens !== null && pieces.length > ask.maxTokens) {
        pieces = pieces.slice(0, Math.max(0, ask.maxTokens))
        finish = 'length'
        stopSequence = null
      }
      const reasoning =
        ask.reasoning > 0 && !silent
          ? `Simulated reasoning: ${prose(options.seed, `${ask.prompt}/why`, 12)}`
          : null
      const output =
        big !== undefined
          ? Math.ceil(big.bytes / 4)
          : call !== null
            ? tokensOf(call.arguments) + 4
            : refusal !== null
              ? piecesOf(refusal).length
              : pieces.length
      const { cached, cacheWrite } = cacheUse(ask)
      const usage: SpokenUsage | null =
        faultOf(faults, 'no_usage') === undefined
          ? {
              input: tokensOf(ask.prompt) + 3,
              cached,
              cacheWrite,
              output: output + (reasoning === null ? 0 : ask.reasoning),
              reasoning: reasoning === null ? 0 : ask.reasoning,
            }
          : null

      return {
        model,
        reasoning,
        pieces:
          big === undefined ? () => pieces : () => bigPieces(big.bytes, big.chunkBytes ?? 16_384),
        call,
        refusal,
        finish,
        stopSequence,
        usage,
      }
    },
  }
}

function directiveOf(newest: string): {
  readonly refusal: boolean
  readonly filter: boolean
  readonly words?: number
} {
  const words = /simulate:words=(\d{1,6})/.exec(newest)?.[1]
  return {
    refusal: newest.includes('simulate:refusal'),
    filter: newest.includes('simulate:content_filter'),
    ...(words === undefined ? {} : { words: Number(words) }),
  }
}

function* bigPieces(bytes: number, chunkBytes: number): Generator<string> {
  const full = `${SIMULATED} `.padEnd(chunkBytes, 'big ').slice(0, chunkBytes)
  for (let left = bytes; left > 0; left -= chunkBytes) {
    yield left >= chunkBytes ? full : full.slice(0, left)
  }
}
