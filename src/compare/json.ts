import { isRecord } from '../wire/value.ts'

/** Two JSON values, compared without recursion deeper than `MOST_DEPTH`: nesting is somebody else's choice. */

/** One place where two values are not the same. */
export interface JsonChange {
  /** `items[0].city`: names of members as they are, no values. */
  readonly path: string
  /** `added`: the other alone has it. `type`: they are of different types. */
  readonly kind: 'added' | 'removed' | 'changed' | 'type'
  /** The values; undefined where there is none. */
  readonly one: unknown
  readonly other: unknown
}

const MOST_DEPTH = 32
const MOST_CHANGES = 64

/** At most 64 changes, in the order of the first value; members may be in any order. Below 32 levels nothing is looked at. */
export function jsonChanges(one: unknown, other: unknown): JsonChange[] {
  const changes: JsonChange[] = []
  walk(one, other, '', 0, changes)
  return changes
}

function walk(
  one: unknown,
  other: unknown,
  path: string,
  depth: number,
  changes: JsonChange[],
): void {
  if (Object.is(one, other) || changes.length >= MOST_CHANGES || depth > MOST_DEPTH) return
  const note = (kind: JsonChange['kind'], at: string, mine: unknown, theirs: unknown): void => {
    if (changes.length < MOST_CHANGES) changes.push({ path: at, kind, one: mine, other: theirs })
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    for (
      let at = 0;
      at < Math.max(one.length, other.length) && changes.length < MOST_CHANGES;
      at++
    ) {
      const here = `${path}[${at}]`
      if (at >= other.length) note('removed', here, one[at], undefined)
      else if (at >= one.length) note('added', here, undefined, other[at])
      else walk(one[at], other[at], here, depth + 1, changes)
    }
  } else if (isRecord(one) && isRecord(other)) {
    for (const name of Object.keys(one)) {
      const here = path === '' ? name : `${path}.${name}`
      if (!Object.hasOwn(other, name)) note('removed', here, one[name], undefined)
      else walk(one[name], other[name], here, depth + 1, changes)
    }
    for (const name of Object.keys(other))
      if (!Object.hasOwn(one, name))
        note('added', path === '' ? name : `${path}.${name}`, undefined, other[name])
  } else if (kindOf(one) !== kindOf(other)) note('type', path, one, other)
  else note('changed', path, one, other)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'list' : typeof value
}

const MOST_LEAVES = 2_000

/**
 * How alike two JSON values are, 0 to 1, symmetric: the leaves at the same place with the same value, by the leaves of
 * both; a text that is another counts by the words it shares, for at most nine tenths.
 */
export function jsonAlike(
  one: unknown,
  other: unknown,
  textsAlike: (a: string, b: string) => number,
): number {
  const [mine, theirs] = [leavesOf(one), leavesOf(other)]
  if (mine.size === 0 && theirs.size === 0) return 1
  let alike = 0
  for (const [path, value] of mine) {
    if (!theirs.has(path)) continue
    const there = theirs.get(path)
    if (Object.is(value, there)) alike += 1
    else if (typeof value === 'string' && typeof there === 'string')
      alike += 0.9 * textsAlike(value, there)
  }
  return (2 * alike) / (mine.size + theirs.size)
}

function leavesOf(value: unknown): Map<string, unknown> {
  const leaves = new Map<string, unknown>()
  const visit = (here: unknown, path: string, depth: number): void => {
    if (leaves.size >= MOST_LEAVES || depth > MOST_DEPTH) return
    if (Array.isArray(here) && here.length > 0) {
      for (const [at, item] of here.entries()) visit(item, `${path}[${at}]`, depth + 1)
    } else if (isRecord(here) && Object.keys(here).length > 0) {
      for (const [name, member] of Object.entries(here)) visit(member, `${path}.${name}`, depth + 1)
    } else
      leaves.set(
        path,
        here === null || typeof here !== 'object' ? here : Array.isArray(here) ? '[]' : '{}',
      )
  }
  visit(value, '', 0)
  return leaves
}

/** JSON with the members of every object in the order of their names, so that equal values are equal texts. Below 32 levels: `…`. */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > MOST_DEPTH) return '"…"'
  if (Array.isArray(value))
    return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`
  if (isRecord(value)) {
    const members = Object.keys(value)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name], depth + 1)}`)
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}
