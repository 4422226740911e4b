/** The shared nouns. Closed literals are `snake_case` everywhere, so nothing is translated on the way out. */

/** The role an upstream plays in a rollout. Code knows arms; upstream names live in config only. */
export type Arm = 'control' | 'canary'

/** Whose wire format an endpoint speaks. */
export type Dialect = 'openai' | 'anthropic'

/** What kind of answer an endpoint gives: how its end, its content and its usage are recognised. */
export type Wire = 'chat' | 'completions' | 'embeddings' | 'responses' | 'messages' | 'count_tokens'

/** Why a request went to its arm. Closed: `x-headgate-reason`, spans and the audit log carry these words. */
export type Reason =
  | 'split'
  | 'no_unit'
  | 'flag_off'
  | 'killed'
  | 'latched'
  | 'suspended'
  | 'stale'
  | 'pinned'
  | 'forced'
  | 'failover'
  | 'unmatched'
  | 'idle'
  | 'excluded'
  | 'cooldown'
  | 'capped'

/** How one attempt ended, in one word. Relay failures hide in 200s, so this is not the status. */
export type Outcome =
  | 'ok'
  | 'rejected'
  | 'auth'
  | 'rate_limited'
  | 'upstream_error'
  | 'connect_error'
  | 'timeout_connect'
  | 'timeout_first_byte'
  | 'timeout_idle'
  | 'timeout_total'
  | 'truncated'
  | 'error_in_stream'
  | 'malformed'
  | 'empty'
  | 'wrong_model'
  | 'cancelled'

/** Where a rollout stands. `complete` still has a guard while a control remains. */
export const ROLLOUT_STATES = [
  'idle',
  'ramping',
  'holding',
  'paused',
  'suspended',
  'rolled_back',
  'complete',
] as const

export type RolloutState = (typeof ROLLOUT_STATES)[number]

/** A share of the units, in basis points: 0..10,000, so that 1 is 0.01 %. */
export type ShareBp = number

/** What a flag is asked about: one request. */
export interface FlagContext {
  /** Percent-encoded where it is not ASCII; `null` when the request has none. */
  readonly unit: string | null
  /** `model`, `dialect`, `path`, `stream`, `class` and what config maps. */
  readonly properties: Readonly<Record<string, string>>
}

/** What a flag answers about one request. */
export interface FlagVerdict {
  /** The ceiling. With `drawn: false` it is 10,000 (the flag is on for this request) or 0. */
  readonly shareBp: ShareBp
  /**
   * True when the ceiling nests on Headgate's own bucket. False when the flag draws in another way (other
   * groupId, random stickiness, variants): the request follows the flag and is not evidence.
   */
  readonly drawn: boolean
}

/** One flag, compiled for one rollout. */
export type FlagRule =
  | { readonly kind: 'off' }
  | { readonly kind: 'ceiling'; readonly shareBp: ShareBp }
  | { readonly kind: 'context'; readonly verdictOf: (context: FlagContext) => FlagVerdict }

/** The data plane's whole instruction about one rollout; immutable, replaced whole. */
export interface Split {
  readonly rollout: string
  readonly groupId: string
  readonly state: RolloutState
  readonly epoch: number
  readonly version: number
  /** Index into the plan's steps; null without a plan. */
  readonly step: number | null
  /** The plan's height; 10,000 without a plan, 0 when idle, suspended or rolled back. */
  readonly heightBp: ShareBp
  /** Null until a flag document was read: that is doubt, and doubt means control. */
  readonly flag: FlagRule | null
  readonly killed: boolean
}

/** Every rollout's split as of one moment. */
export interface Splits {
  /** Monotonic milliseconds at which this was known to be true; past `maxAgeMs` it is stale. */
  readonly asOfMs: number
  readonly maxAgeMs: number
  readonly byRollout: ReadonlyMap<string, Split>
}

/** Where a unit came from. */
export type UnitSource = 'header' | 'caller' | 'body' | 'conversation' | 'request'

