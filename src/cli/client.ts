import * as z from 'zod'
import { type CostsView, costsView } from '../api/views/costs.ts'
import { errorView } from '../api/views/error.ts'
import { type EventView, eventView } from '../api/views/event.ts'
import { type FlushView, flushView } from '../api/views/flush.ts'
import { type RequestView, requestView } from '../api/views/request.ts'
import { type RolloutView, rolloutView } from '../api/views/rollout.ts'
import { nearest } from '../config/nearest.ts'
import type { Secret } from '../config/secret.ts'
import type { Grouping } from '../cost/savings.ts'
import { HeadgateError } from '../errors.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'
import { oneLine } from './format.ts'

/** The control plane's API over fetch. What it answers is checked before it is believed; the token is in no message. */

/** How long an answer may take, its body included. */
const TIMEOUT_MS = 10_000

/** What is wanted of a pair. */
const PAIR_ID = z.object({ id: z.string() })
const PAIR_QUESTION = PAIR_ID.extend({ endpoint: z.string(), question: z.string().nullable() })

/** With these nothing was sent. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/** Which control plane, and how to prove oneself there. */
export interface ControlAddress {
  /** Scheme, host and port; no slash at the end. */
  readonly url: string
  readonly token: Secret
  /** Where the token was found, for a person: `HEADGATE_TOKEN`. */
  readonly tokenFrom: string
  /** How to type `headgate` here. */
  readonly self: string
  /** 10 seconds unless given. */
  readonly timeoutMs?: number
}

/** What a person asks of a rollout; `set` has a percentage. */
export type WriteVerb =
  | 'start'
  | 'pause'
  | 'resume'
  | 'advance'
  | 'promote'
  | 'rollback'
  | 'rearm'
  | 'note'
  | 'set'

/** Who, why, and what they saw. */
export interface Write {
  readonly by: string
  readonly reason: string
  readonly version?: number | undefined
  readonly percent?: number | undefined
}

/** A page of a list; `next` is the `after` of the one behind it, null at the end. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}

type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false
      readonly status: number
      readonly error: z.output<typeof errorView>['error']
    }

interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

/**
 * Every method throws `HeadgateError` `control_unreachable` or `control_unauthorised`, and `Failure` for what the control
 * plane refuses; the reason of `signal` once that is aborted.
 */
export class ControlClient {
  readonly url: string
  readonly #token: Secret
  readonly #tokenFrom: string
  readonly #self: string
  readonly #timeoutMs: number

  constructor({ url, token, tokenFrom, self, timeoutMs = TIMEOUT_MS }: ControlAddress) {
    this.url = url
    this.#token = token
    this.#tokenFrom = tokenFrom
    this.#self = self
    this.#timeoutMs = timeoutMs
  }

  async rollouts(signal?: AbortSignal): Promise<readonly RolloutView[]> {
    const answer = await this.#ask(pageOf(rolloutView), '/rollouts', { signal })
    return this.#valueOf(answer).items
  }

  async rollout(name: string, signal?: AbortSignal): Promise<RolloutView> {
    const answer = await this.#ask(rolloutView, `/rollouts/${encodeURIComponent(name)}`, { signal })
    return this.#ofRollout(name, answer)
  }

  /** The rollout of this name, or the only one there is. */
  async one(name: string | undefined, signal?: AbortSignal): Promise<RolloutView> {
    if (name !== undefined) return this.rollout(name, signal)
    const [first, ...others] = await this.rollouts(signal)
    if (first !== undefined && others.length === 0) return first
    const names = [first, ...others].flatMap((rollout) => rollout?.name ?? [])
    throw new Failure(
      EXIT.usage,
      names.length === 0 ? 'there is no rollout' : 'which rollout?',
      names.length === 0 ? 'Add one to headgate.yaml.' : `Name one of ${names.join(', ')}.`,
    )
  }

  /** @returns the rollout as it is then */
  async write(name: string, verb: WriteVerb, write: Write): Promise<RolloutView> {
    const path = `/rollouts/${encodeURIComponent(name)}/${verb === 'set' ? 'share' : verb}`
    const method = verb === 'set' ? 'PUT' : 'POST'
    return this.#ofRollout(name, await this.#ask(rolloutView, path, { method, body: write }))
  }

