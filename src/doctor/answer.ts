/** What an upstream answered, and what kind of thing stands there. */

/** `fault` is no answer: a code such as `ECONNREFUSED`, or `timeout`. */
export type Answer =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly type: 'json' | 'html' | 'other'
      /** Undefined where it is no JSON. */
      readonly body: unknown
      readonly location: string | null
      /** Its clock less ours, in ms, give or take a second; null where it does not say. */
      readonly skewMs: number | null
    }
  | { readonly kind: 'fault'; readonly code: string }

/**
 * `open` answers without a key, `locked` wants one, `missing` knows no such path, `page` is a web page where an API should
 * be, `limited` is over a rate, `broken` is the upstream's own trouble, `away` is no answer.
 */
export type Reading =
  | 'open'
  | 'locked'
  | 'missing'
  | 'page'
  | 'redirect'
  | 'limited'
  | 'broken'
  | 'away'
  | 'other'

export function readingOf(answer: Answer): Reading {
  if (answer.kind === 'fault') return 'away'
  const { status, type } = answer
  if (status >= 300 && status < 400) return 'redirect'
  if (status >= 500) return 'broken'
  if (type === 'html') return status === 404 ? 'missing' : 'page'
  if (status === 401 || status === 403) return 'locked'
  if (status === 404 || status === 405) return 'missing'
  if (status === 429) return 'limited'
  if (type !== 'json') return 'other'
  return status < 300 ? 'open' : 'other'
}

/** `404 (HTML)`, `200 (JSON)`, `no answer (ECONNREFUSED)`. */
export function answerText(answer: Answer): string {
  if (answer.kind === 'fault') return `no answer (${answer.code})`
  const type = { json: 'JSON', html: 'a web page', other: 'no JSON' }[answer.type]
  return `${answer.status} (${type})`
}

/** The upstream's own word for an error, where it is one: `invalid_api_key`. Messages may quote keys, so none is shown. */
export function errorWordOf(answer: Answer): string | null {
  if (answer.kind === 'fault') return null
  const error = memberOf(answer.body, 'error')
  for (const word of [memberOf(error, 'code'), memberOf(error, 'type')]) {
    if (typeof word === 'string' && /^[a-z][a-z_]{2,39}$/.test(word)) return word
  }
  return null
}

/** The ids of a list of models; null for what is none. */
export function modelsOf(answer: Answer): readonly string[] | null {
  if (answer.kind === 'fault' || answer.status !== 200) return null
  const data = memberOf(answer.body, 'data')
  if (!Array.isArray(data)) return null
  return data.map((one) => memberOf(one, 'id')).filter((id) => typeof id === 'string')
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}
