import { baseUrlFault, baseUrlRemark, INSECURE, isLoopback, webhookUrlFault } from './base-url.ts'
import { type Finding, looksLikeKey, type Path } from './fault.ts'
import { gotText } from './issues.ts'
import { nearest } from './nearest.ts'
import { duration, percent } from './schema/values.ts'
import { shapesAt } from './shape.ts'
import { type Located, nodeAt } from './tree.ts'

/**
 * What one part of the file says about another. It reads the tree and not the parsed configuration, so that it has its
 * say beside the schema's faults; where a value has the wrong type, that fault is enough.
 */

export interface CrossFindings {
  readonly faults: readonly Finding[]
  readonly notes: readonly Finding[]
}

/** Names that lead nowhere, and doors left open. */
export function crossFindings(tree: Located): CrossFindings {
  const unknownNames = upstreamNames(tree)
  const faults = [
    ...unknownNames,
    ...baseUrls(tree),
    ...upstreamHeaders(tree),
    ...secretReferences(tree, []),
    ...passthroughCanaries(tree),
    ...flagsPresent(tree),
    ...unleashServer(tree),
    ...flagAges(tree),
    ...groupsOfOneFlag(tree),
    ...callers(tree),
    ...embeddings(tree),
    ...plantedKeys(tree),
    ...webhooks(tree),
    ...planSteps(tree),
    ...openDoor(tree),
    ...sameToken(tree),
    ...unbuilt(tree),
  ]
  const notes = [
    ...sameUpstream(tree),
    ...unreachable(tree),
    ...(unknownNames.length > 0 ? [] : unused(tree)),
    ...nowhere(tree),
    ...remarks(tree),
    ...unleashRemarks(tree),
    ...sharedFlags(tree),
    ...judged(tree),
    ...shadows(tree),
    ...idleKeys(tree),
    ...unevenRetries(tree),
  ]
  return { faults, notes }
}

type Entry = readonly [string, Located]

function entriesAt(tree: Located, path: Path): readonly Entry[] {
  return [...(nodeAt(tree, path)?.entries ?? [])]
}

function itemsAt(tree: Located, path: Path): readonly Located[] {
  return nodeAt(tree, path)?.items ?? []
}

function textAt(tree: Located, path: Path): string | null {
  const value = nodeAt(tree, path)?.value
  return typeof value === 'string' ? value : null
}

const ARMS = ['control', 'canary'] as const

function upstreamNames(tree: Located): Finding[] {
  const names = entriesAt(tree, ['upstreams']).map(([name]) => name)
  if (names.length === 0) return []
  const places: Path[] = [
    ...entriesAt(tree, ['rollouts']).flatMap(([name]) =>
      ARMS.map((arm) => ['rollouts', name, arm]),
    ),
    ['default', 'openai'],
    ['default', 'anthropic'],
  ]
  return places.flatMap((path) => unknownName(tree, path, names, 'upstream'))
}

function unknownName(
  tree: Located,
  path: Path,
  names: readonly string[],
  noun: 'upstream' | 'rollout',
): Finding[] {
  const name = textAt(tree, path)
  if (name === null || names.includes(name)) return []
  const meant = nearest(name, names)
  return [
    {
      path,
      message: `names no ${noun}${gotText(nodeAt(tree, path), path)}`,
      suggestion:
        meant === null
          ? names.length === 0
            ? `there is no ${noun}`
            : `known here: ${names.join(', ')}`
          : `did you mean ${JSON.stringify(meant)}?`,
    },
  ]
}

