import { type FlagDocument, MAX_DOCUMENT_CHARS, parseDocument } from '../flag/document.ts'
import { type ParsedServed, parseServed } from '../flag/served.ts'
import type { Clock, Fetch, FlagRevision, Sealed } from '../ports.ts'
import { textOf, why } from './answer.ts'

/**
 * Unleash's client API (docs.getunleash.io/api, `GET /api/client/features`), asked once. When to ask again, and what
 * holds meanwhile, is the asker's to decide.
 */

/** Whom to ask, and as whom. */
export interface FeaturesServer {
  /** Of the API, with or without a slash at its end: `https://unleash.example/api`. */
  readonly url: string
  /** A backend token. */
  readonly token: Sealed
  readonly appName: string
  /** One process from its start to its end; Unleash counts its instances by it. */
  readonly instanceId: string
  /** How often it is asked, for Unleash to show. Milliseconds. */
  readonly intervalMs: number
}

/** What one ask brought. */
export type FeaturesAnswer =
  | {
      readonly kind: 'document'
      /** Without what the server says about itself, so that the same flags hash alike. */
      readonly document: FlagDocument
      /** For the next ask. */
      readonly etag: string | null
      /** Null where the server does not say. */
      readonly revision: FlagRevision | null
      /** Flags of others that are no flags, and are left out. */
      readonly left: readonly string[]
    }
  /** What the `etag` was of still holds. */
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'fault'
      /** For a person. Never the token; of what was answered the names, and 60 characters of a wrong value. */
      readonly words: string
    }

export interface FeaturesParts {
  readonly fetch: Fetch
  readonly clock: Clock
  /**
   * The flags that have to be right; what is wrong elsewhere is left out. All have to be unless given. Asked once the answer
   * is here: who is asked for may be said after the question is on its way.
   */
  readonly needs?: () => ReadonlySet<string> | null
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal
}

/** To the last byte of the answer. */
const TIMEOUT_MS = 10_000

/** What the evaluator behind `flag/` can do, in the numbers of the client specification. Below 4.2 segments come inlined. */
const CLIENT_SPECIFICATION = '5.2.0'

/**
 * Asks once. A redirect is not followed: it would take the token elsewhere.
 * @param etag of the last document that was taken; null asks for the whole
 * @returns `fault` for what is no document, in 10 s at most. Never throws
 */
export async function askFeatures(
  server: FeaturesServer,
  etag: string | null,
  { fetch, clock, needs, signal }: FeaturesParts,
): Promise<FeaturesAnswer> {
  const giveUp = new AbortController()
  const leave = (): void => giveUp.abort()
  const timer = clock.setTimer(leave, TIMEOUT_MS)
  signal?.addEventListener('abort', leave)
  try {
    const response = await fetch(`${server.url.replace(/\/+$/, '')}/client/features`, {
      headers: headersOf(server, etag),
      redirect: 'manual',
      signal: giveUp.signal,
    })
    if (response.status === 304 && etag !== null) {
      await response.body?.cancel()
      return { kind: 'unchanged' }
    }
    if (response.status !== 200) {
      response.body?.cancel().catch(() => undefined)
      return fault(`answered ${statusText(response.status)}`)
    }
    const text = await textOf(response, MAX_DOCUMENT_CHARS)
    if (text === null) return fault(`answered ${MAX_DOCUMENT_CHARS} bytes or more`)
    const needed = needs?.() ?? null
    const parsed = needed === null ? parsedWhole(text) : parseServed(text, needed)
    if (!parsed.ok) return fault(`answered what is no document: ${parsed.faults.join('; ')}`)
    const { document, revision } = apart(parsed.document)
    const nextEtag = response.headers.get('etag')
    return { kind: 'document', document, etag: nextEtag, revision, left: parsed.left }
  } catch (error) {
    return fault(giveUp.signal.aborted ? `did not answer in ${TIMEOUT_MS / 1_000} s` : why(error))
  } finally {
    clock.clearTimer(timer)
    signal?.removeEventListener('abort', leave)
  }
}

function parsedWhole(text: string): ParsedServed {
  const parsed = parseDocument(text)
  return parsed.ok ? { ...parsed, left: [] } : parsed
}

/** Who asks. The token is in it. */
export function headersOf(server: FeaturesServer, etag: string | null): Record<string, string> {
  return {
    authorization: server.token.reveal(),
    accept: 'application/json',
    'user-agent': 'headgate',
    'unleash-appname': server.appName,
    'unleash-instanceid': server.instanceId,
    'unleash-client-spec': CLIENT_SPECIFICATION,
    'unleash-interval': String(server.intervalMs),
    ...(etag === null ? {} : { 'if-none-match': etag }),
  }
}

function fault(words: string): FeaturesAnswer {
  return { kind: 'fault', words }
}

function statusText(status: number): string {
  if (status === 401 || status === 403) {
    return `${status}: the token is not taken; it must be a backend token of this server`
  }
  if (status === 404) return '404: there is no Unleash API; the URL usually ends in /api'
  if (status >= 300 && status < 400) {
    return `${status}: redirects are not followed; write the URL that they lead to`
  }
  return String(status)
}

/** What the server says about the answer (`meta`, `query`) is no part of the flags. */
function apart(whole: FlagDocument): { document: FlagDocument; revision: FlagRevision | null } {
  const {
    meta,
    query: _,
    ...document
  } = whole as FlagDocument & { meta?: unknown; query?: unknown }
  const { revisionId, queryHash } = (meta ?? {}) as { revisionId?: unknown; queryHash?: unknown }
  const known = typeof revisionId === 'number' && typeof queryHash === 'string'
  return {
    document: document as FlagDocument,
    revision: known ? { query: queryHash, number: revisionId } : null,
  }
}
