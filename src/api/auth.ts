import type { Context, MiddlewareHandler } from 'hono'
import { timingSafeEqual } from 'hono/utils/buffer'
import type { Secret } from '../config/secret.ts'
import { Guesses } from './guesses.ts'
import { refusal } from './refusal.ts'

export interface BearerOptions {
  /** Null when there is none: then nobody is let in. */
  readonly token: () => Secret | null
  /** The address a request came from; null where it is not known. */
  readonly source: (context: Context) => string | null
  /** Milliseconds, monotonic. */
  readonly nowMs: () => number
  /** Told when a source, or all together, has shown too many wrong tokens: once a minute at most for each. */
  readonly onGuessing: (source: string | null) => void
}

/**
 * Lets in who shows the control token as `Authorization: Bearer`, and nobody else: in a query it would end up in logs
 * and histories. The hashes are compared, in constant time. Who guesses has to wait: 429.
 */
export function bearer({ token, source, nowMs, onGuessing }: BearerOptions): MiddlewareHandler {
  const guesses = new Guesses()
  return async (context, next) => {
    const from = source(context)
    const [, shown] = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '') ?? []
    const waitMs = shown === undefined ? 0 : guesses.waitMs(from, nowMs())
    if (waitMs > 0) return tooMany(context, waitMs)
    const expected = token()
    if (
      shown !== undefined &&
      expected !== null &&
      (await timingSafeEqual(shown, expected.reveal()))
    ) {
      guesses.right(from)
      return next()
    }
    if (shown !== undefined) {
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

function tooMany(context: Context, waitMs: number): Response {
  context.header('retry-after', String(Math.ceil(waitMs / 1_000)))
  return refusal(context, 429, 'too_many_attempts', 'Too many wrong tokens came from here: wait.')
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS'])

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