function baseUrls(tree: Located): Finding[] {
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

function upstreamHeaders(tree: Located): Finding[] {
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

/** `{ env: sk-… }`: the secret where its name belongs. */
function secretReferences(node: Located, path: Path): Finding[] {
  if (node.items) {
    return node.items.flatMap((item, index) => secretReferences(item, [...path, index]))
  }
  const isReference = node.entries && shapesAt(path).some((shape) => shape.id === 'secret')
  return [...(node.entries ?? [])].flatMap(([key, entry]) => {
    if (!isReference) return secretReferences(entry, [...path, key])
    if (typeof entry.value !== 'string' || !looksLikeKey(entry.value)) return []
    return [
      {
        path: [...path, key],
        message: 'looks like the secret itself, which no config file may hold',
        suggestion: 'name the place where it is kept',
      },
    ]
  })
}

function passthroughCanaries(tree: Located): Finding[] {
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

function flagsPresent(tree: Located): Finding[] {
  if (entriesAt(tree, ['rollouts']).length === 0 || nodeAt(tree, ['flags'])) return []
  return [
    {
      path: ['rollouts'],
      message: 'needs flags, which are not there: a rollout follows a flag',
      suggestion: 'add flags: { file: flags/relay.json }',
    },
  ]
}

function unleashServer(tree: Located): Finding[] {
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
function flagAges(tree: Located): Finding[] {
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
function groupsOfOneFlag(tree: Located): Finding[] {
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

function unleashRemarks(tree: Located): Finding[] {
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
function sharedFlags(tree: Located): Finding[] {
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

function callers(tree: Located): Finding[] {
  const rollouts = entriesAt(tree, ['rollouts']).map(([name]) => name)
  const names = new Map<string, number>()
  const hashes = new Map<string, number>()
  return itemsAt(tree, ['callers']).flatMap((_, index) => {
    const findings: Finding[] = []
    for (const [key, seen] of [
      ['name', names],
      ['sha256', hashes],
    ] as const) {
      const path = ['callers', index, key]
      const value = textAt(tree, path)
      if (value === null) continue
      const first = seen.get(value)
      if (first === undefined) seen.set(value, index)
      else findings.push({ path, message: `is the same as callers[${first}].${key}` })
    }
    const listed = itemsAt(tree, ['callers', index, 'rollouts'])
    const unknown = listed.flatMap((_item, at) =>
      unknownName(tree, ['callers', index, 'rollouts', at], rollouts, 'rollout'),
    )
    return [...findings, ...unknown]
  })
}

function embeddings(tree: Located): Finding[] {
  const path = ['embeddings', 'baseUrl']
  const message = baseUrlFault(textAt(tree, path) ?? '')
  return message === null ? [] : [{ path, message }]
}

/** Findings go by their names. */
function plantedKeys(tree: Located): Finding[] {
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const at: Path = ['rollouts', name, 'shadow', 'planted']
    const names = itemsAt(tree, at).map((_, index) => textAt(tree, [...at, index, 'name']))
    return names.flatMap((one, index) => {
      const first = names.indexOf(one)
      if (one === null || first === index) return []
      return [{ path: [...at, index, 'name'], message: `is the same as planted[${first}].name` }]
    })
  })
}

function webhooks(tree: Located): Finding[] {
  const rollouts = entriesAt(tree, ['rollouts']).map(([name]) => name)
  return itemsAt(tree, ['webhooks']).flatMap((_, index) => {
    const at: Path = ['webhooks', index]
    const url = [...at, 'url']
    const message = webhookUrlFault(textAt(tree, url) ?? '')
    const unknown = itemsAt(tree, [...at, 'rollouts']).flatMap((_item, place) =>
      unknownName(tree, [...at, 'rollouts', place], rollouts, 'rollout'),
    )
    return message === null ? unknown : [{ path: url, message }, ...unknown]
  })
}

function planSteps(tree: Located): Finding[] {
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const steps = ['rollouts', name, 'plan', 'steps']
    let highest: { readonly bp: number; readonly text: string } | null = null
    return itemsAt(tree, steps).flatMap((item, index) => {
      const path = item.entries ? [...steps, index, 'share'] : [...steps, index]
      const text = textAt(tree, path)
      const share = percent.safeParse(text)
      if (text === null || !share.success) return []
      const before = highest
      if (before !== null && share.data <= before.bp) {
        return [{ path, message: `must be above the step before (${before.text}), got ${text}` }]
      }
      highest = { bp: share.data, text }
      return []
    })
  })
}

function openDoor(tree: Located): Finding[] {
  const path = ['server', 'host']
  const host = textAt(tree, path)
  if (host === null || isLoopback(host)) return []
  if (itemsAt(tree, ['callers']).length > 0) return []
  if (nodeAt(tree, ['server', 'open'])?.value === true) return []
  return [
    {
      path,
      message: `is not loopback, and there are no callers: anyone who reaches it would spend your keys${gotText(nodeAt(tree, path), path)}`,
      suggestion: 'name callers, or write server.open: true where something else keeps the door',
    },
  ]
}

/** Two names may still lead to one token: that is seen where they are read. */
function sameToken(tree: Located): Finding[] {
  const keptAt = (key: string): string | null => {
    const at: Path = ['control', key]
    const [[place, ref] = []] = entriesAt(tree, at)
    return ref === undefined ? null : `${place} ${ref.value}`
  }
  const viewer = keptAt('viewer')
  if (viewer === null || viewer !== (keptAt('token') ?? 'env HEADGATE_TOKEN')) return []
  const message = 'is kept where control.token is: who only reads could write'
  return [{ path: ['control', 'viewer'], message }]
}

function unbuilt(tree: Located): Finding[] {
  const parts: readonly (readonly [Path, string])[] = [
    [['state', 'redis'], 'use state: { sqlite: .headgate/state.db }'],
  ]
  return parts
    .filter(([path]) => nodeAt(tree, path) !== undefined)
    .map(([path, suggestion]) => ({ path, message: 'is not built yet', suggestion }))
}

function sameUpstream(tree: Located): Finding[] {
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const path = ['rollouts', name, 'canary']
    const canary = textAt(tree, path)
    if (canary === null || canary !== textAt(tree, ['rollouts', name, 'control'])) return []
    return [{ path, message: 'is the same upstream as control: an A/A run, which measures noise' }]
  })
}

function unreachable(tree: Located): Finding[] {
  const takenBy = new Map<string, string>()
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const match = ['rollouts', name, 'match']
    const paths = itemsAt(tree, [...match, 'paths']).map(({ value }) => value)
    const taken = paths.flatMap((path, index) => {
      const by = typeof path === 'string' ? takenBy.get(path) : undefined
      return by === undefined ? [] : [{ path, index, by }]
    })
    const restricted = ['models', 'headers'].some((key) => nodeAt(tree, [...match, key]))
    for (const path of restricted ? [] : paths) {
      if (typeof path === 'string' && !takenBy.has(path)) takenBy.set(path, name)
    }
    if (taken.length > 0 && taken.length === paths.length) {
      const by = [...new Set(taken.map((one) => `rollouts.${one.by}`))].join(' and ')
      const message = `is never reached: ${by} before it takes every request to its paths`
      return [{ path: ['rollouts', name], message }]
    }
    return taken.map(({ index, by }) => ({
      path: [...match, 'paths', index],
      message: `is never reached: rollouts.${by} before it takes every request to this path`,
    }))
  })
}

