import type { FlatHeaders } from '../ports.ts'
import type { Arm } from '../types.ts'
import { mayQuote, redacted } from './redact.ts'

/**
 * Header fields, filtered once each way. What a caller may not set is left out, the arm's own credential is put in
 * last, into a fresh list, so that nothing the caller sends can take it out or stand beside it.
 */

/** RFC 9110 section 7.6.1 and what else belongs to one connection. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]

const DROPPED_FROM_CALLER = new Set([
  ...HOP_BY_HOP,
  'host',
  'content-length',
  'expect',
  // Credentials, and names of accounts at a vendor: they belong to the caller or to one upstream.
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'cookie',
  'openai-organization',
  'openai-project',
  // Who the caller is and where it sits is no upstream's business.
  'forwarded',
  'via',
  'x-real-ip',
  'true-client-ip',
])

const DROPPED_FROM_CALLER_PREFIXES = ['x-headgate-', 'x-forwarded-', 'cf-']

/** Trace baggage may hold anything a caller's own systems put there; a relay has no use for it. */
const DROPPED_FOR_CANARY = new Set(['baggage', 'tracestate'])

const CREDENTIALS = new Set(['authorization', 'x-api-key', 'api-key'])

const DROPPED_FROM_UPSTREAM = new Set([
  ...HOP_BY_HOP,
  // What a browser would keep, and hold against this host.
  'set-cookie',
  'set-cookie2',
  'strict-transport-security',
  'alt-svc',
  'clear-site-data',
  'public-key-pins',
  'nel',
  'report-to',
  'reporting-endpoints',
  'service-worker-allowed',
])

export interface RequestHeaderRules {
  readonly arm: Arm
  /** The upstream's credential and fixed headers: appended last. */
  readonly tail: Readonly<FlatHeaders>
  /** Names in `tail`: the caller's own of that name are dropped. */
  readonly tailNames: ReadonlySet<string>
  /** Forward the caller's own credential (`auth: passthrough`). */
  readonly passthrough: boolean
  /** Ask for an unencoded answer, because it will be read. */
  readonly identity: boolean
  /** What stands in the place of the caller's `traceparent`; null leaves that as it is. */
  readonly trace: {
    readonly parent: string
    /** The caller's was none: what it says of the state of one is nothing either. */
    readonly begins: boolean
  } | null
  /** The body's length when it is known as bytes. */
  readonly contentLength: number | null
}

/** What is known of a caller's field by its name alone. */
interface CallerField {
  readonly raw: string
  readonly name: string
  /** Servers behind CGI and WSGI read `x_api_key` as `x-api-key`: here they are one name too. */
  readonly hyphened: string
  readonly dropped: boolean
  readonly droppedForCanary: boolean
}

/** Callers of one kind send the same names all day. Bounded: a name is a caller's word. */
const callerFields = new Map<string, CallerField>()
const MAX_FIELDS = 500

/** Those of the last request, by their places: one client sends them in one order, and to compare is less than to look up. */
const lastFields: CallerField[] = []
const MAX_PLACES = 64

/** What an upstream gets to see. */
export function requestHeaders(raw: Readonly<FlatHeaders>, rules: RequestHeaderRules): FlatHeaders {
  const { tailNames, identity, trace } = rules
  const headers: FlatHeaders = []
  const named = namedByConnection(raw)
  for (let index = 0; index < raw.length; index += 2) {
    const field = callerFieldOf(raw[index] as string, index >> 1)
    const { name } = field
    if (named?.has(name)) continue
    if (field.dropped && !keepsAnyway(name, rules)) continue
    if (tailNames.has(name) || (field.hyphened !== name && tailNames.has(field.hyphened))) continue
    if (identity && name === 'accept-encoding') continue
    if (field.droppedForCanary && rules.arm === 'canary') continue
    if (trace !== null && (name === 'traceparent' || (trace.begins && name === 'tracestate')))
      continue
    headers.push(name, raw[index + 1] as string)
  }
  if (identity) headers.push('accept-encoding', 'identity')
  if (trace !== null) headers.push('traceparent', trace.parent)
  if (rules.contentLength !== null) headers.push('content-length', String(rules.contentLength))
  for (const part of rules.tail) headers.push(part)
  return headers
}

function callerFieldOf(raw: string, place: number): CallerField {
  const last = lastFields[place]
  if (last?.raw === raw) return last
  const field = callerFields.get(raw) ?? newCallerField(raw)
  if (place < MAX_PLACES) lastFields[place] = field
  return field
}

