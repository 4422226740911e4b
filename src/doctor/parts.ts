import type { Config } from '../config/schema.ts'
import type { SecretReader, SecretStatus } from '../config/secrets.ts'
import type { FlagDocument } from '../flag/document.ts'
import type { Clock, Fetch } from '../ports.ts'
import type { Env } from '../telemetry/environment.ts'
import type { Check } from './check.ts'
import type { Target } from './target.ts'

/** What a round of checks is handed: a configuration, and a way to ask. */

/** What a platform shows of names and certificates. */
export interface Network {
  /** Never rejects. */
  readonly dns: (target: Target) => Promise<Check>
  /** Never rejects. */
  readonly tls: (target: Target) => Promise<Check>
}

export interface AskParts {
  readonly fetch: Fetch
  readonly clock: Clock
  /** Aborted when the whole round has taken long enough. */
  readonly signal: AbortSignal
}

/** What the source of the flags says. */
export interface FlagsWord {
  /** `file:flags/relay.json`, `unleash:https://…`; null where config names none. */
  readonly source: string | null
  /** Null where it gave none, and where it gives none as a whole. */
  readonly document: FlagDocument | null
  /** Why it could not be read. */
  readonly fault: string | null
  /** Milliseconds since it was confirmed; null where nobody asked before. */
  readonly ageMs: number | null
}

/** What the place where state is kept says. */
export interface StoreWord {
  /** `sqlite:.headgate/state.db`, `memory`. */
  readonly kind: string
  readonly fault: string | null
  /** What to do about it. */
  readonly fix: string | null
  /** It is in use: that says little, and is no fault. */
  readonly busy: boolean
}

export interface DoctorParts {
  readonly config: Config
  /** What is odd about flags and prices, a sentence each; null where it was said before. */
  readonly advise: {
    readonly flags: (document: FlagDocument) => readonly string[]
    /** @param day `2026-11-26` */
    readonly prices: (day: string) => readonly string[]
  } | null
  readonly secrets: readonly SecretStatus[]
  readonly read: SecretReader
  /** Names of variables that a `.env` file nearby has. */
  readonly dotenv: ReadonlySet<string>
  /** `HTTPS_PROXY` and the like. */
  readonly env: Env
  readonly fetch: Fetch
  readonly clock: Clock
  readonly sha256: (text: string) => string | Promise<string>
  readonly network: Network | null
  /** What of telemetry there is to look at. Never rejects; null where it is the platform's. */
  readonly telemetry: ((asking: AskParts) => Promise<readonly Check[]>) | null
  /** Never rejects. */
  readonly flags: () => Promise<FlagsWord>
  /** Never rejects. */
  readonly store: () => Promise<StoreWord>
  /** The relay's key may be shown to official, to find out whether it is official's. */
  readonly cross: boolean
  /** Upstreams that refuse every key just now, as the process knows that serves. */
  readonly refusing: readonly string[]
}

/** What a process that serves knows without asking. */
export interface Serving {
  readonly flags: FlagsWord
  readonly store: StoreWord
  /** Upstreams that refuse all their keys. */
  readonly refusing: readonly string[]
}
