import * as z from 'zod'
import type { Clock, Fetch, Sealed } from '../ports.ts'
import { textOf, why } from './answer.ts'

/**
 * Unleash's Admin API (docs.getunleash.io/api), as far as Headgate writes there: one project, one environment. Each method
 * asks once, in 10 s at most, follows no redirect, and never throws. No answer holds the token.
 */

export interface AdminServer {
  /** Of the API, with or without a slash at its end: `https://unleash.example/api`. */
  readonly url: string
  /** An admin token, or one of a service account. */
  readonly token: Sealed
  readonly project: string
  readonly environment: string
}

export interface AdminParts {
  readonly fetch: Fetch
  readonly clock: Clock
}

/** What one ask came to. `words` are for a person, and hold nothing but what the server said of itself. */
export type AdminAnswer<Value> =
  | { readonly kind: 'ok'; readonly value: Value }
  /** There is no such flag or project; an archived flag is none. */
  | { readonly kind: 'missing'; readonly words: string }
  /** It understood, and will not: asking again changes nothing. */
  | { readonly kind: 'refused'; readonly words: string }
  /** It is not any more what the writer had read: nothing was written. */
  | { readonly kind: 'changed'; readonly words: string }
  | { readonly kind: 'unauthorised'; readonly words: string }
  /** It could not be asked, or did not understand; for a write it is then unknown whether it happened. */
  | { readonly kind: 'fault'; readonly words: string }

const strategySchema = z.object({
  id: z.string().min(1),
  name: z.string(),
  title: z.string().nullish(),
  disabled: z.boolean().nullish(),
  sortOrder: z.number().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  constraints: z.array(z.record(z.string(), z.unknown())).nullish(),
  segments: z.array(z.int()).nullish(),
  variants: z.array(z.record(z.string(), z.unknown())).nullish(),
})

const parentSchema = z.object({
  feature: z.string(),
  enabled: z.boolean().nullish(),
  variants: z.array(z.string()).nullish(),
})

const flagSchema = z.object({
  name: z.string(),
  type: z.string().nullish(),
  description: z.string().nullish(),
  impressionData: z.boolean().nullish(),
  dependencies: z.array(parentSchema).nullish(),
  environments: z.array(
    z.object({
      name: z.string(),
      enabled: z.boolean(),
      strategies: z.array(strategySchema).nullish(),
      variants: z.array(z.record(z.string(), z.unknown())).nullish(),
    }),
  ),
})

const segmentSchema = z.object({
  id: z.int(),
  name: z.string(),
  description: z.string().nullish(),
  constraints: z.array(z.record(z.string(), z.unknown())),
})

const segmentsSchema = z.object({ segments: z.array(segmentSchema) })
const idSchema = z.object({ id: z.int() })
const typesSchema = z.object({ strategies: z.array(z.object({ name: z.string() })) })
const nothing = z.unknown()

/** A strategy as the server has it, switched-off ones included. */
export type AdminStrategy = z.output<typeof strategySchema>
export type AdminSegment = z.output<typeof segmentSchema>
export type AdminParent = z.output<typeof parentSchema>

/** A flag in the environment. */
export interface AdminFlag {
  readonly name: string
  readonly type: string | null
  readonly description: string | null
  readonly impressionData: boolean
  readonly parents: readonly AdminParent[]
  readonly enabled: boolean
  /** In the order in which they are evaluated. */
  readonly strategies: readonly AdminStrategy[]
}

/** What a flag says of itself, whatever the environment. */
export interface FlagHead {
  readonly type: string
  readonly description: string
  readonly impressionData: boolean
}

/** A strategy as it is to be. */
export interface StrategyBody {
  readonly name: string
  readonly title?: string | undefined
  readonly parameters: Readonly<Record<string, string>>
  readonly constraints: readonly Readonly<Record<string, unknown>>[]
  readonly segments: readonly number[]
  readonly variants: readonly Readonly<Record<string, unknown>>[]
}

export interface SegmentBody {
  readonly name: string
  readonly description?: string | undefined
  readonly constraints: readonly Readonly<Record<string, unknown>>[]
}

type Patch = readonly { readonly op: 'test' | 'replace'; path: string; value: unknown }[]

/** To the last byte of the answer. */
const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 5_000_000
/** Of what the server says about itself. */
const MAX_WORDS = 300

export class UnleashAdmin {
  readonly #server: AdminServer
  readonly #parts: AdminParts
  readonly #signal: AbortSignal | undefined

  constructor(server: AdminServer, parts: AdminParts, signal?: AbortSignal) {
    this.#server = server
    this.#parts = parts
    this.#signal = signal
  }

