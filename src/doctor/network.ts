import { type Check, check } from './check.ts'
import type { Network } from './parts.ts'
import type { Target } from './target.ts'

/** `net.dns` and `net.tls`: what comes before a request. Where a platform shows neither, this is not built in. */

export interface Lookups {
  /** @returns how many addresses a name has, or a code such as `ENOTFOUND`. Never rejects */
  readonly resolve: (host: string) => Promise<number | string>
  /** @returns when the certificate ends, in ms since the epoch, or a code such as `CERT_HAS_EXPIRED`. Never rejects */
  readonly handshake: (host: string, port: number) => Promise<number | string>
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number
}

/** A certificate that ends sooner is worth a word. */
const SOON_MS = 14 * 86_400_000
const DAY_MS = 86_400_000

export function networkOf(lookups: Lookups): Network {
  return {
    dns: (target) => dnsCheck(target, lookups),
    tls: (target) => tlsCheck(target, lookups),
  }
}

async function dnsCheck({ about, base }: Target, { resolve }: Lookups): Promise<Check> {
  const { hostname } = new URL(base)
  if (/^\[|^\d+(\.\d+){3}$/.test(hostname)) {
    return check('net.dns', about, 'ok', `${hostname} is an address`)
  }
  const found = await resolve(hostname)
  if (typeof found === 'number') {
    const many = found === 1 ? '1 address' : `${found} addresses`
    return check('net.dns', about, 'ok', `${hostname} has ${many}`)
  }
  const unknown = found === 'ENOTFOUND'
  return check(
    'net.dns',
    about,
    'failed',
    unknown ? `no such host: ${hostname}` : `${hostname} could not be looked up (${found})`,
    unknown
      ? `look for a typing error in ${about}.baseUrl; if it is right, ask from this machine: getent hosts ${hostname}`
      : `look at the name servers of this machine: getent hosts ${hostname}`,
  )
}

async function tlsCheck({ about, base }: Target, { handshake, wallMs }: Lookups): Promise<Check> {
  const { protocol, hostname, port } = new URL(base)
  if (protocol === 'http:') {
    return check('net.tls', about, 'ok', 'http: on loopback needs none')
  }
  const seen = await handshake(hostname.replace(/^\[|\]$/g, ''), Number(port || 443))
  if (typeof seen === 'string') return tlsFailed(about, hostname, Number(port || 443), seen)
  const days = Math.floor((seen - wallMs()) / DAY_MS)
  const lasts = `the certificate of ${hostname} is good, for ${days} more days`
  return seen - wallMs() < SOON_MS
    ? check('net.tls', about, 'warning', lasts, `tell whoever runs ${hostname}`)
    : check('net.tls', about, 'ok', lasts)
}

function tlsFailed(about: string, host: string, port: number, code: string): Check {
  const [detail, fix] = TLS_WORDS[code] ?? [
    `no TLS connection to ${host}:${port} (${code})`,
    `look from this machine: openssl s_client -connect ${host}:${port} -servername ${host}`,
  ]
  return check('net.tls', about, 'failed', `${host}: ${detail}`, fix)
}

const UNTRUSTED: readonly [string, string] = [
  'its certificate is signed by nobody this machine trusts',
  'if your company signs it, start with NODE_EXTRA_CA_CERTS=/path/to/ca.pem; otherwise do not send a key there',
]

const TLS_WORDS: Readonly<Record<string, readonly [string, string]>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_HAS_EXPIRED: [
    'its certificate has expired, or the clock here is wrong',
    'look at clock.skew, then tell whoever runs it',
  ],
  CERT_NOT_YET_VALID: [
    'its certificate is not valid yet, or the clock here is wrong',
    'look at clock.skew, then tell whoever runs it',
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'its certificate is for another name',
    'write the name that the certificate has, or do not send a key there',
  ],
  ECONNREFUSED: ['the connection is refused', 'is it running there? Look at host and port'],
}