function unused(tree: Located): Finding[] {
  const used = new Set<string | null>([
    textAt(tree, ['default', 'openai']),
    textAt(tree, ['default', 'anthropic']),
    ...entriesAt(tree, ['rollouts']).flatMap(([name]) =>
      ARMS.map((arm) => textAt(tree, ['rollouts', name, arm])),
    ),
  ])
  if (used.size === 1) return []
  return entriesAt(tree, ['upstreams'])
    .filter(([name]) => !used.has(name))
    .map(([name]) => ({
      path: ['upstreams', name],
      message: 'is never used: no rollout and no default names it',
    }))
}

function nowhere(tree: Located): Finding[] {
  const anywhere =
    entriesAt(tree, ['rollouts']).length > 0 || entriesAt(tree, ['default']).length > 0
  if (anywhere || entriesAt(tree, ['upstreams']).length === 0) return []
  return [
    {
      path: ['upstreams'],
      message:
        'are there, but no rollout and no default names one: no request is forwarded anywhere',
    },
  ]
}

function remarks(tree: Located): Finding[] {
  return entriesAt(tree, ['upstreams']).flatMap(([name]) => {
    const path = ['upstreams', name, 'baseUrl']
    const message = baseUrlRemark(textAt(tree, path) ?? '')
    return message === null ? [] : [{ path, message }]
  })
}

/** Who acts on a rollout, where that is not plain from its name. */
function judged(tree: Located): Finding[] {
  const forgets = nodeAt(tree, ['state', 'memory']) !== undefined
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const path = ['rollouts', name]
    const plan = nodeAt(tree, [...path, 'plan']) !== undefined
    const guard = nodeAt(tree, [...path, 'guard']) !== undefined
    const findings: Finding[] = []
    if (!plan && !guard) {
      findings.push({
        path,
        message: 'has neither plan nor guard: its flag alone decides, and nothing rolls it back',
      })
    }
    if (forgets && (plan || guard)) {
      findings.push({
        path: ['state', 'memory'],
        message: `forgets at every restart where ${name} stands, a rollback included`,
      })
    }
    return findings
  })
}