  /** The same server, whose asks end as `fault` once the signal is aborted. */
  until(signal: AbortSignal): UnleashAdmin {
    return new UnleashAdmin(this.#server, this.#parts, signal)
  }

  async flag(name: string): Promise<AdminAnswer<AdminFlag>> {
    const answer = await this.#ask(flagSchema, 'GET', this.#flagPath(name))
    if (answer.kind !== 'ok') return answer
    const { environment } = this.#server
    const { environments, dependencies, ...head } = answer.value
    const here = environments.find((one) => one.name === environment)
    if (here === undefined) {
      return { kind: 'refused', words: `has no environment ${environment} for ${name}` }
    }
    const order = ({ sortOrder }: AdminStrategy): number => sortOrder ?? Number.MAX_SAFE_INTEGER
    return ok({
      name: head.name,
      type: head.type ?? null,
      description: head.description ?? null,
      impressionData: head.impressionData ?? false,
      parents: dependencies ?? [],
      enabled: here.enabled,
      strategies: (here.strategies ?? []).toSorted((a, b) => order(a) - order(b)),
    })
  }

  /** Twice is as good as once. */
  turnOff(name: string): Promise<AdminAnswer<unknown>> {
    return this.#ask(nothing, 'POST', `${this.#environmentPath(name)}/off`)
  }

  /** A flag without strategies is given one for everybody by the server: make its own first. */
  turnOn(name: string): Promise<AdminAnswer<unknown>> {
    return this.#ask(nothing, 'POST', `${this.#environmentPath(name)}/on`)
  }

  /**
   * Compare-and-set, as near as the server comes to it: it tests what it has, then writes.
   * @param from `parameters.rollout` as it was read
   * @param percent 0..100, whole
   */
  setPercent(
    name: string,
    id: string,
    from: unknown,
    percent: number,
  ): Promise<AdminAnswer<unknown>> {
    const path = '/parameters/rollout'
    return this.#patch(`${this.#strategiesPath(name)}/${encodeURIComponent(id)}`, [
      { op: 'test', path, value: from },
      { op: 'replace', path, value: String(percent) },
    ])
  }

  /** Compare-and-set, as `setPercent`. @param from as it was read */
  setDescription(
    name: string,
    from: string | null,
    description: string,
  ): Promise<AdminAnswer<unknown>> {
    const path = '/description'
    return this.#patch(this.#flagPath(name), [
      { op: 'test', path, value: from },
      { op: 'replace', path, value: description },
    ])
  }

  createFlag(name: string, head: FlagHead): Promise<AdminAnswer<unknown>> {
    return this.#ask(nothing, 'POST', this.#flagsPath(), { name, ...head })
  }

  updateFlag(name: string, head: Partial<FlagHead>): Promise<AdminAnswer<unknown>> {
    const changes = Object.entries(head).map(
      ([key, value]) => ({ op: 'replace', path: `/${key}`, value }) as const,
    )
    return this.#patch(this.#flagPath(name), changes)
  }

  /** Behind those that are there. */
  addStrategy(name: string, body: StrategyBody): Promise<AdminAnswer<unknown>> {
    return this.#ask(nothing, 'POST', this.#strategiesPath(name), body)
  }

  /** In its place, whatever it was before. */
  updateStrategy(name: string, id: string, body: StrategyBody): Promise<AdminAnswer<unknown>> {
    const path = `${this.#strategiesPath(name)}/${encodeURIComponent(id)}`
    return this.#ask(nothing, 'PUT', path, body)
  }

  removeStrategy(name: string, id: string): Promise<AdminAnswer<unknown>> {
    const path = `${this.#strategiesPath(name)}/${encodeURIComponent(id)}`
    return this.#ask(nothing, 'DELETE', path)
  }

  /** Of the same parent another is replaced. */
  addParent(name: string, parent: AdminParent): Promise<AdminAnswer<unknown>> {
    return this.#ask(nothing, 'POST', `${this.#flagPath(name)}/dependencies`, parent)
  }

  removeParent(name: string, parent: string): Promise<AdminAnswer<unknown>> {
    const path = `${this.#flagPath(name)}/dependencies/${encodeURIComponent(parent)}`
    return this.#ask(nothing, 'DELETE', path)
  }

  /** Of all projects. */
  async segments(): Promise<AdminAnswer<readonly AdminSegment[]>> {
    const answer = await this.#ask(segmentsSchema, 'GET', '/admin/segments')
    return answer.kind === 'ok' ? ok(answer.value.segments) : answer
  }

  /** @returns its number */
  async createSegment(body: SegmentBody): Promise<AdminAnswer<number>> {
    const answer = await this.#ask(idSchema, 'POST', '/admin/segments', body)
    return answer.kind === 'ok' ? ok(answer.value.id) : answer
  }

  updateSegment(id: number, body: SegmentBody): Promise<AdminAnswer<unknown>> {
    return this.#ask(nothing, 'PUT', `/admin/segments/${id}`, body)
  }

  /** The names of strategies it has, its own and those a team made. */
  async strategyNames(): Promise<AdminAnswer<ReadonlySet<string>>> {
    const answer = await this.#ask(typesSchema, 'GET', '/admin/strategies')
    if (answer.kind !== 'ok') return answer
    return ok(new Set(answer.value.strategies.map(({ name }) => name)))
  }

  #flagsPath(): string {
    return `/admin/projects/${encodeURIComponent(this.#server.project)}/features`
  }

  #flagPath(name: string): string {
    return `${this.#flagsPath()}/${encodeURIComponent(name)}`
  }

  #environmentPath(name: string): string {
    const { environment } = this.#server
    return `${this.#flagPath(name)}/environments/${encodeURIComponent(environment)}`
  }

  #strategiesPath(name: string): string {
    return `${this.#environmentPath(name)}/strategies`
  }

  #patch(path: string, patch: Patch): Promise<AdminAnswer<unknown>> {
    return this.#ask(nothing, 'PATCH', path, patch)
  }

  async #ask<Value>(
    schema: z.ZodType<Value>,
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<AdminAnswer<Value>> {
    const { fetch, clock } = this.#parts
    const { url, token } = this.#server
    const giveUp = new AbortController()
    const timer = clock.setTimer(() => giveUp.abort(), TIMEOUT_MS)
    const signals = this.#signal === undefined ? [giveUp.signal] : [giveUp.signal, this.#signal]
    try {
      const response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
        method,
        headers: {
          authorization: token.reveal(),
          accept: 'application/json',
          'user-agent': 'headgate',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'manual',
        signal: AbortSignal.any(signals),
      })
      const text = await textOf(response, MAX_ANSWER_BYTES)
      if (text === null) return fault(`answered ${MAX_ANSWER_BYTES} bytes or more`)
      if (!response.ok) return this.#refusal(response.status, text)
      const parsed = schema.safeParse(jsonOf(text))
      if (parsed.success) return ok(parsed.data)
      return fault(`answered ${response.status}, but not as Unleash's Admin API does`)
    } catch (error) {
      if (this.#signal?.aborted === true) return fault('was not waited for')
      return fault(giveUp.signal.aborted ? `did not answer in ${TIMEOUT_MS / 1_000} s` : why(error))
    } finally {
      clock.clearTimer(timer)
    }
  }

  #refusal(status: number, text: string): AdminAnswer<never> {
    // 8.2.0 answers 500 where the `test` of a JSON patch does not hold.
    if (text.includes('TEST_OPERATION_FAILED')) {
      return { kind: 'changed', words: 'it was changed by somebody else meanwhile' }
    }
    const said = this.#said(text)
    const words = said === '' ? `answered ${status}` : `answered ${status}: ${said}`
    if (status === 401 || status === 403) return { kind: 'unauthorised', words }
    if (status === 404) {
      // Unleash says what is missing; anything else is no Unleash.
      if (said === '') return fault('answered 404: there is no Unleash API; the URL ends in /api')
      return { kind: 'missing', words }
    }
    if (status === 400 || status === 409 || status === 415) return { kind: 'refused', words }
    if (status >= 300 && status < 400) {
      return fault(`answered ${status}: redirects are not followed; write where they lead to`)
    }
    // What a broken server, or a proxy before it, has to say is nothing for an audit log.
    return fault(`answered ${status}`)
  }

  /** The server's own sentence on one line, without the token should it be quoted there; empty where it has none. */
  #said(text: string): string {
    const parsed = refusalSchema.safeParse(jsonOf(text))
    if (!parsed.success) return ''
    const { message, details = [] } = parsed.data
    const sentences = new Set(details.map((one) => one.message).filter((one) => one !== undefined))
    const said = sentences.size === 0 ? (message ?? '') : [...sentences].join(' ')
    const line = said
      .replaceAll(this.#server.token.reveal(), '[redacted]')
      .replace(/[\s\p{C}]+/gu, ' ')
      .trim()
    return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}…` : line
  }
}

const refusalSchema = z.object({
  message: z.string().optional(),
  details: z.array(z.object({ message: z.string().optional() })).optional(),
})

function ok<Value>(value: Value): AdminAnswer<Value> {
  return { kind: 'ok', value }
}

function fault(words: string): AdminAnswer<never> {
  return { kind: 'fault', words }
}

/** Undefined for what is no JSON; many answers of a success are empty. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
