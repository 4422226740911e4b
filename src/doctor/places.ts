import type { Config } from '../config/schema.ts'
import type { Env } from '../telemetry/environment.ts'
import { type Check, check } from './check.ts'
import type { DoctorParts, FlagsWord, StoreWord } from './parts.ts'

/** Everything that is no upstream and no secret: flags, store, prices, a proxy that is not used. */

/** `flags.source`. */
export function flagChecks(
  config: Config,
  word: FlagsWord,
  advise: DoctorParts['advise'],
): readonly Check[] {
  const about = 'flags'
  const { source, document, fault, ageMs } = word
  if (Object.keys(config.rollouts).length === 0) {
    return [check('flags.source', about, 'skipped', 'there are no rollouts')]
  }
  if (source === null) return [check('flags.source', about, 'skipped', 'config names no flags')]
  if (fault !== null) {
    return [check('flags.source', about, 'failed', `${source}: ${fault}`, fixOf(config, fault))]
  }
  if (document === null) {
    return ageMs === null
      ? [check('flags.source', about, 'skipped', `${source} is read by serve alone`)]
      : [check('flags.source', about, 'ok', `${source}${confirmed(ageMs)}`)]
  }
  const age = confirmed(ageMs)
  if (advise === null) return [check('flags.source', about, 'ok', `${source} is read${age}`)]
  const advice = [...new Set(advise.flags(document))]
  if (advice.length === 0) {
    return [check('flags.source', about, 'ok', `${source} has every flag that is asked for${age}`)]
  }
  return advice.map((one) =>
    check('flags.source', about, 'warning', `${source}: ${one}`, flagFixOf(one)),
  )
}

function confirmed(ageMs: number | null): string {
  return ageMs === null ? '' : `, confirmed ${Math.round(ageMs / 1_000)} s ago`
}

function fixOf({ flags }: Config, fault: string): string {
  if (flags !== undefined && 'unleash' in flags) {
    if (/\b40[13]\b/.test(fault)) {
      return 'make a backend token for this environment in Unleash (Admin, API access) and put it where flags.unleash.token says'
    }
    return `ask it from this machine: curl -sS -H "authorization: $TOKEN" ${flags.unleash.url.replace(/\/+$/, '')}/client/features`
  }
  return 'headgate flags show says what is wrong with it'
}

function flagFixOf(advice: string): string {
  const [, absent] = /^(?:kill )?flag "(.+)" is not in the document/.exec(advice) ?? []
  if (absent !== undefined) return `add the flag ${absent}; headgate init writes both`
  const [, percent] = /serves (\d+) %: Unleash takes whole percents/.exec(advice) ?? []
  if (percent !== undefined) {
    return `write ${percent}, or let the flag be 100 and give the rollout a plan with finer steps`
  }
  if (/is on: the share is 0/.test(advice)) return 'turn it off once the canary may have traffic'
  if (/is disabled/.test(advice)) return 'enable it once the canary may have traffic'
  return 'headgate flags show explains what it serves'
}

/** `store.write`. */
export function storeCheck({ state, rollouts }: Config, word: StoreWord): Check {
  const about = 'state'
  const { kind, fault, fix, busy } = word
  if (fault !== null) {
    const what =
      fix ?? 'look at the disk and at the permissions of the file; until then control answers all'
    return check('store.write', about, busy ? 'warning' : 'failed', `${kind}: ${fault}`, what)
  }
  if ('memory' in state && Object.keys(rollouts).length > 0) {
    return check(
      'store.write',
      about,
      'warning',
      'memory forgets at every restart where rollouts stand, a rollback included',
      'state: { sqlite: .headgate/state.db }',
    )
  }
  return check('store.write', about, 'ok', `${kind} can be written`)
}

const PROXIES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy']

/** `net.proxy`: what other tools go through, and Headgate does not. */
export function proxyCheck(env: Env): Check {
  const about = 'this machine'
  const set = PROXIES.filter((name) => env[name])
  if (set.length === 0) return check('net.proxy', about, 'ok', 'no proxy is asked for')
  return check(
    'net.proxy',
    about,
    'warning',
    `${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set: Headgate connects to upstreams directly, whatever they say`,
    'allow this machine to reach the upstreams directly, or write a gateway of yours as their baseUrl',
  )
}

/** `price.coverage`. @param gaps null where nobody looks for them */
export function priceChecks(gaps: readonly string[] | null): readonly Check[] {
  if (gaps === null) {
    return [check('price.coverage', 'prices', 'skipped', 'headgate check says it before the build')]
  }
  if (gaps.length === 0) {
    return [check('price.coverage', 'prices', 'ok', 'every upstream and every named model has one')]
  }
  return gaps.map((gap) => {
    const [place = '', ...rest] = gap.split(': ')
    const [said = '', ...fix] = rest.join(': ').split(/: (?=write|name)/)
    return check(
      'price.coverage',
      'prices',
      'warning',
      `${place}: ${said}`,
      fix[0] ?? 'write its price',
    )
  })
}