/** Whom a request was for: a caller, or Headgate's own comparison. Only what is `live` has a caller who waits. */
export type Role = 'live' | 'shadow' | 'probe' | 'question'

/** Tokens of one answer; null where the upstream did not say. Unknown is never 0. */
export interface Usage {
  /** All prompt tokens, cached ones included, in both dialects. */
  readonly inputTokens: number | null
  readonly cachedInputTokens: number | null
  /** Written to a cache, part of the input. */
  readonly cacheWriteTokens: number | null
  /** Of those, written to one that lasts an hour. */
  readonly cacheWriteHourTokens: number | null
  /** All completion tokens, reasoning included. */
  readonly outputTokens: number | null
  readonly reasoningTokens: number | null
}

/** Which arm, and why. */
export interface Assignment {
  readonly arm: Arm
  readonly reason: Reason
  /** 0..9,999; null when nothing was drawn. */
  readonly bucket: number | null
  /** The share the draw was made at. */
  readonly shareBp: ShareBp
  /** True when the outcome may be used as evidence: it was drawn, on Headgate's own bucket. */
  readonly evidence: boolean
}

/** What one arm did, frozen at the last byte. It holds no content and no secret. */
export interface Observation {
  readonly requestId: string
  readonly rollout: string | null
  readonly epoch: number
  /** The arm that did this. */
  readonly arm: Arm
  /** The arm that was drawn: the canary's still when control answered in its place. */
  readonly assigned: Arm
  readonly reason: Reason
  readonly bucket: number | null
  readonly shareBp: ShareBp
  readonly evidence: boolean
  readonly upstream: string
  readonly endpoint: string
  readonly dialect: Dialect
  readonly stream: boolean
  readonly caller: string | null
  readonly modelAsked: string | null
  readonly modelAnswered: string | null
  /** Of the last try. */
  readonly outcome: Outcome
  /** Tries at this upstream, 1 and up. */
  readonly tries: number
  /** The upstream's status; null when it gave none. */
  readonly status: number | null
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** To the first content of a stream, or the first body byte of a whole answer; null when none came. */
  readonly firstByteMs: number | null
  readonly durationMs: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly finishReason: string | null
  readonly usage: Usage | null
}

/** No evidence is never a pass and never a fail. */
export type VerdictValue = 'pass' | 'fail' | 'inconclusive'

/** One tested metric, as the page and the audit log show it. */
export interface MonitorReport {
  /** `failures`, `rejections`, `latency`, `first_byte`, `tokens`, `cost`, `cancellations`, … */
  readonly name: string
  /** Its part in the average; the weights of a guard sum to 1. */
  readonly weight: number
  /** The value of its bet (an e-value): 1 at the start, 0 and up. */
  readonly evidence: number
  /** The average of all bets that fails the verdict: 1/alpha of this epoch. */
  readonly limit: number
  /** Outcomes counted, per arm. */
  readonly counts: { readonly control: number; readonly canary: number }
  /** Of those, the bad ones: failed, beyond control's p95, over control's cap. */
  readonly bad?: { readonly control: number; readonly canary: number }
  /** How much worse is still fine: `absolute` in points of probability, `relative` to control. */
  readonly margin?: { readonly kind: 'absolute' | 'relative'; readonly value: number }
  /** What was found, in words: `canary 9 of 9 failed, control 0.4 %`. */
  readonly words: string
}

/** An answer of the judge. */
export interface Verdict {
  readonly value: VerdictValue
  readonly reasons: readonly string[]
  readonly monitors: readonly MonitorReport[]
}

/** A burst that suspends at once, without waiting for the statistics. */
export interface Trip {
  readonly kind:
    | 'failures'
    | 'paired'
    | 'hang'
    | 'auth'
    | 'stream'
    | 'spend'
    | 'integrity'
    | 'equivalence'
  readonly words: string
}

