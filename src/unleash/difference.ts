import {
  type FlagDocument,
  type FlagFeature,
  type FlagStrategy,
  isFilled,
} from '../flag/document.ts'
import { killedBy, ruleOf } from '../flag/evaluate.ts'
import type { ShareBp } from '../types.ts'
import type {
  AdminFlag,
  AdminParent,
  AdminSegment,
  FlagHead,
  SegmentBody,
  StrategyBody,
} from './admin.ts'

/**
 * What has to be written so that a server says what a document says: the whole of `flags diff` and the plan of `flags push`.
 * Pure. A flag is never deleted; a strategy that is switched off on the server is in no document, and stays as it is.
 */

/** One write. `words` are for a person: the server's value, an arrow, the document's. */
export type Change = { readonly words: string } & (
  | { readonly kind: 'create_segment'; readonly id: number; readonly body: SegmentBody }
  | { readonly kind: 'update_segment'; readonly id: number; readonly body: SegmentBody }
  | { readonly kind: 'create_flag'; readonly flag: string; readonly head: FlagHead }
  | { readonly kind: 'update_flag'; readonly flag: string; readonly head: Partial<FlagHead> }
  /** Its segments by the document's numbers. */
  | { readonly kind: 'add_strategy'; readonly flag: string; readonly body: StrategyBody }
  | {
      readonly kind: 'update_strategy'
      readonly flag: string
      readonly id: string
      readonly body: StrategyBody
    }
  | { readonly kind: 'remove_strategy'; readonly flag: string; readonly id: string }
  | { readonly kind: 'add_parent'; readonly flag: string; readonly parent: AdminParent }
  | { readonly kind: 'remove_parent'; readonly flag: string; readonly parent: string }
  | { readonly kind: 'turn_on' | 'turn_off'; readonly flag: string }
)

/** What one rollout asks of flags. */
export interface RolloutFlags {
  readonly rollout: string
  readonly flag: string
  readonly kill: string
  readonly groupId: string
}

export interface Server {
  readonly flags: ReadonlyMap<string, AdminFlag>
  readonly segments: readonly AdminSegment[]
  /** Of strategies it has. */
  readonly strategyNames: ReadonlySet<string>
}

export type Difference =
  | {
      readonly ok: true
      /** In the order in which they are to be written: what closes first, what opens last. */
      readonly changes: readonly Change[]
      /** Why more requests may reach a canary afterwards, for a person to agree to; empty when none do. */
      readonly raises: readonly string[]
      /** The document's number of each segment that is there already → the server's. */
      readonly segmentIds: ReadonlyMap<number, number>
    }
  /** What the Admin API cannot carry; then nothing is to be written. */
  | { readonly ok: false; readonly refusals: readonly string[] }

/**
 * The flags of a document that rollouts need: their own, their kill flags, and the parents of those; with the segments of
 * all of them. In the document's order.
 */
export function neededOf(document: FlagDocument, uses: readonly RolloutFlags[]): FlagDocument {
  const byName = new Map(document.features.map((one) => [one.name, one]))
  const needed = new Set<string>()
  const need = (name: string): void => {
    if (needed.has(name)) return
    needed.add(name)
    for (const parent of byName.get(name)?.dependencies ?? []) need(parent.feature)
  }
  for (const { flag, kill } of uses) for (const name of [flag, kill]) need(name)
  const features = document.features.filter(({ name }) => needed.has(name))
  const used = new Set(
    features.flatMap(({ strategies }) => strategies.flatMap(({ segments }) => segments ?? [])),
  )
  const segments = (document.segments ?? []).filter(({ id }) => used.has(id))
  return { ...document, features, segments }
}

/** @param document what is to be pushed, and no more @param server with the flags of that document */
export function differenceOf(
  document: FlagDocument,
  server: Server,
  uses: readonly RolloutFlags[],
): Difference {
  const refusals = refusalsOf(document, server)
  const segments = segmentChanges(document, server)
  refusals.push(...segments.refusals)
  if (refusals.length > 0) return { ok: false, refusals }
  const kills = new Set(uses.map(({ kill }) => kill))
  const opensLast = (feature: FlagFeature): number => {
    if (!kills.has(feature.name)) return 1
    return feature.enabled ? 0 : 2
  }
  const features = document.features.toSorted((a, b) => opensLast(a) - opensLast(b))
  const created = features.filter(({ name }) => !server.flags.has(name))
  const changes = [
    ...segments.changes,
    ...created.map(creation),
    ...features.flatMap((feature) => flagChanges(feature, server, segments.ids)),
  ]
  return {
    ok: true,
    changes,
    raises: changes.length === 0 ? [] : raisesOf(document, server, uses, changes),
    segmentIds: segments.ids,
  }
}