function newCallerField(raw: string): CallerField {
  const name = raw.toLowerCase()
  const hyphened = name.replaceAll('_', '-')
  const field = {
    raw,
    name,
    hyphened,
    dropped: dropsFromCaller(hyphened),
    droppedForCanary: DROPPED_FOR_CANARY.has(name),
  }
  if (callerFields.size < MAX_FIELDS) callerFields.set(raw, field)
  return field
}

function keepsAnyway(name: string, rules: RequestHeaderRules): boolean {
  if (rules.passthrough && CREDENTIALS.has(name)) return true
  return name === 'content-length' && rules.contentLength === null
}

function dropsFromCaller(name: string): boolean {
  if (DROPPED_FROM_CALLER.has(name)) return true
  return DROPPED_FROM_CALLER_PREFIXES.some((prefix) => name.startsWith(prefix))
}

/**
 * What the caller gets to see of an upstream's headers; the caller of this adds Headgate's own.
 * @param changed the body's length is not the upstream's any more
 * @param secrets the upstream's own, which must not come back
 */
export function answerHeaders(
  upstream: Readonly<Record<string, string | string[] | undefined>>,
  changed: boolean,
  secrets: readonly string[] = [],
): FlatHeaders {
  const headers: FlatHeaders = []
  const connection = upstream['connection']
  const named = connection === undefined ? null : hopNames(String(connection))
  let values = ''
  for (const name in upstream) {
    if (dropsFromUpstream(name) || named?.has(name)) continue
    if (changed && name === 'content-length') continue
    const value = upstream[name]
    if (typeof value === 'string') {
      headers.push(name, value)
      if (mayQuote(value)) values += value
    } else if (value !== undefined) {
      for (const each of value) headers.push(name, each)
      values += value.join('')
    }
  }
  // All values at once: hardly ever is one of them to be looked at alone.
  if (redacted(values, secrets) === values) return headers
  return headers.map((part, index) => (index % 2 === 0 ? part : redacted(part, secrets)))
}

/** As with callers' fields: the same names come all day, and an upstream's words are bounded too. */
const upstreamFields = new Map<string, boolean>()

function dropsFromUpstream(name: string): boolean {
  const known = upstreamFields.get(name)
  if (known !== undefined) return known
  const drops =
    DROPPED_FROM_UPSTREAM.has(name) ||
    name.startsWith('access-control-') ||
    name.startsWith('x-headgate-')
  if (upstreamFields.size < MAX_FIELDS) upstreamFields.set(name, drops)
  return drops
}

/** The first value of a header field, by lower-case name; null when absent. */
export function headerOf(raw: Readonly<FlatHeaders>, name: string): string | null {
  for (let index = 0; index < raw.length; index += 2) {
    const candidate = raw[index] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name) {
      return raw[index + 1] as string
    }
  }
  return null
}

/** The request says that a body follows. */
export function hasBody(raw: Readonly<FlatHeaders>): boolean {
  const length = headerOf(raw, 'content-length')
  return (length !== null && length !== '0') || headerOf(raw, 'transfer-encoding') !== null
}

/** The token a caller presents: `Authorization: Bearer` or `x-api-key`; null when there is none, or nothing in it. */
export function presentedToken(raw: Readonly<FlatHeaders>): string | null {
  const authorization = headerOf(raw, 'authorization')
  if (authorization !== null) {
    return /^bearer /i.test(authorization) ? authorization.slice(7).trim() || null : null
  }
  return headerOf(raw, 'x-api-key') || null
}

/** `Connection: authorization` names fields for one hop only (RFC 9110 section 7.6.1), as often as it is sent. */
function namedByConnection(raw: Readonly<FlatHeaders>): Set<string> | null {
  let all = ''
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string
    if (name.length !== CONNECTION.length || name.toLowerCase() !== CONNECTION) continue
    all = all === '' ? (raw[index + 1] as string) : `${all},${raw[index + 1]}`
  }
  return all === '' ? null : hopNames(all)
}

const CONNECTION = 'connection'

/** Null for what names no field, as nearly always. */
function hopNames(connection: string): Set<string> | null {
  if (/^(keep-alive|close)$/i.test(connection)) return null
  return new Set(connection.split(',').map((token) => token.trim().toLowerCase()))
}
