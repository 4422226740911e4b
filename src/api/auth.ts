import type { Context, MiddlewareHandler } from 'hono'
import { timingSafeEqual } from 'hono/utils/buffer'
import type { Secret } from '../config/secret.ts'
import { Guesses } from './guesses.ts'
import { refusal } from './refusal.ts'

/** `viewer` reads and asks; `operator` also writes. */
export type Role = 'operator' | 'viewer'

declare module 'hono' {
  interface ContextVariableMap {
    role: Role
  }
}

export interface BearerOptions {
  /** The operator's; null when there is none. Where there is neither, nobody is let in. */
  readonly token: () => Secret | null
  readonly viewerToken: () => Secret | null
  /** The address a request came from; null where it is not known. */
  readonly source: (context: Context) => string | null
  /** Milliseconds, monotonic. */
  readonly nowMs: () => number
  /** Told when a source, or all together, has shown too many wrong tokens: once a minute at most for each. */
  readonly onGuessing: (source: string | null) => void
  /** Told of each token that is wrong. */
  readonly onWrong: (token: string) => void
  /** Somebody else vouches for this request: an operator's, without a token. Never rejects. */
  readonly vouched: (request: Request) => Promise<boolean>
}

/**
 * Lets in who shows one of the tokens as `Authorization: Bearer`, and nobody else: in a query it would end up in logs
 * and histories. The hashes are compared, in constant time, with both. Who guesses has to wait: 429.
 */
export function bearer({
  token,
  viewerToken,
  source,
  nowMs,
  onGuessing,
  onWrong,
  vouched,
}: BearerOptions): MiddlewareHandler {
  const guesses = new Guesses()
  return async (context, next) => {
    const from = source(context)
    const [, shown] = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '') ?? []
    if (shown === undefined && (await vouched(context.req.raw))) {
      context.set('role', 'operator')
      return next()
    }
    const waitMs = shown === undefined ? 0 : guesses.waitMs(from, nowMs())
    if (waitMs > 0) return tooMany(context, waitMs)
    const role = shown === undefined ? null : await roleOf(shown, token(), viewerToken())
    if (role !== null) {
      guesses.right(from)
      context.set('role', role)
      return next()
    }
    if (shown !== undefined) {
      onWrong(shown)
      const guess = guesses.wrong(from, nowMs())
      if (guess.first) onGuessing(from)
      if (guess.waitMs > 0) return tooMany(context, guess.waitMs)
    }
    // RFC 6750, section 3.1: no error code for a request that showed no token.
    const challenge = shown === undefined ? '' : ', error="invalid_token"'
    context.header('www-authenticate', `Bearer realm="headgate"${challenge}`)
    return refusal(
      context,
      401,
      'unauthorised',
      'Send the control token (control.token in headgate.yaml) as Authorization: Bearer.',
    )
  }
}

async function roleOf(
  shown: string,
  token: Secret | null,
  viewerToken: Secret | null,
): Promise<Role | null> {
  const isToken = async (expected: Secret | null): Promise<boolean> =>
    expected !== null && (await timingSafeEqual(shown, expected.reveal()))
  const [operates, views] = [await isToken(token), await isToken(viewerToken)]
  if (operates) return 'operator'
  return views ? 'viewer' : null
}

function tooMany(context: Context, waitMs: number): Response {
  context.header('retry-after', String(Math.ceil(waitMs / 1_000)))
  return refusal(context, 429, 'too_many_attempts', 'Too many wrong tokens came from here: wait.')
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** In front of every route that writes; what only asks by POST is routed before it. */
export const operatorsWrite: MiddlewareHandler = async (context, next) => {
  if (READS.has(context.req.method) || context.get('role') === 'operator') return next()
  return refusal(
    context,
    403,
    'forbidden',
    'This token (control.viewer in headgate.yaml) reads and asks, and does not write: use control.token.',
  )
}

/**
 * No other site's page may write, should a browser ever send the token by itself. `Sec-Fetch-Site` is a browser's own
 * word; where there is none, `Origin` has to be this host. What is no browser sends neither.
 */
export const sameSite: MiddlewareHandler = async (context, next) => {
  if (READS.has(context.req.method) || isOwn(context)) return next()
  return refusal(context, 403, 'cross_site', 'No other site may write here.')
}

function isOwn(context: Context): boolean {
  const site = context.req.header('sec-fetch-site')
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  const origin = context.req.header('origin')
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === context.req.header('host')
}