/** A server's flags as a document, as its client API would say them. */
export function documentOf({ flags, segments }: Pick<Server, 'flags' | 'segments'>): FlagDocument {
  return {
    version: 2,
    features: [...flags.values()].map(({ name, enabled, strategies, parents }) => {
      const on = strategies.filter(({ disabled }) => disabled !== true)
      const allOff = strategies.length > 0 && on.length === 0
      return {
        name,
        enabled: enabled && !allOff,
        strategies: on as FlagStrategy[],
        dependencies: parents as FlagFeature['dependencies'],
      }
    }),
    segments: segments as unknown as FlagDocument['segments'],
  }
}

// What cannot be carried

const PARAMETERS = ['rollout', 'groupId'] as const

function refusalsOf(document: FlagDocument, { flags, strategyNames }: Server): string[] {
  const segments = new Set((document.segments ?? []).map(({ id }) => id))
  const names = new Set(document.features.map(({ name }) => name))
  return document.features.flatMap((feature) => {
    const { name, enabled, strategies, variants, dependencies } = feature
    const refusals: string[] = []
    const refuse = (place: string, words: string): void => {
      refusals.push(`flag "${name}"${place} ${words}`)
    }
    if (isFilled(variants)) {
      refuse('', 'has variants of its own, which Unleash takes on strategies only: move them there')
    }
    if (enabled && strategies.length === 0) {
      refuse('', 'is on without strategies: Unleash would make one; write { "name": "default" }')
    }
    for (const { feature: parent } of dependencies ?? []) {
      if (names.has(parent) || flags.has(parent)) continue
      refuse('', `depends on "${parent}", which is neither in the file nor on the server`)
    }
    strategies.forEach((strategy, index) => {
      const place = ` strategies[${index}] ${strategy.name}`
      if (!strategyNames.has(strategy.name)) refuse(place, 'is no strategy of this server')
      for (const id of strategy.segments ?? []) {
        if (!segments.has(id)) refuse(place, `has segment ${id}, which is not in the file`)
      }
      if (strategy.name !== 'flexibleRollout') return
      for (const key of PARAMETERS) {
        const value = strategy.parameters?.[key] ?? ''
        if (value !== '') continue
        refuse(place, `has no parameters.${key}: Unleash would write one of its own`)
      }
    })
    return refusals
  })
}

// Segments: by name, since numbers are the server's own

function segmentChanges(document: FlagDocument, server: Server) {
  const ids = new Map<number, number>()
  const changes: Change[] = []
  const refusals: string[] = []
  for (const segment of document.segments ?? []) {
    const { id } = segment
    const name = textOf(segment, 'name')
    const there = server.segments.find((one) => (name === null ? one.id === id : one.name === name))
    const constraints = (segment.constraints ?? []).map(constraintOf)
    const same = there !== undefined && isSame(there.constraints.map(constraintOf), constraints)
    if (there !== undefined) ids.set(id, there.id)
    if (same) continue
    if (name === null) {
      refusals.push(
        `segment ${id} has no name, and is none of the server's: give it its name there`,
      )
    } else if (there === undefined) {
      const body = { name, constraints }
      changes.push({
        kind: 'create_segment',
        id,
        body,
        words: `+ segment "${name}" ${said(constraints)}`,
      })
    } else {
      const { description } = there
      const body = { name, constraints, ...(description ? { description } : {}) }
      const words = `~ segment "${name}" constraints: ${said(there.constraints.map(constraintOf))} → ${said(constraints)}`
      changes.push({ kind: 'update_segment', id: there.id, body, words })
    }
  }
  return { ids, changes, refusals }
}

// Flags

function creation(feature: FlagFeature): Change {
  const { name } = feature
  const head = {
    type: textOf(feature, 'type') ?? 'release',
    description: textOf(feature, 'description') ?? '',
    impressionData: (feature as { impressionData?: unknown }).impressionData === true,
  }
  return { kind: 'create_flag', flag: name, head, words: `+ flag "${name}" (${head.type})` }
}

function flagChanges(
  feature: FlagFeature,
  server: Server,
  ids: ReadonlyMap<number, number>,
): Change[] {
  const { name, enabled } = feature
  const there = server.flags.get(name)
  const isOn = there?.enabled ?? false
  const off: Change[] =
    isOn && !enabled ? [{ kind: 'turn_off', flag: name, words: `~ flag "${name}": on → off` }] : []
  const on: Change[] =
    !isOn && enabled ? [{ kind: 'turn_on', flag: name, words: `~ flag "${name}": off → on` }] : []
  return [
    ...off,
    ...(there === undefined ? [] : headChanges(feature, there)),
    ...strategyChanges(feature, there, ids),
    ...parentChanges(feature, there),
    ...on,
  ]
}

