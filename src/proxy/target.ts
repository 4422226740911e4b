/** The request target, checked before anything is decided on it: routing, keys and the upstream see the same path. */

export interface Target {
  /** Canonical, below `/v1/`. */
  readonly path: string
  /** With its `?`, credentials taken out; empty when there is none. */
  readonly query: string
}

/** Parameters that carry a key in some vendors' URLs. The caller's key goes to no upstream. */
const CREDENTIAL_PARAMETERS = /^(key|api_key|api-key|apikey|access_token|token)$/i

/**
 * RFC 3986 path characters but for `;`. Percent-encoding is refused for what must not need it (unreserved characters)
 * and for what two readers could take apart differently: slash, backslash, percent sign, semicolon, controls.
 */
const UNRESERVED = '2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE]'
const DISPUTED = '2[fF5]|5[cC]|3[bB]|[01][0-9a-fA-F]|7[fF]'
const PLAIN = new RegExp(
  `^(?:[A-Za-z0-9\\-._~!$&'()*+,=:@/]|%(?!${UNRESERVED}|${DISPUTED})[0-9a-fA-F]{2})*$`,
)
const PLAIN_QUERY = /^[\x21-\x7e]*$/

/** @returns null when the target is not one canonical path below `/v1/` */
export function targetOf(raw: string): Target | null {
  const mark = raw.indexOf('?')
  const path = mark < 0 ? raw : raw.slice(0, mark)
  if (!path.startsWith('/v1/') || !PLAIN.test(path)) return null
  if (path.includes('//') || /\/\.{1,2}(\/|$)/.test(path)) return null
  const query = mark < 0 ? '' : raw.slice(mark)
  if (!PLAIN_QUERY.test(query) || query.includes('#')) return null
  return { path, query: query === '' ? '' : withoutCredentials(query) }
}

function withoutCredentials(query: string): string {
  const kept = query
    .slice(1)
    .split('&')
    .filter((pair) => !CREDENTIAL_PARAMETERS.test(nameOf(pair)))
  return kept.length === 0 ? '' : `?${kept.join('&')}`
}

function nameOf(pair: string): string {
  const raw = pair.split('=', 1)[0] ?? ''
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}
