import { joined } from '../joined.ts'
import type {
  AnswerHandler,
  AttemptController,
  Caller,
  Clock,
  FlatHeaders,
  Flight,
  Outbound,
} from '../ports.ts'
import type { Arm, Outcome } from '../types.ts'
import { isWrongModel } from '../wire/model.ts'
import { type OutboundBody, outboundBody } from './body.ts'
import { errorEvent, FAILURES, type FailureCode, refusalOf } from './dialect.ts'
import { EventFilter, withModel } from './event-filter.ts'
import type { Exchange } from './exchange.ts'
import { answerHeaders, requestHeaders } from './headers.ts'
import type { Kept } from './kept.ts'
import { type AnswerKind, type Attempted, kindOf, Tap } from './observe.ts'
import { checkOf, failsOver, outcomeOfStatus } from './outcome.ts'
import { redactedBytes } from './redact.ts'
import { type RetryCause, retryCauseOf } from './retry.ts'
import { retryAfterMs } from './retry-after.ts'
import { type Timeouts, timeoutsOf, type Upstream } from './routes.ts'
import { HEAD_BYTES } from './stream.ts'
import { traceparentOf } from './trace.ts'

/**
 * One attempt at one upstream: it moves bytes from there to the caller, under four timeouts. It rejects for
 * a defect of ours and nothing else.
 *
 * It is the handler of the dial itself: no promise, closure or web stream stands between the two sockets. While it is
 * `held` the caller has got nothing and another attempt may still answer; once bytes flow it answers, or breaks off.
 */

/** What an attempt may do to the caller. */
export interface AttemptRules {
  readonly arm: Arm
  readonly upstream: Upstream
  /** Hold the answer back until it is seen to be one, so that another arm can still answer. */
  readonly held: boolean
  /** Told of the first content; null for what was not drawn. */
  readonly flight: Flight | null
  /** Asked about an answer that says the request was not processed: true keeps it from the caller, for another try. */
  readonly retries: ((cause: RetryCause, attempt: Attempted) => boolean) | null
  /** Headgate's own headers, made when the head is written. */
  readonly ownHeaders: (attempt: Attempted) => FlatHeaders
}

/** A caller that takes nothing for this long is gone (milliseconds). */
const WRITE_IDLE_MS = 120_000

/** How long the error body of an attempt that is over may take, before its connection is closed. */
const DRAIN_MS = 1_000
const MODEL_REWRITE_BYTES = 8_388_608
const ABANDONED = new Error('Headgate has no more use for this answer')

/** What a stream can have been, once its end was seen. */
const WHOLE: ReadonlySet<Outcome> = new Set<Outcome>(['ok', 'empty', 'wrong_model'])
/** Names of undici's errors for what is not an HTTP answer. */
const NOT_HTTP: ReadonlySet<string> = new Set([
  'HTTPParserError',
  'HeadersOverflowError',
  'ResponseContentLengthMismatchError',
])

/** What a platform's fetch says where no connection was made; undici shows the moment itself. */
const UNCONNECTED: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

type Phase = 'connecting' | 'waiting' | 'held' | 'flowing' | 'over'

/** @returns what became of it, at its last byte; it is not `delivered` when the caller has got nothing yet */
export function forward(exchange: Exchange, rules: AttemptRules): Promise<Attempted> {
  return new Promise((resolve, reject) => new Attempt(exchange, rules, resolve, reject).start())
}

class Attempt implements AnswerHandler {
  readonly #exchange: Exchange
  // At hand, and not two objects away: between two chunks of a stream each of those has left the processor's caches.
  readonly #caller: Caller
  readonly #clock: Clock
  readonly #rules: AttemptRules
  readonly #resolve: (attempted: Attempted) => void
  readonly #reject: (defect: unknown) => void
  readonly #attempted: Attempted
  readonly #timeouts: Timeouts
  readonly #body: OutboundBody | null
  readonly #sentMs: number
  /** Which of the upstream's keys. */
  readonly #key: number
  readonly #kept: Kept | null

