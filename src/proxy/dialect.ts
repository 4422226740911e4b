import type { Dialect } from '../types.ts'

/** Errors of Headgate's own, in the words of the endpoint called. They name no host, no key and no upstream. */

export interface Refusal {
  readonly status: number
  /** OpenAI's `type`; Anthropic's is derived from the status. */
  readonly type: string
  readonly code: string
  readonly message: string
}

/** The refusals Headgate makes by itself, before or instead of an upstream's answer. */
const REFUSALS = {
  bad_path: refusal(400, 'The path is not a canonical path under /v1/.'),
  not_found: refusal(404, 'Only /v1/* is served here.'),
  method_not_allowed: refusal(405, 'This method is not supported.'),
  upgrade_refused: refusal(
    426,
    'WebSockets and other upgrades are not supported; use HTTP streaming.',
  ),
  invalid_api_key: refusal(401, 'The API key is missing or not known to Headgate.'),
  body_too_large: refusal(
    413,
    'The request body is larger than server.maxBody (or, for uploads, server.maxUpload) allows.',
  ),
  invalid_json: refusal(400, 'The request body is not a JSON object.'),
  no_upstream: refusal(404, 'No upstream is configured for this endpoint.'),
  internal_error: refusal(500, 'Headgate failed on this request; its log says where.'),
  draining: refusal(503, 'Headgate is shutting down; try again.'),
  not_configured: refusal(503, 'Headgate has no configuration that holds up; its log says why.'),
  caller_limit: refusal(429, 'This API key has as many requests as it may have; try again later.'),
  caller_budget: refusal(
    429,
    'What this API key may cost is spent, until the day or the month (UTC) is over.',
  ),
  upstream_limit: refusal(429, 'The upstream takes no more requests now; try again later.'),
} as const

/** What the caller is told when control itself failed. */
export const FAILURES = {
  connect_error: refusal(502, 'The upstream could not be reached.'),
  timeout_connect: refusal(504, 'The upstream did not accept a connection in time.'),
  timeout_first_byte: refusal(504, 'The upstream did not begin its answer in time.'),
  timeout_idle: refusal(504, 'The upstream stopped sending in the middle of its answer.'),
  timeout_total: refusal(504, 'The upstream did not finish its answer in time.'),
  truncated: refusal(502, 'The upstream ended its answer before it was complete.'),
  malformed: refusal(502, 'The upstream did not answer in the format of this endpoint.'),
  upstream_error: refusal(502, 'The upstream failed.'),
} as const

export type RefusalCode = keyof typeof REFUSALS
export type FailureCode = keyof typeof FAILURES

function refusal(status: number, message: string): Omit<Refusal, 'code'> {
  return { status, type: openaiType(status), message }
}

function openaiType(status: number): string {
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'server_error'
}

const encoder = new TextEncoder()

export function refusalOf(code: RefusalCode | FailureCode): Refusal {
  const known = code in REFUSALS ? REFUSALS[code as RefusalCode] : FAILURES[code as FailureCode]
  return { ...known, code }
}

/** The JSON body of an error. Shapes: OpenAI API reference "Error codes", Anthropic API reference "Errors". */
export function errorBody(dialect: Dialect, refusal: Refusal, requestId: string): Uint8Array {
  return encoder.encode(errorText(dialect, refusal, requestId))
}

/**
 * An error event for a stream that already began, after which nothing follows: no `[DONE]`, no `message_stop`. The
 * blank line in front closes whatever event the cut left open.
 */
export function errorEvent(
  dialect: Dialect,
  wire: string | null,
  refusal: Refusal,
  requestId: string,
): Uint8Array {
  if (dialect === 'anthropic') {
    return encoder.encode(`\n\nevent: error\ndata: ${errorText(dialect, refusal, requestId)}\n\n`)
  }
  if (wire === 'responses') {
    const { code, message } = refusal
    const data = JSON.stringify({
      type: 'error',
      code,
      message,
      param: null,
      error: { type: refusal.type, code, message, param: null },
    })
    return encoder.encode(`\n\nevent: error\ndata: ${data}\n\n`)
  }
  return encoder.encode(`\n\ndata: ${errorText(dialect, refusal, requestId)}\n\n`)
}

function errorText(dialect: Dialect, refusal: Refusal, requestId: string): string {
  if (dialect === 'anthropic') {
    const error = { type: anthropicType(refusal.status), message: refusal.message }
    return JSON.stringify({ type: 'error', error, request_id: requestId })
  }
  const { message, type, code } = refusal
  return JSON.stringify({ error: { message, type, param: null, code } })
}

function anthropicType(status: number): string {
  switch (status) {
    case 401:
      return 'authentication_error'
    case 403:
      return 'permission_error'
    case 404:
      return 'not_found_error'
    case 413:
      return 'request_too_large'
    case 429:
      return 'rate_limit_error'
    case 503:
    case 529:
      return 'overloaded_error'
    case 504:
      return 'timeout_error'
    default:
      return status < 500 ? 'invalid_request_error' : 'api_error'
  }
}
