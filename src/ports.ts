import type {
  Arm,
  Dwell,
  Observation,
  Pair,
  Role,
  RolloutEvent,
  RolloutRecord,
  ShadowNote,
  Split,
  UnitSource,
} from './types.ts'

/** Time as the request path sees it. Timeouts and windows use `monotonicMs`; `wallMs` is for people. */
export interface Clock {
  /** Milliseconds since the epoch. */
  wallMs(): number
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonicMs(): number
  /** @returns what `clearTimer` takes */
  setTimer(run: () => void, ms: number): unknown
  clearTimer(timer: unknown): void
}

/** A flag document as it was read: Unleash's `GET /api/client/features`, validated. */
export interface FlagSnapshot<Document> {
  readonly document: Document
  /** Monotonic milliseconds at which the source last confirmed this document. */
  readonly readAtMs: number
  /** Short hash of the document, for people and for `FlagStatus`. */
  readonly hash: string
  /** Null, or not there, where the source does not say. */
  readonly revision?: FlagRevision | null
}

/** Which state of the flags a document is of. Revisions of one `query` rise; those of two do not compare. */
export interface FlagRevision {
  readonly query: string
  readonly number: number
}

/** What a flag source has to say about itself, for `/readyz`, the API and the page. */
export interface FlagStatus {
  /** `file:flags/relay.json`, `unleash:https://…`, `static`. Never a token. */
  readonly source: string
  readonly hash: string | null
  /** Why the newest attempt to read failed; null while the source is well. */
  readonly fault: string | null
  /** How long a change may go unseen while the source is well, in ms. */
  readonly refreshMs: number
}

/** One request as its rollout's flags decided it. */
export interface FlagUse {
  readonly flag: string
  readonly kill: string
  /** The arm that was drawn. */
  readonly arm: Arm
  readonly killed: boolean
}

/** What one rollout asks of its flags. */
export interface AskedFlags {
  readonly flag: string
  readonly kill: string
  readonly groupId: string
}

/** Where flags come from. It keeps the last good document; it never throws once it was opened. */
export interface FlagSource<Document> {
  /** Null until a first good document was read. */
  current(): FlagSnapshot<Document> | null
  status(): FlagStatus
  /** Called after every change of `current()` or `status()`. */
  onChange(listener: () => void): void
  /** Told at the start and at every reload what all rollouts ask; for a source that has to ask by name. */
  follow?(asked: readonly AskedFlags[]): void
  /** Told of every request that a flag had a say in, where somebody counts them. */
  count?(use: FlagUse): void
  close(): void | Promise<void>
}

/** A flag document that was kept from before, for a start without its source. */
export interface KeptFlags<Document> {
  readonly document: Document
  /** How long ago the source confirmed it, in ms; `Infinity` where nobody can tell. */
  readonly ageMs: number
  /** `the backup of 2026-11-26T07:12:00Z`, `the bootstrap flags/relay.json`. */
  readonly words: string
  /** What comes from the same source and is older is not news. */
  readonly revision?: FlagRevision | null
}

/** Where the last good document waits for the next start. It never throws. */
export interface FlagBackup<Document> {
  /** Told of every confirmation, with a new document or the same. */
  keep(document: Document, revision?: FlagRevision | null): void
  /** Resolves when what was told is written. */
  close(): Promise<void>
}

/** The platform's own, or what stands in for it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** What may be used and not printed. */
export interface Sealed {
  reveal(): string
}

/** Header fields as the wire has them: name, value, name, value. */
export type FlatHeaders = string[]

/**
 * The caller's side of one exchange: what came in, and where the answer goes. A transport implements it.
 * None of its methods throws; after the caller left they do nothing.
 */
export interface Caller {
  readonly method: string
  /** Path and query, as sent. */
  readonly target: string
  readonly headers: Readonly<FlatHeaders>
  /** The body, for the `Dial` of the same transport, when nobody needs to look inside; null when there is none. Past `maxBytes` it calls `onOverflow` and breaks off. */
  stream(maxBytes: number, onOverflow: () => void): unknown
  /** The whole body. `too_large` as soon as it is known to pass `maxBytes`; `gone` when the caller left before its end. */
  collect(maxBytes: number): Promise<Uint8Array | 'too_large' | 'gone'>
  /** Something of an answer was sent. */
  readonly begun: boolean
  /** Head without a body yet, sent at once. */
  head(status: number, headers: FlatHeaders): void
  /** @returns false when the caller is slow: wait for `onDrain` */
  write(chunk: Uint8Array): boolean
  end(): void
  /** A whole answer at once. */
  answer(status: number, headers: FlatHeaders, body: Uint8Array | null): void
  /** Breaks the connection, so that a cut answer cannot pass for a whole one. */
  destroy(): void
  onDrain: (() => void) | null
  /** Called once when the caller leaves before its answer ended, at once if it has left already. Replaces the earlier listener. */
  onLeave(listener: () => void): void
  /** Work that goes on after the answer: the runtime is told, where it would else put an end to it. */
  background(work: Promise<unknown>): void
}

