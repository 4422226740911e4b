import type { Planted } from '../compare/planted.ts'
import type { ShadowConfig } from '../config/schema.ts'
import type { Arm, Observation, Pair, Wire } from '../types.ts'

/** What shadows ask of a comparison. It is handed in: a Worker whose configuration has no shadows is built without one. */
export interface Pairs {
  /** Never rejects for what an upstream sent. */
  pairOf(input: PairInput, sha256: Hash): Promise<Pair>
  /** Small questions that models answer with a word, each in proportions of its own. */
  readonly questions: readonly SmallQuestion[]
  /** The word that an answer comes to; null where it is none. */
  wordOf(wire: Wire, chunks: readonly Uint8Array[]): string | null
}

/** The name stands for the prompt. */
export interface SmallQuestion {
  readonly name: string
  readonly prompt: string
}

export type Hash = (text: string) => string | Promise<string>

/** One answer, as it came. */
export interface Took {
  readonly observation: Observation
  /** Dollars; null where nobody knows. */
  readonly usd: number | null
  readonly chunks: readonly Uint8Array[]
}

export interface PairInput {
  readonly id: string
  readonly kind: Pair['kind']
  readonly wire: Wire
  /** The request's body. */
  readonly body: Uint8Array
  readonly live: Arm
  readonly liveId: string
  readonly control: Took
  /** Control's second answer; null for a shadow. */
  readonly again: Took | null
  readonly canary: Took
  readonly config: ShadowConfig
  /** The model's name at the canary's upstream; null where it is the one asked. */
  readonly sent: string | null
  /** In [0, 1): decides a tie of the three. */
  readonly chance: number
  /** Keys that only the canary has seen. */
  readonly planted: readonly Planted[]
  /** Of both upstreams, and planted ones: what must never be kept. */
  readonly secrets: readonly string[]
}