/** What the gate still waits for. */
export interface Need {
  readonly metric: string
  readonly canaryRequests: number
  /** Milliseconds until they will have come at the present rate; null when nothing comes. */
  readonly etaMs: number | null
}

/** All the judge says about a rollout at one moment: what `advance` acts on. */
export interface Judgement {
  /** May we stay? `fail` rolls back. */
  readonly guard: Verdict
  /** May we climb? Only `pass` climbs. */
  readonly gate: Verdict
  /** The observed share against the promised one: `fail` holds. */
  readonly mismatch: Verdict
  readonly trip: Trip | null
  readonly need: Need | null
}

/** What a suspended rollout goes back to once its probes are clean. */
export interface Suspension {
  /** The version that suspended it; probes sent for another suspension do not count. */
  readonly version: number
  /** A `holding` rollout goes back to `ramping`: its time at the height begins again. */
  readonly state: 'ramping' | 'paused' | 'complete'
  readonly step: number | null
  readonly heightBp: ShareBp
}

/**
 * Where a rollout stands, as the store keeps it. It changes by events only: what a store holds is the `after` of the
 * rollout's newest event, or nothing.
 */
export interface RolloutRecord {
  readonly rollout: string
  readonly state: RolloutState
  /** From 1; one life of the evidence. Only `rearm` opens the next. */
  readonly epoch: number
  /** One more with every event; 0 before the first. */
  readonly version: number
  /** Index into the plan's steps; null when the height is no step's. */
  readonly step: number | null
  /** The share to serve, flag and kill apart; 0 when `idle`, `suspended` and `rolled_back`. 10,000 where only the flag decides. */
  readonly heightBp: ShareBp
  /** The version at which this stay at this height began. It rises with each: older evidence speaks of another. */
  readonly visit: number
  /** Set while `suspended`, and while `paused` by a person during a suspension; null otherwise. */
  readonly suspension: Suspension | null
  /** How often clean probes have ended a suspension in this epoch. */
  readonly resumes: number
  /** When `state` last became what it is: milliseconds since the epoch, for people. 0 before the first event. */
  readonly sinceAt: number
}

/** Time served at the present height. Bookkeeping, not a decision: losing some delays a climb and nothing else. */
export interface Dwell {
  readonly ms: number
  /** The wall clock when it was last counted; milliseconds since the epoch. */
  readonly at: number
}

/**
 * Notes in the audit log, and no decisions about the rollout: what a person wrote there, what became of a write to the flag's
 * server, how much of a budget is spent, and what an upstream was caught at.
 */
export const NOTE_TYPES = [
  'note',
  'flag_written',
  'flag_declined',
  'flag_not_written',
  'budget_alert',
  'budget_spent',
  'caught',
] as const

export type NoteType = (typeof NOTE_TYPES)[number]

/** What happened to a rollout. Closed: events, the API, webhooks and the page carry these words. */
export const EVENT_TYPES = [
  'started',
  'advanced',
  'held',
  'released',
  'paused',
  'resumed',
  'set',
  'suspended',
  'rolled_back',
  'rearmed',
  'completed',
  'promoted',
  ...NOTE_TYPES,
] as const

export type EventType = (typeof EVENT_TYPES)[number]

/** One change of a rollout, who made it and why: the audit log. A note changes nothing but the version. */
export interface RolloutEvent {
  readonly id: string
  /** Milliseconds since the epoch, on the wall clock, which may jump; `version` gives the order. */
  readonly at: number
  readonly rollout: string
  /** Of `after`. */
  readonly version: number
  /** Of `after`. */
  readonly epoch: number
  readonly type: EventType
  /** A person's name, or what acted by itself: `guard`, `gate`, `tripwire`, `probes`, `plan`, `write_back`. */
  readonly by: string
  /** Never empty. */
  readonly reason: string
  readonly before: RolloutRecord
  readonly after: RolloutRecord
}

