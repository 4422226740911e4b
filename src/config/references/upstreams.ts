import { baseUrlFault } from '../base-url.ts'
import { type Finding, looksLikeKey } from '../fault.ts'
import { entriesAt, type Located, textAt } from '../tree.ts'

/** What upstreams say that the rest of the file, or the connection, forbids. */

/** Base URLs that none can be. */
export function baseUrls(tree: Located): Finding[] {
  return entriesAt(tree, ['upstreams']).flatMap(([name]) => {
    const path = ['upstreams', name, 'baseUrl']
    const message = baseUrlFault(textAt(tree, path) ?? '')
    return message === null ? [] : [{ path, message }]
  })
}

const CREDENTIAL_HEADERS =
  /^(authorization|proxy-authorization|x-api-key|api-key|x-goog-api-key|cookie)$|(-|^)(token|secret|key)$/

/** Framing and hop-by-hop fields belong to the connection, and `x-headgate-*` to Headgate. */
const OWN_HEADERS =
  /^(host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|x-headgate-.*)$/

/** Headers that hold a secret, or are Headgate’s own. */
export function upstreamHeaders(tree: Located): Finding[] {
  return entriesAt(tree, ['upstreams']).flatMap(([name]) => {
    const named = entriesAt(tree, ['upstreams', name, 'headers']).map(([header]) => ({
      header: header.toLowerCase(),
      path: ['upstreams', name, 'headers', header],
    }))
    const authPath = ['upstreams', name, 'auth', 'header', 'name']
    const authHeader = textAt(tree, authPath)
    const all = authHeader === null ? named : [...named, { header: authHeader, path: authPath }]
    return [
      ...named
        .filter(({ header, path }) => {
          const value = textAt(tree, path)
          return value !== null && (CREDENTIAL_HEADERS.test(header) || looksLikeKey(value))
        })
        .map(({ path }) => ({
          path,
          message: 'holds a secret itself, which no config file may',
          suggestion: 'use auth, or say where it is kept: { env: NAME }',
        })),
      ...all
        .filter(({ header }) => OWN_HEADERS.test(header))
        .map(({ path }) => ({ path, message: 'is a header that Headgate sets itself' })),
    ]
  })
}

/** Callers’ own keys are for control. */
export function passthroughCanaries(tree: Located): Finding[] {
  return entriesAt(tree, ['upstreams']).flatMap(([name]) => {
    const path = ['upstreams', name, 'auth']
    if (textAt(tree, path) !== 'passthrough') return []
    const rollout = entriesAt(tree, ['rollouts']).find(
      ([key]) => textAt(tree, ['rollouts', key, 'canary']) === name,
    )
    if (rollout === undefined) return []
    return [
      {
        path,
        message: `may not be passthrough: ${name} is the canary of rollouts.${rollout[0]}, and would be sent the callers' own keys`,
        suggestion: 'write { bearer: { env: NAME } }',
      },
    ]
  })
}
