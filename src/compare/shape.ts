import { isRecord } from '../wire/value.ts'

/** Paths and types of JSON, without a value: `choices[].message.content: string`. */

const MOST_PATHS = 256
const MOST_DEPTH = 12
/** Items of a list that are looked at: the others are of the same kind, or it is a table of values. */
const MOST_ITEMS = 4

/** Members below which content lies: a caller's schema, not the endpoint's. */
const CONTENT = new Set(['arguments', 'input', 'embedding', 'metadata', 'logprobs', 'parameters'])

/** Paths with the types seen at each. Never throws; at most 256 paths, 12 levels deep. */
export function addShape(into: Map<string, Set<string>>, value: unknown): void {
  walk(into, '', value, 0)
}

function walk(into: Map<string, Set<string>>, path: string, value: unknown, depth: number): void {
  if (depth > 0) {
    let types = into.get(path)
    if (types === undefined) {
      if (into.size >= MOST_PATHS) return
      types = new Set()
      into.set(path, types)
    }
    types.add(typeOf(value))
  }
  if (depth >= MOST_DEPTH) return
  if (Array.isArray(value)) {
    for (const item of value.slice(0, MOST_ITEMS)) walk(into, `${path}[]`, item, depth + 1)
  } else if (isRecord(value)) {
    for (const [name, member] of Object.entries(value)) {
      const inside = path === '' ? name : `${path}.${name}`
      walk(into, inside, CONTENT.has(name) ? null : member, depth + 1)
    }
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'list' : typeof value
}
