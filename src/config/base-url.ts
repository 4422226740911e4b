/**
 * What a base URL may be: a constant that a checked path is put after, and nothing that steers. And what a webhook's may.
 */

/** @returns true for 127.0.0.0/8, ::1 and localhost, as a host or in an URL's brackets */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
}

/**
 * @returns what is wrong with it, to read on from its path, or null. The URL itself is in no answer: it may hold
 * credentials. What is no URL at all is the schema's to say.
 */
export function baseUrlFault(text: string): string | null {
  if (!URL.canParse(text)) return null
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    return 'must not hold credentials: they belong in auth'
  }
  // URL drops an empty query or fragment, and resolves dot segments: only the text still shows them.
  if (text.includes('?')) return 'must have no query (?…): credentials belong in auth'
  if (text.includes('#')) return 'must have no fragment (#…)'
  const path = text.replace(/^[A-Za-z][\w+.-]*:[\\/]*[^\\/]*/, '')
  if (/[\\/](\.|%2e){1,2}([\\/]|$)/i.test(path)) return 'must have no . or .. in its path'
  if (/%2f|%5c|\\/i.test(path) || /\/\/|[\s;]/.test(path)) {
    return 'must have a plain path: no empty segments, ";", spaces, encoded or backward slashes'
  }
  return url.protocol === 'http:' && !isLoopback(url.hostname) ? INSECURE : null
}

/**
 * @returns what is wrong with where a webhook is sent, or null. Its path and query are the receiver's business, and often
 * its secret: neither is in an answer. What is no URL at all is the schema's to say.
 */
export function webhookUrlFault(text: string): string | null {
  if (!URL.canParse(text)) return null
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') {
    return 'must not hold credentials: the receiver knows Headgate by its signature'
  }
  return protocol === 'http:' && !isLoopback(hostname) ? INSECURE : null
}

export const INSECURE = 'must be https: unless the host is loopback (127.0.0.0/8, ::1, localhost)'

/** @returns a remark on a URL that is allowed and probably not meant, or null */
export function baseUrlRemark(text: string): string | null {
  if (!URL.canParse(text)) return null
  const { pathname } = new URL(text)
  const endpoint = /\/(chat\/completions|completions|embeddings|responses|messages|models)\/?$/
  if (endpoint.test(pathname))
    return 'ends in an endpoint: the base is usually what stands before it'
  if (/\/v1\/v1\/?$/.test(pathname)) return 'ends in /v1/v1: the base usually has /v1 once'
  if (pathname === '/' || pathname === '') {
    return "has no path: it replaces /v1 of the caller's path, so most vendors need /v1 here"
  }
  return null
}