  async request(id: string): Promise<RequestView> {
    const answer = await this.#ask(requestView, `/requests/${encodeURIComponent(id)}`)
    if (answer.ok || answer.status !== 404) return this.#valueOf(answer)
    throw new Failure(
      EXIT.failed,
      `request ${oneLine(id)} is not remembered`,
      `The control plane keeps the last requests only, and forgets them when it restarts. The id is in x-headgate-request-id of the answer.`,
      { code: answer.error.code },
    )
  }

  /** The newest first; without their texts. */
  async pairs(query: {
    readonly rollout: string
    readonly after?: string | undefined
    readonly limit: number
  }): Promise<Page<{ readonly id: string }>> {
    const answer = await this.#ask(pageOf(PAIR_ID), `/pairs${queryText(query)}`)
    return this.#ofRollout(query.rollout, answer)
  }

  /** @returns null where it is kept no longer */
  async pair(id: string): Promise<z.output<typeof PAIR_QUESTION> | null> {
    const answer = await this.#ask(PAIR_QUESTION, `/pairs/${encodeURIComponent(id)}`)
    return !answer.ok && answer.status === 404 ? null : this.#valueOf(answer)
  }

  /** Days in UTC; the present month so far unless given. */
  async costs(query: {
    readonly rollout?: string | undefined
    readonly from?: string | undefined
    readonly to?: string | undefined
    readonly by: Grouping
  }): Promise<CostsView> {
    const answer = await this.#ask(costsView, `/costs${queryText(query)}`)
    if (query.rollout === undefined) return this.#valueOf(answer)
    return this.#ofRollout(query.rollout, answer)
  }

  /** Oldest first. */
  async events(
    query: {
      readonly rollout?: string | undefined
      readonly after?: string | undefined
      readonly limit: number
    },
    signal?: AbortSignal,
  ): Promise<Page<EventView>> {
    const answer = await this.#ask(pageOf(eventView), `/events${queryText(query)}`, { signal })
    if (query.rollout === undefined) return this.#valueOf(answer)
    return this.#ofRollout(query.rollout, answer)
  }

  /** Oldest first. */
  async flushes(
    name: string,
    query: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<Page<FlushView>> {
    const path = `/rollouts/${encodeURIComponent(name)}/flushes${queryText(query)}`
    return this.#ofRollout(name, await this.#ask(pageOf(flushView), path))
  }

  /**
   * Server-sent events, once their head has come; what breaks them off then is an error of the stream.
   * @param lastEventId those behind it; null for all there are
   */
  async eventStream(
    query: { readonly rollout?: string | undefined },
    lastEventId: string | null,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const headers = {
      accept: 'text/event-stream',
      ...(lastEventId === null ? {} : { 'last-event-id': lastEventId }),
    }
    const after = lastEventId === null ? '' : undefined
    const path = `/events/stream${queryText({ ...query, after })}`
    const { response, patience } = await this.#send(path, { headers, signal })
    try {
      const type = response.headers.get('content-type') ?? ''
      if (response.ok && response.body !== null && type.startsWith('text/event-stream')) {
        return response.body
      }
      const answer = await this.#read(z.never(), response, { signal })
      if (query.rollout === undefined) return this.#valueOf(answer)
      return await this.#ofRollout(query.rollout, answer)
    } finally {
      clearTimeout(patience)
    }
  }

  async #ask<T>(view: z.ZodType<T>, path: string, ask: Ask = {}): Promise<Answer<T>> {
    const { response, patience } = await this.#send(path, ask)
    try {
      return await this.#read(view, response, ask)
    } finally {
      clearTimeout(patience)
    }
  }

