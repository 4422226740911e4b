import { baseUrlFault, isLoopback, webhookUrlFault } from './base-url.ts'
import { type Finding, looksLikeKey, type Path } from './fault.ts'
import { gotText } from './issues.ts'
import { nearest } from './nearest.ts'
import {
  flagAges,
  flagsPresent,
  groupsOfOneFlag,
  sharedFlags,
  unleashRemarks,
  unleashServer,
} from './references/flags.ts'
import {
  idleKeys,
  judged,
  nowhere,
  remarks,
  sameUpstream,
  shadows,
  unevenRetries,
  unreachable,
  unused,
} from './references/notes.ts'
import { baseUrls, passthroughCanaries, upstreamHeaders } from './references/upstreams.ts'
import { percent } from './schema/values.ts'
import { shapesAt } from './shape.ts'
import { entriesAt, itemsAt, type Located, nodeAt, textAt } from './tree.ts'

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