/**
 * What comparing two answers came to. `equivalent`: other words, and similar enough. `unparseable`: an answer is none of this
 * endpoint. `inconclusive`: Headgate itself cut the comparison short, and it says nothing about an arm.
 */
export const PAIR_VERDICTS = [
  'same',
  'equivalent',
  'different',
  'unparseable',
  'inconclusive',
] as const

export type PairVerdict = (typeof PAIR_VERDICTS)[number]

/** In what two answers may differ. Closed. */
export const DIFFERENCE_KINDS = [
  'outcome',
  'shape',
  'text',
  'code',
  'numbers',
  'negation',
  'names',
  'tool_calls',
  'tool_arguments',
  'finish_reason',
  'refusal',
  'structure',
  'model',
  'usage',
] as const

export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number]

/** One way in which two answers differ. */
export interface Difference {
  readonly kind: DifferenceKind
  /** Where, as `tool_calls[0].arguments.city`; null where there is no such place. Names only, no values. */
  readonly path: string | null
  /** What a person reads; it quotes nothing of an answer. */
  readonly words: string
}

/** What an upstream may be caught at. Closed: config names by these words what each leads to. */
export const FINDING_KINDS = [
  'model_echo',
  'prompt_tokens',
  'usage',
  'tool_calls',
  'new_urls',
  'new_installs',
  'new_commands',
  'truncation',
  'contradiction',
  'planted_secret',
  // Outside of pairs.
  'planted_used',
  'other_model',
  'fingerprint',
  // In many pairs, where one would be chance.
  'refusals',
  'novelties',
  'structure',
] as const

export type FindingKind = (typeof FINDING_KINDS)[number]

/** Each is told in the audit log, whatever else comes of it: nobody but the upstream can have done it, or hardly by chance. */
export const PROOF_KINDS: ReadonlySet<FindingKind> = new Set<FindingKind>([
  'planted_secret',
  'planted_used',
  'other_model',
])

/** Something about the canary's integrity, with what it rests on. */
export interface Finding {
  readonly kind: FindingKind
  /** What a person reads; it quotes nothing of an answer. */
  readonly words: string
  /** Numbers, names of models and of tools, hashes. */
  readonly evidence: Readonly<Record<string, string | number | null>>
}

/** How alike two texts are. */
export interface Similarity {
  /** 0 to 1. */
  readonly score: number
  /** `lexical` reads letters and words, and knows no meaning. */
  readonly method: 'lexical' | 'embedding'
  /** The model that made the vectors; null for `lexical`. */
  readonly model: string | null
}

/** What stands where a secret was taken out. */
export const REDACTED = '[redacted]'

/** What an answer said; kept only where content is captured, and redacted before it is. */
export interface Content {
  /** Cut where it was longer than what is kept. */
  readonly text: string | null
  /** Arguments as they were written. */
  readonly tools: readonly { readonly name: string; readonly arguments: string }[]
}

/** One answer of a pair. */
export interface Side {
  readonly outcome: Outcome
  readonly status: number | null
  readonly finishReason: string | null
  readonly modelAnswered: string | null
  readonly usage: Usage | null
  readonly firstByteMs: number | null
  readonly durationMs: number
  /** Null where nobody knows. */
  readonly costUsd: number | null
  /** Of the text, salted with the pair: equal within a pair where the texts are, and comparable nowhere else. Null without a text. */
  readonly textHash: string | null
  /** In characters; null without a text. */
  readonly textLength: number | null
  /** In their order. The hash is of the arguments' canonical JSON, salted as the text's. */
  readonly tools: readonly { readonly name: string; readonly argumentsHash: string }[]
  /** Null unless content is captured. */
  readonly content: Content | null
}