  async #send(
    path: string,
    { method = 'GET', body, headers = {}, signal }: Ask,
  ): Promise<{ readonly response: Response; readonly patience: NodeJS.Timeout }> {
    const late = new AbortController()
    const patience = setTimeout(
      () => late.abort(new DOMException('', 'TimeoutError')),
      this.#timeoutMs,
    )
    try {
      const response = await fetch(`${this.url}/-/api/v1${path}`, {
        method,
        // A redirect would carry the token elsewhere.
        redirect: 'manual',
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${this.#token.reveal()}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
      })
      return { response, patience }
    } catch (error) {
      clearTimeout(patience)
      throw this.#broken(error, method, signal)
    }
  }

  async #read<T>(
    view: z.ZodType<T>,
    response: Response,
    { method = 'GET', signal }: Ask,
  ): Promise<Answer<T>> {
    const { status } = response
    if (status === 401 || status === 403) {
      await response.body?.cancel()
      throw new HeadgateError(
        'control_unauthorised',
        `the control plane at ${this.url} refused the token from ${this.#tokenFrom}: give the one of control.token in its headgate.yaml, by HEADGATE_TOKEN or --token-file`,
      )
    }
    let text: string
    try {
      text = await response.text()
    } catch (error) {
      throw this.#broken(error, method, signal)
    }
    const parsed = (response.ok ? view : errorView).safeParse(jsonOf(text))
    if (!parsed.success) {
      throw new HeadgateError(
        'control_unreachable',
        `${this.url} answered (HTTP ${status}), but not as the control plane of this Headgate does: check the address, --url or HEADGATE_URL, and that both are of one version`,
      )
    }
    if (response.ok) return { ok: true, value: parsed.data as T }
    const { error } = parsed.data as z.output<typeof errorView>
    return { ok: false, status, error }
  }

  #broken(error: unknown, method: string, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason
    const late = error instanceof DOMException && error.name === 'TimeoutError'
    const why = late ? `no answer within ${this.#timeoutMs / 1_000} s` : codeOf(error)
    const open = method !== 'GET' && !NEVER_SENT.has(why)
    const unknown = open
      ? ` It may have been done all the same: look with ${this.#self} status.`
      : ''
    return new HeadgateError(
      'control_unreachable',
      `cannot reach the control plane at ${this.url} (${why}): is headgate serve running there? Name another with --url or HEADGATE_URL.${unknown}`,
    )
  }

  async #ofRollout<T>(name: string, answer: Answer<T>): Promise<T> {
    if (answer.ok || answer.status !== 404) return this.#valueOf(answer)
    const names = (await this.rollouts()).map((rollout) => rollout.name)
    // An event or a version may be what is missing.
    if (names.includes(name)) return this.#valueOf(answer)
    const near = nearest(name, names)
    const meant = near === null ? '' : `Did you mean ${near}? `
    throw new Failure(
      EXIT.failed,
      `there is no rollout ${JSON.stringify(oneLine(name))}`,
      names.length === 0
        ? 'There is none at all: add one to headgate.yaml.'
        : `${meant}There ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}.`,
      { code: answer.error.code },
    )
  }

  #valueOf<T>(answer: Answer<T>): T {
    if (answer.ok) return answer.value
    const { status, error } = answer
    const { code, version } = error
    const exit = status === 409 ? EXIT.refused : status === 400 ? EXIT.usage : EXIT.failed
    throw new Failure(exit, oneLine(error.message), this.#fixOf(error), { code, version })
  }

  #fixOf({ code, rollout = 'ROLLOUT', version }: z.output<typeof errorView>['error']): string {
    switch (code) {
      case 'latched':
        return `Run ${this.#self} rearm ${rollout} --reason WHY once the cause is gone.`
      case 'version_conflict':
        return `Look with ${this.#self} status ${rollout}${version === undefined ? '' : `, then send --if-version ${version}`}.`
      case 'store_unavailable':
        return 'Nothing was changed, as far as is known. Meanwhile the share never grows, and after 30 s it is 0. Try again.'
      default:
        return ''
    }
  }
}

/** `next` is an id or a position. */
function pageOf<Item>(item: z.ZodType<Item>): z.ZodType<Page<Item>> {
  const next = z.union([z.string(), z.number()]).nullable()
  return z.object({
    items: z.array(item),
    next: next.transform((at) => (at === null ? null : String(at))),
  })
}

function queryText(query: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) given.set(name, String(value))
  }
  return given.size === 0 ? '' : `?${given}`
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `ECONNREFUSED`; messages of fetch may quote headers, so none is passed on. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause
  for (const one of [cause, inner]) {
    if (one instanceof Error && 'code' in one && typeof one.code === 'string') return one.code
  }
  return 'the connection broke'
}
