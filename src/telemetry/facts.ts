import { pathOf } from '../proxy/endpoint.ts'
import type { Outcome, Wire } from '../types.ts'

/** What metrics and spans say alike. */

/** What a model was asked to do, in the words of the GenAI conventions; they have none for counting tokens. */
const OPERATIONS: Readonly<Record<Wire, string>> = {
  chat: 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings',
  responses: 'chat',
  messages: 'chat',
  count_tokens: 'count_tokens',
}

export function operationOf(wire: Wire): string {
  return OPERATIONS[wire]
}

const METHODS: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'TRACE',
])

/** A method that HTTP does not define is a caller's own word. */
export function methodOf(method: string): string {
  return METHODS.has(method) ? method : '_OTHER'
}

/** @param endpoint its name */
export function routeOf(endpoint: string): string {
  return pathOf(endpoint) ?? '/v1/*'
}

/** How an attempt ended. */
interface Ending {
  readonly outcome: Outcome
  readonly status: number | null
}

/** A caller that leaves is no error. */
const NO_ERROR: ReadonlySet<Outcome> = new Set<Outcome>(['ok', 'cancelled'])

/** @returns the status of a failure; the outcome where the status hid it; null without failure */
export function errorTypeOf({ outcome, status }: Ending): string | null {
  if (NO_ERROR.has(outcome)) return null
  return status !== null && status >= 400 ? String(status) : outcome
}

/** As `errorTypeOf`, for the server's side: what a caller did wrong is no error of the server. */
export function serverErrorOf(status: number | null, last: Ending | undefined): string | null {
  if (status !== null && status >= 500) return String(status)
  if (status === null || status >= 400 || last === undefined || last.outcome === 'rejected') {
    return null
  }
  return errorTypeOf(last)
}

/** Where an upstream is, as its origin says. */
export interface Place {
  readonly address: string
  readonly port: number
}

const places = new Map<string, Place>()
/** Origins come from config: only reloads bring more. */
const MOST_PLACES = 1_000

export function placeOf(origin: string): Place {
  const known = places.get(origin)
  if (known !== undefined) return known
  const { hostname, port, protocol } = new URL(origin)
  const place = {
    address: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  }
  if (places.size < MOST_PLACES) places.set(origin, place)
  return place
}

const MACHINES: ReadonlySet<string> = new Set([
  'guard',
  'gate',
  'tripwire',
  'probes',
  'plan',
  'write_back',
  'budget',
  'integrity',
])

/** A person's name is in the audit log, and leaves the process in no metric and no span. */
export function actorOf(by: string): string {
  return MACHINES.has(by) ? by : 'person'
}