/** A live answer and its shadow, or a probe's two answers of control and the canary's one, compared. */
export interface Pair {
  readonly id: string
  /** When the request came: ISO 8601, UTC. */
  readonly at: string
  readonly rollout: string
  readonly epoch: number
  readonly kind: 'shadow' | 'probe'
  /** Of the live request. */
  readonly requestId: string
  readonly endpoint: string
  readonly dialect: Dialect
  readonly stream: boolean
  readonly modelAsked: string | null
  /** The arm whose answer the caller has got. */
  readonly live: Arm
  readonly control: Side
  readonly canary: Side
  /** Control's second answer to the same; null for a shadow. */
  readonly again: Side | null
  readonly verdict: PairVerdict
  /** Of control's answer and the canary's; null where one of them says nothing. */
  readonly similarity: Similarity | null
  /** How alike control is to itself, 0 to 1; null for a shadow. */
  readonly noise: number | null
  /** The canary's answer is the odd one of the three; null for a shadow, and where one of them says nothing. */
  readonly odd: boolean | null
  readonly differences: readonly Difference[]
  readonly findings: readonly Finding[]
  /** The request's body as JSON text, redacted; null unless content is captured. */
  readonly question: string | null
}

/** Why a request that was to have a shadow has none. Closed. */
export const SHADOW_DROPS = [
  /** It, or its endpoint, is not on the list of what may be asked twice. */
  'not_allowed',
  /** The live answer failed, was cut or was left: there is nothing to compare with. */
  'no_answer',
  'too_large',
  'concurrency',
  /** What may be asked in an hour was asked. */
  'requests',
  'bytes',
  'tokens',
  'usd',
  /** The upstream has no place beside live requests, or its callers were told to wait. */
  'busy',
  /** The canary is suspended, rolled back, killed or out of money. */
  'closed',
  'draining',
  /** Cut by the end of its time. */
  'timeout',
] as const

export type ShadowDrop = (typeof SHADOW_DROPS)[number]

/** What can be checked of a configuration where it runs; the same word in `doctor`, in a log line, on the page and on a span. */
export type CheckId =
  | 'secret.present'
  | 'secret.shape'
  | 'url.shape'
  | 'url.redirect'
  | 'net.dns'
  | 'net.tls'
  | 'net.proxy'
  | 'clock.skew'
  | 'auth.style'
  | 'auth.cross'
  | 'path.probe'
  | 'model.exists'
  | 'flags.source'
  | 'otlp.export'
  | 'store.write'
  | 'price.coverage'

/** What became of a shadow. */
export type ShadowNote =
  /** It was asked, once; what that cost, in dollars: null where nobody knows. */
  | {
      readonly what: 'sent'
      readonly kind: Pair['kind']
      readonly arm: Arm
      readonly usd: number | null
    }
  | { readonly what: 'dropped'; readonly kind: Pair['kind']; readonly why: ShadowDrop }
  | { readonly what: 'paired'; readonly pair: Pair }
  /** Outside of pairs. */
  | { readonly what: 'caught'; readonly finding: Finding }

/** What shadows came to, in one process or many: it merges by adding. Plain values, as structured clone takes them. */
export interface DriftCounts {
  /** Requests of their own. */
  readonly sent: number
  /** Dollars, of what has a price; null where nothing has. */
  readonly usd: number | null
  readonly dropped: Readonly<Partial<Record<ShadowDrop, number>>>
  /** Pairs by what they came to. */
  readonly verdicts: Readonly<Partial<Record<PairVerdict, number>>>
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>
  readonly probes: { readonly asked: number; readonly odd: number }
  /** How alike the canary was to control, and control to itself: counts by hundredths, 101 of them; empty for none. */
  readonly similarity: readonly number[]
  readonly noise: readonly number[]
  /** How the newest score was measured; null without one. */
  readonly method: Similarity['method'] | null
  readonly work: WorkCounts
}

/** What the same prompts took on both arms, of pairs where both answered and said what they used. */
export interface WorkCounts {
  readonly pairs: number
  /** In and out. */
  readonly controlTokens: number
  readonly canaryTokens: number
  /** Of those, pairs that have a price on both arms; dollars are of them. */
  readonly priced: number
  readonly controlUsd: number
  readonly canaryUsd: number
}
