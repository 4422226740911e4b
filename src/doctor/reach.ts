import type { CheckId } from '../types.ts'
import { type Answer, answerText, readingOf } from './answer.ts'
import { ask } from './ask.ts'
import { baseOfRedirect, basesNear, shapeCheck, targetOfRedirect } from './base.ts'
import { type Check, check } from './check.ts'
import type { AskParts, Network } from './parts.ts'
import type { Target } from './target.ts'

/** From a base URL to an API that stands there, without a key: name, certificate, redirects, path. */

export interface ReachParts extends AskParts {
  /** Null where the platform shows neither. */
  readonly network: Network | null
}

export interface Reached {
  readonly checks: readonly Check[]
  /** How a key can be proven there; null where nothing of the kind stands there. */
  readonly proof: Proof | null
  readonly skewMs: number | null
}

/** What is refused without a key, and so tells of one. */
export interface Proof {
  /** `models` lists them; `endpoint` is a request without a model and without content, which no API takes. `nothing` asks for no key. */
  readonly by: 'models' | 'endpoint' | 'nothing'
  readonly listsModels: boolean
}

/** What comes after it, in case it fails. */
const ORDER: readonly CheckId[] = ['net.dns', 'net.tls', 'url.redirect', 'path.probe']

/** Never rejects. */
export async function reach(target: Target, parts: ReachParts): Promise<Reached> {
  const { about, base } = target
  const checks: Check[] = [shapeCheck(about, base)]
  const end = (failed: Check): Reached => {
    const rest = ORDER.slice(ORDER.indexOf(failed.id) + 1)
    const skipped = rest.map((id) => check(id, about, 'skipped', `needs ${failed.id}`))
    return { checks: [...checks, failed, ...skipped], proof: null, skewMs: null }
  }
  const { network } = parts
  const hidden = (id: CheckId): Check =>
    check(id, about, 'skipped', 'the platform does not show it')
  const dns = (await network?.dns(target)) ?? hidden('net.dns')
  if (dns.status === 'failed') return end(dns)
  checks.push(dns)
  const tls = (await network?.tls(target)) ?? hidden('net.tls')
  if (tls.status === 'failed') return end(tls)
  checks.push(tls)

  const models = await ask(listOf(target, base), parts)
  const skewMs = models.kind === 'answer' ? models.skewMs : null
  const redirect = redirectCheck(target, models)
  if (redirect.status === 'failed') return { ...end(redirect), skewMs }
  checks.push(redirect)
  const { path, proof } = await probePath(target, models, parts)
  return { checks: [...checks, path], proof, skewMs }
}

/** The list of models of an API at `base`, asked without a key. */
export function listOf(target: Target, base: string) {
  return {
    url: `${base}/models${target.speaksAnthropic ? '?limit=1000' : ''}`,
    method: 'GET' as const,
    headers: { ...target.plain, ...versionOf(target) },
  }
}

/** A request that names no model and asks nothing: it is refused, and costs nothing. */
export function emptyOf(target: Target) {
  return {
    url: `${target.base}${target.endpoint}`,
    method: 'POST' as const,
    headers: { ...target.plain, ...versionOf(target), 'content-type': 'application/json' },
    body: '{}',
  }
}

function versionOf({ speaksAnthropic }: Target): Record<string, string> {
  return speaksAnthropic ? { 'anthropic-version': '2023-06-01' } : {}
}

function redirectCheck({ about, base }: Target, models: Answer): Check {
  if (models.kind === 'fault') {
    return check('url.redirect', about, 'skipped', `${base}/models gave ${answerText(models)}`)
  }
  if (readingOf(models) !== 'redirect') {
    return check('url.redirect', about, 'ok', `${base}/models does not redirect`)
  }
  const to = targetOfRedirect(base, models.location)
  const meant = baseOfRedirect(base, models.location)
  return check(
    'url.redirect',
    about,
    'failed',
    `${base}/models redirects (${models.status}) to ${to}. Headgate follows no redirect; clients that do leave the key behind at another host, which then says 401`,
    meant === null ? `write the URL of the API in ${about}.baseUrl` : `baseUrl: "${meant}"`,
  )
}

async function probePath(
  target: Target,
  models: Answer,
  parts: ReachParts,
): Promise<{ readonly path: Check; readonly proof: Proof | null }> {
  const { about, base } = target
  const path = (status: Check['status'], detail: string, fix: string | null = null): Check =>
    check('path.probe', about, status, detail, fix)
  const reading = readingOf(models)
  const seen = `GET ${base}/models without a key: ${answerText(models)}`
  switch (reading) {
    case 'locked':
      return { path: path('ok', seen), proof: { by: 'models', listsModels: true } }
    case 'open': {
      const asked = readingOf(await ask(emptyOf(target), parts))
      const by = asked === 'locked' ? 'endpoint' : 'nothing'
      return { path: path('ok', seen), proof: { by, listsModels: true } }
    }
    case 'away':
      return {
        path: path('failed', seen, `is it running? Look at ${about}.baseUrl, and at firewalls`),
        proof: null,
      }
    case 'limited':
    case 'broken':
      return { path: path('warning', `${seen}: ask again later`), proof: null }
    default: {
      const near = await Promise.all(
        basesNear(base).map(async (one) => ({
          one,
          reading: readingOf(await ask(listOf(target, one), parts)),
        })),
      )
      const found = near.find((other) => other.reading === 'locked' || other.reading === 'open')
      if (found !== undefined) {
        const detail = `${seen}; the API is at ${found.one}`
        return { path: path('failed', detail, `baseUrl: "${found.one}"`), proof: null }
      }
      const empty = await ask(emptyOf(target), parts)
      const speaks = readingOf(empty)
      if (
        speaks === 'locked' ||
        (speaks === 'other' && empty.kind === 'answer' && empty.type === 'json')
      ) {
        const detail = `${seen}, but POST ${base}${target.endpoint} says ${answerText(empty)}: it lists no models`
        const by = speaks === 'locked' ? 'endpoint' : 'nothing'
        return { path: path('ok', detail), proof: { by, listsModels: false } }
      }
      const tried = near.map(({ one }) => new URL(one).pathname).join(', ')
      return {
        path: path(
          'failed',
          `${seen}, and no API at ${tried} either`,
          `copy the base URL from the documentation of ${new URL(base).hostname}; it usually ends in /v1`,
        ),
        proof: null,
      }
    }
  }
}