  #phase: Phase = 'connecting'
  #controller: AttemptController | null = null
  #timer: unknown = null
  #deadlineMs = 0
  #deadline: Outcome = 'timeout_connect'

  #tap: Tap | null = null
  #headers: FlatHeaders = []
  /** Content flows, and each chunk gives the next one its time. */
  #idles = false
  #headSent = false
  #filter: EventFilter | null = null
  #rewritesModel = false
  /** Chunks the caller has not got yet: a canary's, or the first of an answer that may be complete in this turn. */
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #flushes = false
  #marked = false
  #paused = false

  constructor(
    exchange: Exchange,
    rules: AttemptRules,
    resolve: (attempted: Attempted) => void,
    reject: (defect: unknown) => void,
  ) {
    const { identity, gate } = exchange
    const { upstream } = rules
    this.#exchange = exchange
    this.#caller = exchange.caller
    this.#clock = gate.clock
    this.#rules = rules
    this.#resolve = resolve
    this.#reject = reject
    this.#sentMs = gate.clock.monotonicMs()
    this.#key = gate.keys.take(upstream.name, upstream.tails().length, this.#sentMs)
    this.#timeouts = timeoutsOf(upstream, identity.timeoutClass)
    this.#body =
      identity.ask === null || identity.endpoint.wire === null
        ? null
        : outboundBody(identity.ask, identity.endpoint.wire, upstream)
    this.#attempted = {
      arm: rules.arm,
      upstream: upstream.name,
      sentMs: this.#sentMs,
      spanId: exchange.trace === null ? null : (gate.spans?.newSpanId() ?? null),
      outcome: 'connect_error',
      tries: 1,
      status: null,
      firstByteMs: null,
      durationMs: 0,
      bytesIn: 0,
      finishReason: null,
      usage: null,
      modelAnswered: null,
      responseId: null,
      retryAfterMs: null,
      repeatable: null,
      delivered: false,
    }
    exchange.attempts.push(this.#attempted)
    this.#kept = exchange.kept
    this.#kept?.begin(this.#attempted)
  }

