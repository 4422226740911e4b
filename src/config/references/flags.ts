import { baseUrlFault, INSECURE } from '../base-url.ts'
import type { Finding, Path } from '../fault.ts'
import { duration } from '../schema/values.ts'
import { entriesAt, type Located, nodeAt, textAt } from '../tree.ts'

/** Whether flags are there, where they come from, and who shares one. */

/** A rollout without flags follows nothing. */
export function flagsPresent(tree: Located): Finding[] {
  if (entriesAt(tree, ['rollouts']).length === 0 || nodeAt(tree, ['flags'])) return []
  return [
    {
      path: ['rollouts'],
      message: 'needs flags, which are not there: a rollout follows a flag',
      suggestion: 'add flags: { file: flags/relay.json }',
    },
  ]
}

/** A server whose URL is none, or would carry the token in plain sight. */
export function unleashServer(tree: Located): Finding[] {
  const at: Path = ['flags', 'unleash']
  const path = [...at, 'url']
  const text = textAt(tree, path) ?? ''
  const fault = baseUrlFault(text)
  const message =
    fault === INSECURE && nodeAt(tree, [...at, 'plaintext'])?.value === true ? null : fault
  if (message === null) return []
  const suggestion = 'inside a cluster, where nobody listens: plaintext: true'
  return [message === INSECURE ? { path, message, suggestion } : { path, message }]
}

/** One failed poll must not be the end of every canary. */
export function flagAges(tree: Located): Finding[] {
  const msAt = (path: Path): number | null => {
    const parsed = duration.safeParse(textAt(tree, path))
    return parsed.success ? parsed.data : null
  }
  const path: Path = ['flags', 'maxAge']
  const maxAgeMs = msAt(path)
  const asked = ['unleash', 'openFeature'].find((key) => nodeAt(tree, ['flags', key]) !== undefined)
  if (maxAgeMs === null || asked === undefined) return []
  const intervalMs = msAt(['flags', asked, 'interval']) ?? 15_000
  if (maxAgeMs >= 2 * intervalMs) return []
  const least = `${(2 * intervalMs) / 1_000}s`
  return [{ path, message: `must be at least twice flags.${asked}.interval: ${least}` }]
}

/** A provider answers a flag with one number, and one number is drawn in one group. */
export function groupsOfOneFlag(tree: Located): Finding[] {
  if (nodeAt(tree, ['flags', 'openFeature']) === undefined) return []
  const groups = new Map<string, { readonly name: string; readonly group: string }>()
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const flag = textAt(tree, ['rollouts', name, 'flag'])
    if (flag === null) return []
    const path = ['rollouts', name, 'groupId']
    const group = textAt(tree, path) ?? flag
    const first = groups.get(flag)
    if (first === undefined) groups.set(flag, { name, group })
    if (first === undefined || first.group === group) return []
    const message = `must be that of rollouts.${first.name}, which has the same flag: flags.openFeature asks a flag once`
    return [{ path: nodeAt(tree, path) ? path : ['rollouts', name, 'flag'], message }]
  })
}

/** A URL that is hardly that of Unleash’s API. */
export function unleashRemarks(tree: Located): Finding[] {
  const at: Path = ['flags', 'unleash']
  const text = textAt(tree, [...at, 'url'])
  if (text === null || !URL.canParse(text)) return []
  const { pathname } = new URL(text)
  if (/\/api\/?$/.test(pathname)) return []
  const message = /\/api\/(client|frontend|admin)/.test(pathname)
    ? 'ends behind /api: the URL of the API itself is wanted, such as https://unleash.example/api'
    : 'does not end in /api, as the API of Unleash usually does'
  return [{ path: [...at, 'url'], message }]
}

/** What is written back into a flag is written for every rollout that follows it. */
export function sharedFlags(tree: Located): Finding[] {
  if (nodeAt(tree, ['flags', 'unleash', 'writeBack']) === undefined) return []
  const rollouts = entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const path: Path = ['rollouts', name, 'flag']
    const flag = textAt(tree, path)
    return flag === null ? [] : [{ name, path, flag }]
  })
  return [...Map.groupBy(rollouts, ({ flag }) => flag)].flatMap(([flag, shared]) => {
    const [, second] = shared
    if (second === undefined) return []
    const names = shared.map(({ name }) => name).join(', ')
    const message = `is ${flag}, as of other rollouts (${names}): written back, a rollback of one turns it off for all of them`
    return [{ path: second.path, message }]
  })
}