/** A description is people's, and write-back's: it is given to a new flag, and left alone afterwards. */
function headChanges(feature: FlagFeature, there: AdminFlag): Change[] {
  const { name: flag } = feature
  const type = textOf(feature, 'type')
  const { impressionData } = feature as { impressionData?: unknown }
  const changes: Change[] = []
  if (type !== null && type !== there.type) {
    const words = `~ flag "${flag}" type: ${there.type} → ${type}`
    changes.push({ kind: 'update_flag', flag, head: { type }, words })
  }
  if (typeof impressionData === 'boolean' && impressionData !== there.impressionData) {
    const words = `~ flag "${flag}" impressionData: ${there.impressionData} → ${impressionData}`
    changes.push({ kind: 'update_flag', flag, head: { impressionData }, words })
  }
  return changes
}

/** What is equal at either end stays; between, the first takes the place of the first, and so on. */
function strategyChanges(
  { name: flag, strategies }: FlagFeature,
  there: AdminFlag | undefined,
  ids: ReadonlyMap<number, number>,
): Change[] {
  // A segment that is still to be made is none of the server's.
  const wanted = strategies.map((one) => strategyOf(one, (id) => ids.get(id) ?? `new ${id}`))
  const present = (there?.strategies ?? []).filter(({ disabled }) => disabled !== true)
  const is = present.map((one) => strategyOf(one, (id) => id))
  let start = 0
  while (start < is.length && start < wanted.length && isSame(is[start], wanted[start])) start++
  // Only where some go: one that is added comes last, whatever is behind its place.
  let kept = 0
  if (is.length > wanted.length) {
    const isKept = () => isSame(is.at(-1 - kept), wanted.at(-1 - kept))
    while (kept < wanted.length - start && isKept()) kept++
  }
  const changes: Change[] = []
  const bodies = strategies.map(bodyOf)
  for (let index = start; index < wanted.length - kept; index++) {
    const [old, before, next, body] = [present[index], is[index], wanted[index], bodies[index]]
    if (next === undefined || body === undefined) continue
    const place = `flag "${flag}" strategies[${index}]`
    if (old === undefined || before === undefined) {
      changes.push({ kind: 'add_strategy', flag, body, words: `+ ${place} ${briefOf(next)}` })
    } else if (!isSame(before, next)) {
      const title = old.title ?? undefined
      const words = `~ ${place} ${wordsOn(before, next)}`
      const titled = title === undefined ? body : { ...body, title }
      changes.push({ kind: 'update_strategy', flag, id: old.id, body: titled, words })
    }
  }
  for (let index = wanted.length - kept; index < is.length - kept; index++) {
    const id = present[index]?.id
    if (id === undefined) continue
    const words = `- flag "${flag}" strategies[${index}] ${briefOf(is[index])}`
    changes.push({ kind: 'remove_strategy', flag, id, words })
  }
  return changes
}

function parentChanges({ name: flag, dependencies }: FlagFeature, there?: AdminFlag): Change[] {
  const wanted = (dependencies ?? []).map(parentOf)
  const present = (there?.parents ?? []).map(parentOf)
  const added = wanted.filter((one) => !present.some((other) => isSame(one, other)))
  const gone = present.filter((one) => !wanted.some(({ feature }) => feature === one.feature))
  return [
    ...added.map((parent): Change => {
      const words = `+ flag "${flag}" depends on ${said(parent)}`
      return { kind: 'add_parent', flag, parent, words }
    }),
    ...gone.map(({ feature }): Change => {
      const words = `- flag "${flag}" depends on "${feature}"`
      return { kind: 'remove_parent', flag, parent: feature, words }
    }),
  ]
}

// What may raise a share

function raisesOf(
  document: FlagDocument,
  server: Server,
  uses: readonly RolloutFlags[],
  changes: readonly Change[],
): string[] {
  const before = documentOf(server)
  const changed = new Set(changes.flatMap((one) => ('flag' in one ? [one.flag] : [])))
  const isSegments = changes.some(({ kind }) => kind === 'update_segment')
  const raises = uses.flatMap((use) => {
    const { rollout } = use
    const [was, is] = [reachOf(before, use), reachOf(document, use)]
    if (is === 0 || (was !== null && is !== null && is <= was)) return []
    if (was !== null && is !== null) return [`${rollout}: ${was / 100} % → ${is / 100} %`]
    const isTouched =
      isSegments || namesOf(document, [use.flag, use.kill]).some((name) => changed.has(name))
    return isTouched
      ? [`${rollout}: its flag decides request by request, and may let more through`]
      : []
  })
  const own = new Set(
    namesOf(
      document,
      uses.flatMap(({ flag, kill }) => [flag, kill]),
    ),
  )
  const others = document.features.filter(
    ({ name, enabled }) => enabled && changed.has(name) && !own.has(name),
  )
  return [...raises, ...others.map(({ name }) => `flag "${name}" is of no rollout, and changes`)]
}