  start(): void {
    const caller = this.#caller
    this.#expect('timeout_connect', this.#timeouts.connect)
    caller.onLeave(() => this.#leave())
    if (this.#phase === 'over') return
    this.#exchange.gate.dial.send(this.#rules.arm, this.#rules.upstream, this.#outbound(), this)
  }

  onRequestStart(controller: AttemptController): void {
    this.#controller = controller
    if (this.#phase === 'over') {
      controller.abort(ABANDONED)
      return
    }
    this.#phase = 'waiting'
    if (this.#streams()) this.#expect('timeout_first_byte', this.#timeouts.firstByte)
    else this.#expect('timeout_total', this.#timeouts.total)
  }

  onResponseStart(
    controller: AttemptController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200 || this.#phase === 'over') return
    this.#controller = controller
    const { identity } = this.#exchange
    this.#attempted.status = status
    const kind = this.#kindOf(status, headers)
    this.#tap = new Tap(kind, identity.endpoint.wire)
    if (status >= 300 && status < 400 && status !== 304) {
      this.#fail('upstream_error')
      return
    }
    const cause = retryCauseOf(status)
    if (cause !== null && this.#asksForLater(cause, headers)) {
      this.#fail(outcomeOfStatus(status))
      return
    }
    if (this.#rules.held && (kind === 'unreadable' || failsOver(status))) {
      this.#fail(kind === 'unreadable' ? 'malformed' : outcomeOfStatus(status))
      return
    }
    this.#prepareAnswer(headers)
    this.#phase = this.#rules.held && kind !== 'error' ? 'held' : 'flowing'
    if (kind === 'opaque') this.#expect('timeout_idle', this.#timeouts.idle)
    if (kind === 'stream' && this.#phase === 'flowing') this.#sendHead()
  }

  onResponseData(_controller: AttemptController, chunk: Uint8Array): void {
    const tap = this.#tap
    if (this.#phase === 'over' || tap === null) {
      this.#drain(chunk)
      return
    }
    tap.push(chunk)
    if (this.#kept !== null) this.#kept.push(chunk)
    if (!this.#idles && tap.sign !== 'waiting') this.#begin(tap)
    if (this.#idles) this.#expect('timeout_idle', this.#timeouts.idle)
    if (this.#phase === 'held') this.#hold(tap, chunk)
    else this.#pass(tap, chunk)
  }

  onResponseEnd(_controller: AttemptController): void {
    const tap = this.#tap
    if (this.#phase === 'over' || tap === null) {
      this.#drained()
      return
    }
    if (tap.kind !== 'stream' && this.#phase !== 'held') {
      this.#finish()
      this.#close()
      this.#afterwards(() => this.#judge(tap, true))
      return
    }
    this.#judge(tap, true)
    const { outcome } = this.#attempted
    if (this.#phase === 'held' && outcome !== 'ok') {
      this.#fail(outcome)
    } else if (tap.kind === 'stream' && outcome === 'truncated' && !this.#marked) {
      this.#breakOff(outcome)
    } else {
      this.#finish()
      this.#settle()
    }
  }

  onResponseError(_controller: AttemptController | null, error: Error): void {
    if (this.#phase === 'over') {
      this.#drained()
      return
    }
    this.#attempted.repeatable = this.#repeatableAfter(error)
    this.#cutOff(this.#outcomeOf(error))
  }

  // What goes out

  #outbound(): Outbound {
    const { identity, trace } = this.#exchange
    const caller = this.#caller
    const { upstream, arm } = this.#rules
    const { spanId } = this.#attempted
    const headers = requestHeaders(caller.headers, {
      arm,
      trace:
        trace === null || spanId === null
          ? null
          : { parent: traceparentOf(trace, spanId), begins: trace.parent === null },
      tail: upstream.tails()[this.#key] ?? [],
      tailNames: upstream.tailNames,
      passthrough: upstream.passthrough,
      identity: identity.endpoint.wire !== null,
      contentLength: this.#body === null ? null : this.#body.bytes.length,
    })
    const path = upstream.basePath + identity.target.path.slice('/v1'.length)
    return {
      method: caller.method,
      path: path + identity.target.query,
      headers,
      body:
        this.#body?.bytes ?? caller.stream(identity.routes.maxUploadBytes, () => this.#overflow()),
    }
  }

  #streams(): boolean {
    return this.#exchange.identity.ask?.stream === true
  }

  // What comes back

  /** Some of its content is there. */
  #begin(tap: Tap): void {
    this.#idles = tap.kind === 'stream' || tap.kind === 'opaque'
    this.#attempted.firstByteMs ??= this.#elapsed()
    if (this.#rules.flight !== null) this.#rules.flight.answered = true
  }

  #prepareAnswer(headers: Readonly<Record<string, string | string[] | undefined>>): void {
    const { ask, endpoint } = this.#exchange.identity
    const tap = this.#tap
    const rewrites = this.#rules.upstream.answersAsAsked && ask?.model != null
    if (tap?.kind === 'stream' && endpoint.wire !== null) {
      const dropsUsage = this.#body?.usageAsked === true
      const model = rewrites ? (ask?.model ?? null) : null
      if (dropsUsage || rewrites) {
        this.#filter = new EventFilter({ wire: endpoint.wire, dropsUsage, model })
      }
    }
    this.#rewritesModel = rewrites && tap?.kind === 'whole'
    const changes = this.#rewritesModel || this.#filter !== null || tap?.kind === 'error'
    this.#headers = answerHeaders(headers, changes, this.#rules.upstream.secrets())
    if (headers['x-request-id'] === undefined) {
      this.#headers.push('x-request-id', this.#exchange.identity.requestId)
    }
  }

  /** A canary's answer stays here until it is seen to be one, or grows past the hold-back. */
  #hold(tap: Tap, chunk: Uint8Array): void {
    this.#keep(chunk)
    if (tap.kind === 'stream') {
      this.#attempted.modelAnswered = tap.model
      if (tap.sign === 'failed') this.#fail('error_in_stream')
      else if (tap.sign === 'content' && this.#isWrongModel(tap.model)) this.#fail('wrong_model')
      else if (tap.sign === 'content') this.#release()
    } else if (tap.bytes > (this.#rewritesModel ? MODEL_REWRITE_BYTES : HEAD_BYTES)) {
      this.#release()
    }
  }

  #release(): void {
    this.#phase = 'flowing'
    const held = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    this.#sendHead()
    for (const chunk of held) this.#write(chunk)
  }

  #pass(tap: Tap, chunk: Uint8Array): void {
    if (this.#headSent && !this.#rewritesModel) {
      this.#write(chunk)
      return
    }
    this.#keep(chunk)
    if (this.#rewritesModel && tap.bytes <= MODEL_REWRITE_BYTES) return
    // An error is looked at whole for what it must not quote.
    if (tap.kind === 'error' && tap.bytes <= HEAD_BYTES) return
    this.#rewritesModel = false
    if (!this.#flushes) queueMicrotask(() => this.#flushHead())
    this.#flushes = true
  }

  /** The answer did not end in the turn it began in: what there is goes on now. */
  #flushHead(): void {
    if (this.#phase !== 'flowing' || this.#headSent) return
    this.#sendHead()
    this.#flush()
  }

  #keep(chunk: Uint8Array): void {
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    for (const chunk of waiting) this.#writeOn(chunk)
  }

  #wholeBody(): Uint8Array | null {
    if (this.#waiting.length === 0) return null
    const body = joined(this.#waiting)
    if (this.#tap?.kind === 'error') return redactedBytes(body, this.#rules.upstream.secrets())
    const { ask, endpoint } = this.#exchange.identity
    if (!this.#rewritesModel || endpoint.wire === null || ask?.model == null) return body
    return withModel(endpoint.wire, body, 0, body.length, ask.model)
  }

  #write(chunk: Uint8Array): void {
    const out = this.#filter === null ? chunk : this.#filter.push(chunk)
    if (out.length > 0) this.#writeOn(out)
  }

  #writeOn(chunk: Uint8Array): void {
    const caller = this.#caller
    if (caller.write(chunk) || this.#paused) return
    this.#paused = true
    this.#controller?.pause()
    this.#expect('cancelled', WRITE_IDLE_MS)
    caller.onDrain = () => {
      this.#paused = false
      caller.onDrain = null
      if (this.#phase !== 'flowing') return
      this.#expect('timeout_idle', this.#timeouts.idle)
      this.#controller?.resume()
    }
  }

  #sendHead(): void {
    this.#headSent = true
    this.#caller.head(this.#attempted.status ?? 502, this.#head())
  }

  #head(): FlatHeaders {
    for (const part of this.#rules.ownHeaders(this.#attempted)) this.#headers.push(part)
    return this.#headers
  }

  // How it ends

  /** The caller gets the rest of what there is, and a clean end. */
  #finish(): void {
    const caller = this.#caller
    const rest = this.#filter?.end()
    if (rest !== undefined && rest.length > 0) this.#keep(rest)
    if (this.#headSent) {
      this.#flush()
      caller.end()
    } else {
      caller.answer(this.#attempted.status ?? 502, this.#head(), this.#wholeBody())
    }
    this.#attempted.delivered = true
  }

  /** Nothing more comes. A stream that had its end is whole all the same. */
  #cutOff(outcome: Outcome): void {
    if (this.#tap !== null) this.#judge(this.#tap, false)
    const read = this.#attempted.outcome
    if (this.#tap?.kind === 'stream' && this.#headSent && WHOLE.has(read)) {
      this.#finish()
      this.#settle()
      this.#controller?.abort(ABANDONED)
    } else {
      this.#fail(read === 'error_in_stream' ? read : outcome)
    }
  }

  #judge(tap: Tap, ended: boolean): void {
    const attempted = this.#attempted
    const reading = tap.read(ended)
    this.#marked = reading.marked
    attempted.bytesIn = tap.bytes
    attempted.usage = reading.usage
    attempted.finishReason = reading.finishReason
    attempted.modelAnswered = reading.model
    attempted.responseId = reading.id
    if (tap.kind === 'error') attempted.outcome = outcomeOfStatus(attempted.status ?? 502)
    else if (reading.outcome === 'ok' && this.#isWrongModel(reading.model))
      attempted.outcome = 'wrong_model'
    else attempted.outcome = reading.outcome
  }

  #isWrongModel(answered: string | null): boolean {
    const { identity, gate } = this.#exchange
    const asked = identity.ask?.model ?? null
    const echoes = asked === null ? null : gate.echoes.of(asked)
    return isWrongModel(this.#rules.arm, asked, this.#body?.model ?? null, answered, echoes)
  }

  #outcomeOf(error: Error): Outcome {
    // fetch wraps what its client says.
    const said = error.cause instanceof Error ? error.cause : error
    if (said.name === 'ConnectTimeoutError') return 'timeout_connect'
    if (this.#attempted.status !== null) return 'truncated'
    return NOT_HTTP.has(said.name) ? 'malformed' : 'connect_error'
  }

  /** @returns true when it comes to another try */
  #asksForLater(
    cause: RetryCause,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): boolean {
    this.#attempted.retryAfterMs = retryAfterMs(headers['retry-after'], this.#clock.wallMs())
    return this.#rules.retries?.(cause, this.#attempted) === true
  }

  /**
   * Nothing was written before a connection was made. What was written on a connection that broke may have been processed:
   * only what may be asked twice is asked again, and only where the connection had served before (undici says what it read).
   */
  #repeatableAfter(error: Error): RetryCause | null {
    if (this.#phase === 'connecting') return 'connect'
    if (this.#attempted.status !== null) return null
    const said: Error & { code?: unknown; socket?: { bytesRead?: number } | null } =
      error.cause instanceof Error ? error.cause : error
    if (UNCONNECTED.has(said.code)) return 'connect'
    const { method } = this.#caller
    const safe = method === 'GET' || method === 'HEAD'
    return safe && (said.socket?.bytesRead ?? 0) > 0 ? 'reused_socket' : null
  }

  #kindOf(
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): AnswerKind {
    const { ask, endpoint } = this.#exchange.identity
    const wire = ask === null ? null : endpoint.wire
    const kind = kindOf(wire, this.#streams(), status, String(headers['content-type'] ?? ''))
    const encoding = headers['content-encoding'] ?? 'identity'
    if (wire === null || kind === 'error' || encoding === 'identity') return kind
    // It was asked not to. Control's word is passed on unread; an unread canary is not to be trusted.
    return this.#rules.arm === 'control' ? 'opaque' : 'unreadable'
  }

  /** The attempt is over and the caller has got nothing of it, or a part that is broken off here. */
  #fail(outcome: Outcome): void {
    if (this.#headSent) {
      this.#breakOff(outcome)
      return
    }
    this.#attempted.outcome = outcome
    this.#waiting = []
    this.#waitingBytes = 0
    this.#settle()
    if (this.#tap?.kind === 'error') this.#timer = this.#abortIn(DRAIN_MS)
    else this.#controller?.abort(ABANDONED)
  }

  /** Never a clean end, never `[DONE]`: an error event in a stream, a broken connection elsewhere. */
  #breakOff(outcome: Outcome): void {
    const { identity } = this.#exchange
    const caller = this.#caller
    const attempted = this.#attempted
    attempted.outcome = outcome
    attempted.delivered = true
    this.#phase = 'over'
    this.#controller?.abort(ABANDONED)
    if (this.#tap?.kind === 'stream') {
      if (outcome !== 'error_in_stream') {
        const { dialect, wire } = identity.endpoint
        const code = outcome in FAILURES ? (outcome as FailureCode) : 'upstream_error'
        caller.write(errorEvent(dialect, wire, refusalOf(code), identity.requestId))
      }
      caller.end()
    } else {
      caller.destroy()
    }
    this.#settle()
  }

  /** Some clients hang up on `[DONE]`: a stream that had its end was not cancelled. */
  #leave(): void {
    if (this.#phase === 'over') return
    if (this.#tap !== null) this.#judge(this.#tap, false)
    const whole = this.#tap?.kind === 'stream' && WHOLE.has(this.#attempted.outcome)
    if (!whole) this.#attempted.outcome = 'cancelled'
    this.#attempted.delivered = true
    this.#settle()
    this.#controller?.abort(ABANDONED)
  }

  /** The caller sends more than it may: its own doing, and it is told so. */
  #overflow(): void {
    if (this.#phase === 'over') return
    this.#attempted.outcome = 'rejected'
    this.#settle()
    this.#controller?.abort(ABANDONED)
  }

  #settle(): void {
    this.#close()
    if (this.#attempted.delivered) this.#afterwards()
    else this.#report()
  }

  /** The caller has its answer: what is left can wait. */
  #afterwards(first?: () => void): void {
    this.#exchange.gate.afterwards(() => {
      try {
        first?.()
        this.#report()
      } catch (error) {
        this.#reject(error)
      }
    })
  }

  #close(): void {
    this.#phase = 'over'
    this.#attempted.durationMs = this.#elapsed()
    this.#clock.clearTimer(this.#timer)
  }

  #report(): void {
    this.#noteKey()
    this.#resolve(this.#attempted)
  }

  /** A caller's own key is a caller's own business. */
  #noteKey(): void {
    const { gate, trace } = this.#exchange
    const { upstream } = this.#rules
    if (upstream.passthrough) return
    const { status, retryAfterMs: laterMs, spanId } = this.#attempted
    const count = upstream.tails().length
    const nowMs = this.#clock.monotonicMs()
    if (!gate.keys.note(upstream.name, count, this.#key, status, laterMs, nowMs)) return
    const key = `${this.#key + 1} of ${count}`
    const check = checkOf('auth')
    const place = trace === null ? {} : { traceId: trace.traceId, spanId }
    const fields = { upstream: upstream.name, key, status, check, ...place }
    gate.log.warn('upstream refused a key', fields)
  }

  /** Lets a short error body of an attempt that is over run out, so that its connection can be used again. */
  #drain(chunk: Uint8Array): void {
    this.#waitingBytes += chunk.length
    if (this.#waitingBytes > HEAD_BYTES) this.#controller?.abort(ABANDONED)
  }

  #abortIn(ms: number): unknown {
    return this.#clock.setTimer(() => this.#controller?.abort(ABANDONED), ms)
  }

  #drained(): void {
    this.#clock.clearTimer(this.#timer)
  }

  // Time

  #elapsed(): number {
    return this.#clock.monotonicMs() - this.#sentMs
  }

  /** One timer an attempt: a later deadline only moves the mark, and the timer looks again when it fires. */
  #expect(outcome: Outcome, ms: number): void {
    const clock = this.#clock
    const deadlineMs = clock.monotonicMs() + ms
    const sooner = this.#timer === null || deadlineMs < this.#deadlineMs
    this.#deadline = outcome
    this.#deadlineMs = deadlineMs
    if (!sooner) return
    if (this.#timer !== null) clock.clearTimer(this.#timer)
    this.#timer = clock.setTimer(() => this.#onTimer(), ms)
  }

  #onTimer(): void {
    if (this.#phase === 'over') return
    const leftMs = this.#deadlineMs - this.#clock.monotonicMs()
    if (leftMs > 0) {
      this.#timer = this.#clock.setTimer(() => this.#onTimer(), leftMs)
      return
    }
    if (this.#deadline === 'cancelled') {
      this.#caller.destroy()
      this.#leave()
      return
    }
    if (this.#phase === 'connecting') this.#attempted.repeatable = 'connect'
    this.#cutOff(this.#deadline)
  }
}
