import { type FlagDocument, isWellFormed, parseDocument } from './document.ts'

/**
 * A document of a server, which holds the flags of every team that shares it. What somebody else wrote wrongly there must
 * not keep a kill switch from being read.
 */

export type ParsedServed =
  | {
      readonly ok: true
      readonly document: FlagDocument
      /** Flags of others that are no flags, and were left out; by name, empty in nearly every document. */
      readonly left: readonly string[]
    }
  | { readonly ok: false; readonly faults: readonly string[] }

/**
 * As `parseDocument`, for whoever needs these flags: they, their parents and their segments are held to all of it, and
 * what is malformed elsewhere is left out. A name that is there twice is a fault where it is needed, and the first holds
 * elsewhere.
 */
export function parseServed(source: string, needs: ReadonlySet<string>): ParsedServed {
  const whole = parseDocument(source)
  if (whole.ok) return { ...whole, left: [] }
  const raw = looseOf(source)
  if (raw === null) return whole
  const needed = withParents(raw.features, needs)
  const left: string[] = []
  const seen = new Set<string>()
  const features = raw.features.filter((feature) => {
    const name = nameOf(feature)
    if (name !== null && needed.has(name)) return true
    const kept = name !== null && !seen.has(name) && isWellFormed('feature', feature)
    if (kept) seen.add(name)
    else left.push(name ?? 'a flag without a name')
    return kept
  })
  const segments = segmentsOf(raw.segments, features.filter(isNamed(needed)))
  const parsed = parseDocument(JSON.stringify({ ...raw.rest, features, segments }))
  return parsed.ok ? { ...parsed, left } : parsed
}

type Loose = Readonly<Record<string, unknown>>

interface LooseDocument {
  readonly features: readonly unknown[]
  readonly segments: readonly unknown[]
  readonly rest: Loose
}

/** Null for what has no list of features, or is too long to be read. */
function looseOf(source: string): LooseDocument | null {
  let raw: unknown
  try {
    raw = JSON.parse(source)
  } catch {
    return null
  }
  if (!isObject(raw) || !Array.isArray(raw['features'])) return null
  const { features, segments, ...rest } = raw
  if (segments !== undefined && segments !== null && !Array.isArray(segments)) return null
  return { features: features as unknown[], segments: segments ?? [], rest }
}

function withParents(features: readonly unknown[], needs: ReadonlySet<string>): Set<string> {
  const all = new Set(needs)
  for (const feature of features) {
    if (!isNamed(needs)(feature) || !isObject(feature)) continue
    for (const parent of listIn(feature, 'dependencies')) {
      if (isObject(parent) && typeof parent['feature'] === 'string') all.add(parent['feature'])
    }
  }
  return all
}

/** All that are well formed, and those that are needed whatever they are. */
function segmentsOf(segments: readonly unknown[], needing: readonly unknown[]): unknown[] {
  const used = new Set(
    needing.flatMap((feature) =>
      listIn(feature, 'strategies').flatMap((strategy) => listIn(strategy, 'segments')),
    ),
  )
  return segments.filter((segment) => {
    const id = isObject(segment) ? segment['id'] : undefined
    return used.has(id) || isWellFormed('segment', segment)
  })
}

function isNamed(names: ReadonlySet<string>): (feature: unknown) => boolean {
  return (feature) => names.has(nameOf(feature) ?? '')
}

function nameOf(feature: unknown): string | null {
  const name = isObject(feature) ? feature['name'] : undefined
  return typeof name === 'string' && name !== '' ? name : null
}

function listIn(holder: unknown, key: string): readonly unknown[] {
  const list = isObject(holder) ? holder[key] : undefined
  return Array.isArray(list) ? list : []
}

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
