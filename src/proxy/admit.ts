import type { Caller } from '../ports.ts'
import type { Place } from './admission.ts'
import type { RefusalCode } from './dialect.ts'
import { type Endpoint, endpointOf, hasNoHead } from './endpoint.ts'
import type { Gate } from './gate.ts'
import { headerOf, presentedToken } from './headers.ts'
import { notePlanted } from './planted.ts'
import type { KnownCaller, Routes } from './routes.ts'
import { type Target, targetOf } from './target.ts'

/** Who may ask at all: what a request has to be before its body is read. Whoever may not has nothing to say. */

/** What its head says. */
export interface Admitted {
  readonly requestId: string
  readonly endpoint: Endpoint
  readonly target: Target
  readonly routes: Routes
  /** Null where config names no callers. */
  readonly known: KnownCaller | null
  /** Its body is looked into; elsewhere it only passes through. */
  readonly readable: boolean
}

/** Why a request goes nowhere, with what is known of it for an answer in its dialect. */
export interface Refused {
  readonly refused: RefusalCode
  readonly requestId: string
  readonly endpoint: Endpoint
  /** Seconds; null where coming again does not help. */
  readonly retryAfterS: number | null
}

/** From the first byte of a request to the last of its answer. */
export interface Visit {
  /** What it takes of its caller's own limits; whoever made the visit gives it back. */
  place: Place | null
}

type Asking = Pick<Admitted, 'requestId' | 'endpoint'>

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** It draws the request's id, tells of a planted key that is shown, and takes a place of its caller's. With a promise only where a digest is one. */
export function admit(
  caller: Caller,
  gate: Gate,
  visit: Visit,
): Admitted | Refused | Promise<Admitted | Refused> {
  const { headers, method } = caller
  const target = targetOf(caller.target)
  const speaksAnthropic = headerOf(headers, 'anthropic-version') !== null
  const endpoint = endpointOf(method, target?.path ?? '', speaksAnthropic)
  const requestId = gate.id()
  const asking = { requestId, endpoint }
  if (gate.draining()) return refusedAs(asking, 'draining')
  if (!METHODS.has(method)) return refusedAs(asking, 'method_not_allowed')
  if (headerOf(headers, 'upgrade') !== null) return refusedAs(asking, 'upgrade_refused')
  if (target === null) return refusedAs(asking, 'bad_path')
  if (method === 'HEAD' && hasNoHead(target.path)) return refusedAs(asking, 'method_not_allowed')

  const routes = gate.routes()
  if (routes.plantedAt !== null && notePlanted(gate, routes, presentedToken(headers), 'data')) {
    return refusedAs(asking, 'invalid_api_key')
  }
  const head = { requestId, endpoint, target, routes, readable: isReadable(endpoint, headers) }
  const { callers } = routes
  if (callers === null) return { ...head, known: null }
  const token = presentedToken(headers)
  if (token === null) return refusedAs(asking, 'invalid_api_key')
  const enter = (hash: string): Admitted | Refused => {
    const known = callers.get(hash)
    if (known === undefined) return refusedAs(asking, 'invalid_api_key')
    return refusalTo(known, gate, visit, asking) ?? { ...head, known }
  }
  const digest = gate.sha256(token)
  return typeof digest === 'string' ? enter(digest) : digest.then(enter)
}

export function refusedAs(
  { requestId, endpoint }: Asking,
  refused: RefusalCode,
  retryAfterS: number | null = null,
): Refused {
  return { refused, requestId, endpoint, retryAfterS }
}

/** A caller has its budget and its limits. @returns null where both have room; the visit holds the place then */
function refusalTo(
  { name, limits }: KnownCaller,
  gate: Gate,
  visit: Visit,
  asking: Asking,
): Refused | null {
  const leftMs = (gate.callerOpensAt(name) ?? 0) - gate.clock.wallMs()
  if (leftMs > 0) return refusedAs(asking, 'caller_budget', Math.ceil(leftMs / 1_000))
  if (limits === null) return null
  const admission = gate.callerLimits.of(name, limits)
  visit.place = admission.enter(0)
  if (visit.place !== null) return null
  return refusedAs(asking, 'caller_limit', admission.turnedAway(0).retryAfterS)
}

function isReadable({ wire }: Endpoint, headers: Caller['headers']): boolean {
  if (wire === null) return false
  const encoding = headerOf(headers, 'content-encoding')
  return encoding === null || encoding.toLowerCase() === 'identity'
}
