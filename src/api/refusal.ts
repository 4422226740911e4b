import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { HeadgateError } from '../errors.ts'
import type { RefusalCode } from '../rollout/command.ts'

/** How the API says no: one body for every status. */

/** Beside what `command` refuses and what a store says. */
type ApiErrorCode =
  | 'invalid_request'
  | 'unauthorised'
  | 'forbidden'
  | 'too_many_attempts'
  | 'cross_site'
  | 'not_found'
  | 'method_not_allowed'
  | 'too_large'
  | 'unsupported_media_type'
  | 'internal_error'

/** What a refusal is about, where that is known. */
interface About {
  readonly rollout?: string
  /** The version there is now. */
  readonly version?: number
}

/** `{error: {code, message, rollout?, version?}}`. */
export function refusal(
  context: Context,
  status: ContentfulStatusCode,
  code: ApiErrorCode | RefusalCode | HeadgateError['code'],
  message: string,
  about: About = {},
): Response {
  return context.json({ error: { code, message, ...about } }, status)
}

/** 400 for what was said badly, 409 for what may not be now. */
export function statusOf(code: RefusalCode): 400 | 409 {
  switch (code) {
    case 'invalid_share':
    case 'by_missing':
    case 'by_reserved':
    case 'reason_missing':
      return 400
    case 'latched':
    case 'suspended':
    case 'version_conflict':
    case 'not_started':
    case 'already_started':
    case 'not_paused':
    case 'not_rolled_back':
    case 'no_plan':
    case 'no_next_step':
      return 409
  }
}

/** A fault of the store, in its own words; null for any other error. */
export function storeFault(error: unknown): HeadgateError | null {
  return error instanceof HeadgateError && error.code.startsWith('store_') ? error : null
}