/** Small questions that nobody could ask, or hear the answers of. */
function questions(tree: Located, rollout: Path): Finding[] {
  const path = [...rollout, 'shadow', 'questions']
  const has = (...at: Path): boolean => nodeAt(tree, [...rollout, ...at]) !== undefined
  if (!has('shadow', 'questions')) return []
  if (!has('plan') && !has('guard')) {
    return [
      { path, message: 'are not asked: without a plan or a guard nothing judges the answers' },
    ]
  }
  const canary = ['upstreams', String(textAt(tree, [...rollout, 'canary'])), 'models']
  const model =
    has('probe', 'model') || has('match', 'models') || entriesAt(tree, canary).length > 0
  return model
    ? []
    : [{ path, message: 'are not asked: no model is known to ask; write probe.model' }]
}

/** Shadows that cost more than is counted, or find what nothing acts on. */
function shadows(tree: Located): Finding[] {
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const rollout = ['rollouts', name]
    const path = [...rollout, 'shadow']
    if (nodeAt(tree, path) === undefined) return []
    const findings: Finding[] = [...questions(tree, rollout)]
    const canary = textAt(tree, [...rollout, 'canary'])
    const place = canary === null ? null : textAt(tree, ['upstreams', canary, 'baseUrl'])
    const priced = nodeAt(tree, ['upstreams', String(canary), 'price']) !== undefined
    // Of makers' own hosts the prices are built in.
    if (place !== null && !priced && !/^https:\/\/api\.(openai|anthropic)\.com\//.test(place)) {
      const message = `counts no dollars without upstreams.${canary}.price: its other budgets hold`
      findings.push({ path, message })
    }
    const control = textAt(tree, [...rollout, 'control'])
    if (control !== null && textAt(tree, ['upstreams', control, 'auth']) === 'passthrough') {
      const message = `asks ${control} nothing, which callers pay with their own keys: no probes, and none of what the canary answered`
      findings.push({ path, message })
    }
    const judges = ['plan', 'guard'].some((key) => nodeAt(tree, [...rollout, key]) !== undefined)
    if (!judges) {
      const message = 'is shown and nothing more: without plan or guard nothing acts on it'
      findings.push({ path, message })
    }
    return findings
  })
}

/** Keys that say how, where nothing says that. */
function idleKeys(tree: Located): Finding[] {
  return entriesAt(tree, ['upstreams']).flatMap(([name]) => {
    const findings: Finding[] = []
    const retry: Path = ['upstreams', name, 'retry']
    if (nodeAt(tree, retry) !== undefined && !triesTwice(tree, name)) {
      findings.push({ path: retry, message: 'does nothing: write attempts: 2 to try again' })
    }
    const limits: Path = ['upstreams', name, 'limits']
    const limited = LIMITS.some((key) => nodeAt(tree, [...limits, key]) !== undefined)
    if (nodeAt(tree, limits) !== undefined && !limited) {
      findings.push({
        path: limits,
        message: `does nothing: it names none of ${LIMITS.join(', ')}`,
      })
    }
    return findings
  })
}

const LIMITS = ['concurrency', 'rpm', 'tpm'] as const

function triesTwice(tree: Located, upstream: string): boolean {
  const attempts = nodeAt(tree, ['upstreams', upstream, 'retry', 'attempts'])?.value
  return attempts !== undefined && attempts !== 1
}

/** An arm that may try twice fails less, and the statistics see the last try only. */
function unevenRetries(tree: Located): Finding[] {
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const [control, canary] = ARMS.map((arm) => textAt(tree, ['rollouts', name, arm]))
    if (control == null || canary == null) return []
    if (triesTwice(tree, control) === triesTwice(tree, canary)) return []
    const [more, less] = triesTwice(tree, control) ? [control, canary] : [canary, control]
    return [
      {
        path: ['rollouts', name],
        message: `compares ${more}, which is tried twice, with ${less}, which is not: give both the same retry`,
      },
    ]
  })
}
