import * as z from 'zod'
import type { Fetch } from '../ports.ts'

/**
 * Cloudflare Access vouches for who comes through it: a JWT in `cf-access-jwt-assertion`, signed by keys that the team
 * publishes (developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json).
 * A header alone proves nothing: issuer, audience, times and signature are checked.
 */

export interface AccessParts {
  /** `https://TEAM.cloudflareaccess.com` */
  readonly issuer: string
  /** The audience tag of the Access application. */
  readonly audience: string
  readonly fetch: Fetch
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number
}

const HEADER = 'cf-access-jwt-assertion'
/** Keys are rotated every six weeks; the one before stays good for a week. */
const KEYS_MS = 3_600_000
/** Who shows an unknown key makes them be read again, but not more often than this. */
const AGAIN_MS = 60_000
const SKEW_MS = 60_000
/** RSASSA-PKCS1-v1_5 with SHA-256, which is what Access signs with; a token does not choose. */
const ALGORITHM = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }

const head = z.object({ alg: z.literal('RS256'), kid: z.string() })
const claims = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.number(),
  nbf: z.number().optional(),
})
const jwks = z.object({
  keys: z.array(
    z.looseObject({ kid: z.string(), kty: z.literal('RSA'), n: z.string(), e: z.string() }),
  ),
})

type Jwk = z.output<typeof jwks>['keys'][number]

/** @returns whether a request shows a token that holds. Never rejects; without keys nobody is let in */
export function accessGuard(parts: AccessParts): (request: Request) => Promise<boolean> {
  let keys = new Map<string, Jwk>()
  let readAtMs = Number.NEGATIVE_INFINITY

  async function keyOf(kid: string): Promise<Jwk | undefined> {
    const ageMs = parts.wallMs() - readAtMs
    if (ageMs > KEYS_MS || (!keys.has(kid) && ageMs > AGAIN_MS)) {
      readAtMs = parts.wallMs()
      keys = (await keysOf(parts)) ?? keys
    }
    return keys.get(kid)
  }

  return async (request) => {
    const token = request.headers.get(HEADER)
    if (token === null) return false
    try {
      return await holds(token, parts, keyOf)
    } catch {
      // What cannot be read or verified is no token.
      return false
    }
  }
}

async function holds(
  token: string,
  { issuer, audience, wallMs }: AccessParts,
  keyOf: (kid: string) => Promise<Jwk | undefined>,
): Promise<boolean> {
  const [first = '', second = '', third = '', ...more] = token.split('.')
  if (more.length > 0) return false
  const { kid } = head.parse(JSON.parse(textOf(first)))
  const { iss, aud, exp, nbf = 0 } = claims.parse(JSON.parse(textOf(second)))
  const nowMs = wallMs()
  if (iss !== issuer || ![aud].flat().includes(audience)) return false
  if (exp * 1_000 + SKEW_MS < nowMs || nbf * 1_000 - SKEW_MS > nowMs) return false
  const jwk = await keyOf(kid)
  if (jwk === undefined) return false
  const { kty, n, e } = jwk
  const key = await crypto.subtle.importKey('jwk', { kty, n, e }, ALGORITHM, false, ['verify'])
  const signed = new TextEncoder().encode(`${first}.${second}`)
  return crypto.subtle.verify(ALGORITHM, key, bytesOf(third), signed)
}

/** Null when they cannot be had: those before stay. */
async function keysOf({ issuer, fetch }: AccessParts): Promise<Map<string, Jwk> | null> {
  const response = await fetch(`${issuer}/cdn-cgi/access/certs`, { redirect: 'manual' })
  if (response.status !== 200) return null
  const parsed = jwks.safeParse(await response.json())
  return parsed.success ? new Map(parsed.data.keys.map((key) => [key.kid, key])) : null
}

function textOf(part: string): string {
  return new TextDecoder().decode(bytesOf(part))
}

/** RFC 4648, section 5. @throws for what is none */
function bytesOf(part: string): Uint8Array<ArrayBuffer> {
  const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