/** The most that a rollout's flag lets through; null where it decides request by request. */
function reachOf(document: FlagDocument, { flag, kill, groupId }: RolloutFlags): ShareBp | null {
  if (killedBy(document, kill)) return 0
  const rule = ruleOf(document, flag, groupId)
  switch (rule.kind) {
    case 'off':
      return 0
    case 'ceiling':
      return rule.shareBp
    case 'context':
      return null
  }
}

/** These and all their parents. */
function namesOf(document: FlagDocument, names: readonly string[]): string[] {
  const uses = names.map((flag) => ({ rollout: '', flag, kill: flag, groupId: '' }))
  return neededOf(document, uses).features.map(({ name }) => name)
}

// Both sides in one form: what is left out is written out, and what decides nothing is left out

function strategyOf(
  { name, parameters, constraints, segments, variants }: AnyStrategy,
  segmentOf: (id: number) => number | string,
) {
  return {
    name,
    parameters: parametersOf(name, parameters),
    constraints: (constraints ?? []).map(constraintOf),
    segments: (segments ?? []).map(segmentOf).sort(),
    variants: (variants ?? []).map(variantOf),
  }
}

/** As a document or a server has it. */
interface AnyStrategy {
  readonly name: string
  readonly parameters?: Readonly<Record<string, unknown>> | null | undefined
  readonly constraints?: readonly object[] | null | undefined
  readonly segments?: readonly number[] | null | undefined
  readonly variants?: readonly object[] | null | undefined
}

function bodyOf(strategy: FlagStrategy): StrategyBody {
  const { name, parameters, constraints, variants } = strategyOf(strategy, (id) => id)
  return { name, parameters, constraints, segments: strategy.segments ?? [], variants }
}

/** In text, as Unleash keeps them, and in one order. */
function parametersOf(
  strategy: string,
  parameters: Readonly<Record<string, unknown>> | null | undefined,
): Record<string, string> {
  const given = Object.entries(parameters ?? {}).flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [[key, String(value)] as const],
  )
  const all = Object.fromEntries(given.sort(([a], [b]) => (a < b ? -1 : 1)))
  if (strategy === 'flexibleRollout' && !all['stickiness']) all['stickiness'] = 'default'
  return all
}

function constraintOf(constraint: object): Record<string, unknown> {
  const { contextName, operator, values, value, inverted, caseInsensitive } = constraint as {
    readonly [key: string]: unknown
  }
  return {
    contextName,
    operator,
    values: values ?? [],
    ...(value === null || value === undefined ? {} : { value: String(value) }),
    inverted: inverted ?? false,
    caseInsensitive: caseInsensitive ?? false,
  }
}

function variantOf(variant: object): Record<string, unknown> {
  const { name, weight, weightType, stickiness, payload, overrides } = variant as {
    readonly [key: string]: unknown
  }
  return {
    name,
    weight,
    weightType: weightType ?? 'variable',
    stickiness: stickiness ?? 'default',
    ...(payload === null || payload === undefined ? {} : { payload }),
    ...(isFilled(overrides as readonly unknown[] | null | undefined) ? { overrides } : {}),
  }
}

function parentOf({ feature, enabled, variants }: AdminParent): AdminParent {
  return { feature, enabled: enabled ?? true, variants: (variants ?? []).toSorted() }
}

function textOf(of: object, key: string): string | null {
  const value = (of as Readonly<Record<string, unknown>>)[key]
  return typeof value === 'string' ? value : null
}

/** Of values without functions, whatever the order of their keys. */
function isSame(a: unknown, b: unknown): boolean {
  return said(a) === said(b)
}

function said(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** Without what is empty. */
function briefOf(strategy: object | undefined): string {
  const filled = Object.entries(strategy ?? {}).filter(
    ([, value]) => typeof value === 'string' || Object.keys(value as object).length > 0,
  )
  return said(Object.fromEntries(filled))
}

/** Only what differs: `parameters.rollout: "1" → "5"`. */
function wordsOn(
  before: ReturnType<typeof strategyOf>,
  next: ReturnType<typeof strategyOf>,
): string {
  const { parameters: was, ...beforeRest } = before
  const { parameters: is, ...nextRest } = next
  const parts: (readonly [string, unknown, unknown])[] = [
    ...Object.keys(beforeRest).map(
      (key) => [key, (beforeRest as Flat)[key], (nextRest as Flat)[key]] as const,
    ),
    ...[...new Set([...Object.keys(was), ...Object.keys(is)])].map(
      (key) => [`parameters.${key}`, was[key], is[key]] as const,
    ),
  ]
  return parts
    .filter(([, from, to]) => !isSame(from, to))
    .map(([key, from, to]) => `${key}: ${said(from) ?? 'none'} → ${said(to) ?? 'none'}`)
    .join(', ')
}

type Flat = Readonly<Record<string, unknown>>
