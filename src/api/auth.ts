import type { MiddlewareHandler } from 'hono'
import { timingSafeEqual } from 'hono/utils/buffer'
import type { Secret } from '../config/secret.ts'
import { refusal } from './refusal.ts'

/**
 * Lets in who shows the control token as `Authorization: Bearer`, and nobody else: in a query it would end up in logs
 * and histories. The hashes are compared, in constant time.
 * @param token null when there is none: then nobody is let in
 */
export function bearer(token: () => Secret | null): MiddlewareHandler {
  return async (context, next) => {
    const [, shown] = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '') ?? []
    const expected = token()
    if (
      shown !== undefined &&
      expected !== null &&
      (await timingSafeEqual(shown, expected.reveal()))
    ) {
      return next()
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
