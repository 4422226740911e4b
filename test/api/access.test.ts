import { describe, expect, it } from 'vitest'
import { accessGuard } from '../../src/api/access.ts'

/** Tokens as Cloudflare Access signs them, and everything that only looks like one. */

const ISSUER = 'https://team.cloudflareaccess.com'
const AUDIENCE = 'a1b2c3'
const NOW_S = 1_790_000_000
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2_048,
  publicExponent: new Uint8Array([1, 0, 1]),
}

const pairs = await Promise.all(
  ['one', 'other'].map(async (kid) => {
    const { publicKey, privateKey } = await crypto.subtle.generateKey(RSA, true, ['sign', 'verify'])
    const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid }
    return { kid, jwk, privateKey }
  }),
)
const [one, other] = pairs as [(typeof pairs)[0], (typeof pairs)[0]]

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

async function tokenOf(
  more: Record<string, unknown> = {},
  head: Record<string, unknown> = {},
  key = one,
): Promise<string> {
  const claims = {
    iss: ISSUER,
    aud: [AUDIENCE],
    exp: NOW_S + 60,
    email: 'ada@example.com',
    ...more,
  }
  const signed = `${encoded({ alg: 'RS256', kid: key.kid, ...head })}.${encoded(claims)}`
  const bytes = await crypto.subtle.sign(RSA, key.privateKey, Buffer.from(signed))
  return `${signed}.${Buffer.from(bytes).toString('base64url')}`
}

function guard(published = [one.jwk]) {
  const asked: string[] = []
  const clock = { nowMs: NOW_S * 1_000 }
  const keys = { published, status: 200 }
  const admits = accessGuard({
    issuer: ISSUER,
    audience: AUDIENCE,
    wallMs: () => clock.nowMs,
    fetch: async (url) => {
      asked.push(url)
      return Response.json({ keys: keys.published }, { status: keys.status })
    },
  })
  return {
    asked,
    clock,
    keys,
    shows: (token: string | null) =>
      admits(
        new Request('https://edge.example/-/', {
          headers: token === null ? {} : { 'cf-access-jwt-assertion': token },
        }),
      ),
  }
}

describe('Cloudflare Access', () => {
  it('vouches with a token that its team has signed', async () => {
    const { shows, asked } = guard()
    expect(await shows(await tokenOf())).toBe(true)
    expect(await shows(await tokenOf({ aud: AUDIENCE }))).toBe(true)
    expect(asked).toEqual([`${ISSUER}/cdn-cgi/access/certs`])
  })

  it('vouches for nobody who shows nothing', async () => {
    expect(await guard().shows(null)).toBe(false)
  })

  it.each([
    ['another team', { iss: 'https://other.cloudflareaccess.com' }],
    ['another application', { aud: ['zzz'] }],
    ['yesterday', { exp: NOW_S - 3_600 }],
    ['tomorrow', { nbf: NOW_S + 3_600 }],
    ['never', { exp: 'soon' }],
  ])('is not taken from %s', async (_, claims) => {
    expect(await guard().shows(await tokenOf(claims))).toBe(false)
  })

  it.each([
    ['none', { alg: 'none' }],
    ['a shared secret', { alg: 'HS256' }],
    ['another curve', { alg: 'ES256' }],
  ])('does not let a token choose how it is signed: %s', async (_, head) => {
    expect(await guard().shows(await tokenOf({}, head))).toBe(false)
  })

  it('finds a signature of another key, and one that was cut, out', async () => {
    const { shows } = guard([{ ...other.jwk, kid: 'one' }])
    expect(await shows(await tokenOf())).toBe(false)
    const whole = await tokenOf()
    const well = guard()
    expect(await well.shows(whole.slice(0, -4))).toBe(false)
    const [head, , signature] = whole.split('.')
    const forged = encoded({ iss: ISSUER, aud: [AUDIENCE], exp: NOW_S + 60, email: 'eve' })
    expect(await well.shows(`${head}.${forged}.${signature}`)).toBe(false)
    for (const junk of ['', '.', '..', 'a.b.c', `${whole}.x`, '\u00e9.\u00e9.\u00e9']) {
      expect(await well.shows(encodeURIComponent(junk))).toBe(false)
    }
  })

  it('takes up a new key, and asks for keys at most once a minute', async () => {
    const { shows, keys, asked, clock } = guard()
    expect(await shows(await tokenOf({}, {}, other))).toBe(false)
    expect(await shows(await tokenOf({}, {}, other))).toBe(false)
    expect(asked).toHaveLength(1)
    keys.published = [one.jwk, other.jwk]
    clock.nowMs += 60_001
    expect(await shows(await tokenOf({ exp: NOW_S + 600 }, {}, other))).toBe(true)
    expect(asked).toHaveLength(2)
  })

  it('keeps the keys it has while there are no others to be had', async () => {
    const { shows, keys, clock } = guard()
    expect(await shows(await tokenOf({ exp: NOW_S + 9_000 }))).toBe(true)
    keys.status = 500
    clock.nowMs += 3_700_000
    expect(await shows(await tokenOf({ exp: NOW_S + 9_000 }))).toBe(true)
  })
})