/** Steers one attempt. The same shape as undici's dispatch controller. */
export interface AttemptController {
  pause(): void
  resume(): void
  abort(reason: Error): void
}

/** What an upstream answers, as it comes. The same shape as undici's dispatch handler, so that Node needs no adapter. */
export interface AnswerHandler {
  /** A connection is ready and the request is being written. */
  onRequestStart(controller: AttemptController): void
  /** Called again for each interim (1xx) answer. Names are lower case. */
  onResponseStart(
    controller: AttemptController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void
  onResponseData(controller: AttemptController, chunk: Uint8Array): void
  onResponseEnd(controller: AttemptController): void
  /** The last call, in place of `onResponseEnd`. `controller` is null when no connection was made. */
  onResponseError(controller: AttemptController | null, error: Error): void
}

/** One request as it goes to an upstream. */
export interface Outbound {
  readonly method: string
  /** Below the upstream's origin; canonical. */
  readonly path: string
  readonly headers: FlatHeaders
  /** Bytes, a transport's own stream (`Caller.stream`), or null. */
  readonly body: unknown
}

/** What a transport needs to know of an upstream. */
export interface Origin {
  readonly name: string
  /** Scheme, host and port; a constant of config, never request text. */
  readonly origin: string
  readonly http2: boolean
  readonly connectTimeoutMs: number
}

/**
 * Moves bytes to an upstream, and never follows a redirect. Connections are not shared between arms, except over a
 * platform's own fetch, which has one pool: two arms on one origin (an A/A run) may meet there.
 */
export interface Dial {
  send(arm: Arm, to: Origin, request: Outbound, handler: AnswerHandler): void
  /** Lets connections of these go once they are idle; they are not dialled again. */
  retire(origins: readonly Origin[]): void
  close(): Promise<void>
}

/** How a request was drawn. For the control plane alone: a unit may be a person. */
export interface Draw {
  /** What was hashed; null where the request itself was drawn, and where nothing was. */
  readonly unit: string | null
  readonly source: UnitSource | null
  /** When the request came; monotonic milliseconds. */
  readonly startedMs: number
  /** What it was drawn by; null where no rollout matched, or none was known yet. */
  readonly split: Split | null
  /** It waited for its first byte so long that it was counted as a failure before its end. */
  overdue: boolean
  /** The trace it is part of; null where nobody traces. */
  readonly trace: Traced | null
}

/** Where a request is found in the traces' backend. */
export interface Traced {
  /** 32 hex digits, as W3C Trace Context has them. */
  readonly id: string
  /** Its spans left the process. Said after its end; of a request before a rollback, when that comes. */
  kept: boolean
}

/** A drawn request on its way to the arm that was drawn. */
export interface Flight {
  readonly rollout: string
  readonly arm: Arm
  readonly draw: Draw
  /** Its first content has come. */
  answered: boolean
}

/** Does what is left once a caller has its answer, at once or in a moment, in the order in which it was handed in. None of it throws. */
export type Afterwards = (work: () => void) => void

/** Told of every observation, after the caller has its answer. It must not throw. */
export type Witness = (observation: Observation, draw: Draw) => void

/** Told of shadows; after the caller has its answer. It must not throw. */
export type ShadowWitness = (rollout: string, note: ShadowNote) => void

/** A place in a trace. Ids are lower-case hex, of 32 and 16 digits, and not all zero. */
export interface TraceContext {
  readonly traceId: string
  readonly spanId: string
  /** Whoever began the trace keeps it. */
  readonly sampled: boolean
}

export type SpanValue = string | number | boolean | readonly string[]

/** No name twice. */
export type SpanAttributes = readonly (readonly [name: string, value: SpanValue])[]

/** A span that is over. Times are milliseconds since the epoch, with fractions. */
export interface SpanRecord {
  readonly name: string
  readonly kind: 'server' | 'client' | 'internal'
  readonly traceId: string
  readonly spanId: string
  readonly parent: { readonly spanId: string; readonly remote: boolean } | null
  readonly startAt: number
  readonly endAt: number
  readonly attributes: SpanAttributes
  /** It is one that failed. */
  readonly failed: boolean
  readonly links: readonly Pick<TraceContext, 'traceId' | 'spanId'>[]
  readonly events: readonly {
    readonly name: string
    readonly at: number
    readonly attributes: SpanAttributes
  }[]
}

/** Where spans go, once they are over. None of these throws or waits. */
export interface Spans {
  newTraceId(): string
  newSpanId(): string
  /** Whether a trace is kept from its beginning. @param parent the caller's; null where it has none */
  samples(traceId: string, parent: TraceContext | null): boolean
  /** All of one trace: they are taken together, or dropped and counted. */
  send(spans: readonly SpanRecord[]): void
}

/** Turns texts into vectors whose cosine says how alike they are. */
export interface Embedder {
  /** As it is shown beside a score. */
  readonly model: string
  /**
   * One vector a text, in their order, all of one length.
   * @throws {Error} when there is none, or not in time; its message quotes no text
   */
  embed(texts: readonly string[]): Promise<readonly (readonly number[])[]>
}

/** A log line on its way to a backend. */
export interface LogRecord {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Log lines: a fixed sentence and fields. Never content, never a secret. `traceId` and `spanId` say which request it is about. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** A rollout as a store keeps it. */
export interface StoredRollout {
  readonly record: RolloutRecord
  readonly dwell: Dwell
}

/** Which events to read. */
export interface EventQuery {
  /** Of this rollout only; of all, unless given. */
  readonly rollout?: string | undefined
  /** The id of an event: those written after it. From the first, unless given. */
  readonly after?: string | undefined
  /** At most so many, 1 and up. */
  readonly limit: number
}

/**
 * Where rollouts stand, and how they came there. What it hands out is a copy. It may be shared by many processes.
 * Every method rejects with `HeadgateError` `store_unavailable` (locked, full, read-only, away: try again) or
 * `store_corrupt` (a person is needed; nothing more is written).
 */
export interface StateStore {
  /** @returns null for a rollout never written */
  read(rollout: string): Promise<StoredRollout | null>
  readAll(): Promise<readonly StoredRollout[]>
  /**
   * Compare-and-set: the `after` of the last event becomes the record, in one transaction with the events. There is no
   * other way to write a record. Durable before it resolves, also against a loss of power.
   * @param events of one rollout, each one version above the one before; the first `before.version` is the version that
   *   the caller read, 0 for a rollout never written
   * @returns `conflict` when someone else wrote first; nothing is written then
   * @throws {HeadgateError} `store_unavailable`, and it is then unknown whether the write happened: read again, the
   *   event's id tells
   * @throws {RangeError} for no events, and for one that has no `by` or no `reason`
   */
  commit(events: readonly RolloutEvent[], dwell: Dwell): Promise<'written' | 'conflict'>
  /**
   * Keeps the time served, which is no decision: no event, no new version. Durable when the process dies; a loss of power
   * may take the newest back.
   * @returns `conflict` when the rollout is not at this version; nothing is written then
   */
  keepDwell(rollout: string, version: number, dwell: Dwell): Promise<'written' | 'conflict'>
  /** The audit log, oldest first. @returns `unknown_event` when `after` was never written */
  events(query: EventQuery): Promise<readonly RolloutEvent[] | 'unknown_event'>
  /** May be called twice. Nothing else may be called afterwards. */
  close(): Promise<void>
}

/** What one flush of one process counted for one rollout. */
export interface EvidenceBatch<Counts> {
  readonly rollout: string
  readonly epoch: number
  /** One process from its start to its end. */
  readonly process: string
  /** 0 and up; a process gives each to one batch only, and sends it again until it knows that it was taken. */
  readonly sequence: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** A JSON value; its numbers are finite, and come back bit for bit (but for the sign of 0). */
  readonly counts: Counts
}

/** A batch in its place. Whoever takes the batches of an epoch in this order comes to the same verdicts. */
export interface LoggedBatch<Counts> extends EvidenceBatch<Counts> {
  /** Rises with every batch of the log; not without gaps. */
  readonly position: number
}

/** Which batches to read. */
export interface EvidenceQuery {
  readonly rollout: string
  /** Of this epoch only; of all, unless given. */
  readonly epoch?: number | undefined
  /** A position: those behind it. From the first, unless given. */
  readonly after?: number | undefined
  /** At most so many, 1 and up. */
  readonly limit: number
}

/** Which batches to let go. */
export interface ForgetQuery {
  readonly rollout: string
  /** Those of epochs before this one. */
  readonly epoch: number
  /** Those that were counted before; milliseconds since the epoch. */
  readonly before: number
  /** At most so many, 1 and up. */
  readonly limit: number
}

/** What is not there any more. */
export interface Forgotten {
  /** In all. */
  readonly batches: number
  /** The latest epoch that lost some: those before it are gone. */
  readonly epoch: number
  /** When the newest of them was counted; milliseconds since the epoch. */
  readonly at: number
}

/** What was counted, in the order in which it was judged. What it hands out is a copy. Rejects as `StateStore` does. */
export interface EvidenceStore<Counts> {
  /**
   * All or none. A batch whose (rollout, process, sequence) is there already is not written again, whatever it counts now.
   * Durable when the process dies; a loss of power may take the newest back, until the next `commit`.
   * @returns those that were new, in their order: what the judge has not seen
   */
  append(batches: readonly EvidenceBatch<Counts>[]): Promise<readonly LoggedBatch<Counts>[]>
  /** Oldest first. */
  read(query: EvidenceQuery): Promise<readonly LoggedBatch<Counts>[]>
  /**
   * Lets go of the oldest batches of an epoch that is over, and remembers that it did. The newest batch of the log stays, so that
   * positions go on rising. As durable as `append`.
   * @returns how many went
   */
  forget(query: ForgetQuery): Promise<number>
  /** What was let go of a rollout's evidence; null while nothing was. */
  forgotten(rollout: string): Promise<Forgotten | null>
  /** The newest checkpoint of a rollout; null when none was kept. What it holds is the writer's own, and unchecked. */
  checkpoint(rollout: string): Promise<Checkpoint | null>
  /**
   * Keeps where a reader of the log stands, in place of the one before, so that the next need not read from the beginning.
   * One that is not further on than what is kept is dropped. As durable as `append`.
   */
  keepCheckpoint(checkpoint: Checkpoint): Promise<void>
  close(): Promise<void>
}

/** Where a reader of the evidence stands. Losing it costs time and nothing else. */
export interface Checkpoint {
  readonly rollout: string
  /** The last batch it has read. */
  readonly position: number
  /** JSON text. */
  readonly kept: string
}

/** What one line of the ledger is about. */
export interface LedgerKey {
  /** UTC: `2026-11-26`. */
  readonly day: string
  /** Null for what no rollout had a say in. */
  readonly rollout: string | null
  readonly arm: Arm
  readonly role: Role
  readonly upstream: string
  /** As it was asked for, `other` beyond the most names of a day; null where no model was named. */
  readonly model: string | null
  /** The version of the prices it was reckoned with. */
  readonly prices: string
  /** Whose live request it was, where that caller has a budget; absent for all others. */
  readonly caller?: string
}

/** Counts and money by name; what is not named is 0. Money is in picodollars. */
export type LedgerAmounts = Readonly<Record<string, bigint>>

export interface LedgerLine {
  readonly key: LedgerKey
  readonly amounts: LedgerAmounts
}

/** What one process booked since its last batch. */
export interface LedgerBatch {
  /** One process from its start to its end. */
  readonly process: string
  /** Rises by one with each batch; sent again, unchanged, until it is known that it was taken. */
  readonly sequence: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly lines: readonly LedgerLine[]
}

/** What was spent, by day. What it hands out is a copy. Rejects as `StateStore` does. */
export interface LedgerStore {
  /**
   * Adds to what is there, name by name, all or none. A batch that is not beyond the last one of its process is not added
   * again. Durable when the process dies; a loss of power may take the newest back.
   */
  add(batch: LedgerBatch): Promise<'added' | 'known'>
  /** The lines of these days, both included, the oldest day first. */
  read(days: { readonly from: string; readonly to: string }): Promise<readonly LedgerLine[]>
  /** Lets go of what is older than this day, and of processes that booked nothing since. */
  forget(before: string): Promise<void>
  close(): Promise<void>
}

/** Which pairs to read. */
export interface PairQuery {
  /** Of this rollout only; of all, unless given. */
  readonly rollout?: string | undefined
  /** Those that are older than this one. From the newest, unless given. */
  readonly after?: { readonly at: string; readonly id: string } | undefined
  /** Those alone that differ, or that have findings. */
  readonly only?: 'different' | 'findings' | undefined
  /** At most so many, 1 and up. */
  readonly limit: number
}

/** What is kept no longer. */
export interface PairLimits {
  /** The newest so many stay. */
  readonly keep: number
  /** ISO 8601: what is older goes. */
  readonly before: string
  /** ISO 8601: the texts of what is older go. */
  readonly textBefore: string
}

/** What shadows found. What it hands out is a copy. Rejects as `StateStore` does. */
export interface PairStore {
  /** One that is there already is not written again. Durable when the process dies. */
  add(pairs: readonly Pair[]): Promise<void>
  /** The newest first, without their texts. */
  read(query: PairQuery): Promise<readonly Pair[]>
  /** With its texts where there are some; null where there is no such pair. */
  get(id: string): Promise<Pair | null>
  forget(rollout: string, limits: PairLimits): Promise<void>
  close(): Promise<void>
}

/** All in one place. */
export interface Stores<Counts> {
  readonly state: StateStore
  readonly evidence: EvidenceStore<Counts>
  readonly ledger: LedgerStore
  readonly pairs: PairStore
  /** All of them. */
  close(): Promise<void>
}
