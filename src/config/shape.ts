import * as z from 'zod'
import type { Path } from './fault.ts'
import { configSchema } from './schema.ts'
import type { Located } from './tree.ts'

/** What the schema wants at a path: for "allowed keys", "did you mean", types, and what must never be printed. */

/** One way to fill a place. A union gives several. */
export interface Shape {
  readonly schema: z.core.$ZodTypes
  /** The id a schema was given, such as `duration` or `secret`. */
  readonly id: string | null
}

/** @returns every shape that may stand at `path`; none where the schema knows no such place */
export function shapesAt(path: Path): readonly Shape[] {
  let shapes = unwrapped(configSchema, null)
  for (const part of path) shapes = shapes.flatMap((shape) => inside(shape, part))
  return shapes
}

/** @returns the keys that may stand in the map at `path`; empty where any may, or none */
export function keysAt(path: Path): readonly string[] {
  const keys = shapesAt(path).flatMap(({ schema }) => {
    const { def } = schema._zod
    if (def.type === 'object') return Object.keys(def.shape)
    const names = def.type === 'record' ? unwrapped(def.keyType, null) : []
    return names.flatMap((shape) => wordsOf([shape]))
  })
  return [...new Set(keys)]
}

/** @returns the closed list of words among `shapes` */
export function wordsOf(shapes: readonly Shape[]): readonly string[] {
  return shapes.flatMap(({ schema }) => {
    const { def } = schema._zod
    const values =
      def.type === 'literal'
        ? def.values
        : def.type === 'enum'
          ? Object.values(def.entries as Record<string, unknown>)
          : []
    return values.filter((value) => typeof value === 'string')
  })
}

/** Places that hold a secret, or may by mistake: nothing that stands there is ever printed. */
export function isSecretAt(path: Path): boolean {
  const text = path.map((part) => (typeof part === 'number' ? '#' : part)).join('\n')
  if (SECRET_PLACES.some((place) => place.test(text))) return true
  return path.some((_, index) =>
    shapesAt(path.slice(0, index + 1)).some((shape) => shape.id === 'secret'),
  )
}

const SECRET_PLACES = [
  /^upstreams\n[^\n]+\n(auth|headers|baseUrl|params)(\n|$)/,
  /^control\n(token|viewer|traceUrl)(\n|$)/,
  /^state\nredis(\n|$)/,
  /^flags\nunleash(\n|$)/,
  /^callers\n#\nsha256$/,
  /^webhooks\n#\nurl(\n|$)/,
]

/** `a whole number in 0..65535`, `a duration such as 30s`, `"auto" or "manual"`. */
export function wantedText(shapes: readonly Shape[]): string {
  const texts = new Set<string>()
  const secret = shapes.some((shape) => shape.id === 'secret')
  if (secret) texts.add(NOUNS.secret ?? '')
  for (const shape of shapes) if (shape.id !== 'secret') texts.add(textOf(shape))
  const all = [...texts]
  const last = all.pop() ?? 'something else'
  return all.length === 0 ? last : `${all.join(', ')} or ${last}`
}

/**
 * The tree with what came out of `${…}` turned into the number or boolean the schema wants there. The environment
 * holds text only; without this `port: ${PORT}` could never be a number.
 */
export function typed(tree: Located): Located {
  const visit = (node: Located, path: Path): Located => {
    if (node.entries) {
      const pairs = [...node.entries].map(([key, entry]) => [key, visit(entry, [...path, key])])
      return { ...node, entries: new Map(pairs as [string, Located][]) }
    }
    if (node.items) {
      return { ...node, items: node.items.map((item, index) => visit(item, [...path, index])) }
    }
    if (node.written === undefined || typeof node.value !== 'string') return node
    return { ...node, value: valueFor(node.value, shapesAt(path)) }
  }
  return visit(tree, [])
}

function valueFor(text: string, shapes: readonly Shape[]): string | number | boolean {
  const kinds = new Set(shapes.flatMap(({ schema }) => kindsOf(schema)))
  if (kinds.has('string')) return text
  const trimmed = text.trim()
  if (kinds.has('boolean') && /^(true|false)$/.test(trimmed)) return trimmed === 'true'
  const number = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : null
  return kinds.has('number') && number !== null ? number : text
}

function kindsOf(schema: z.core.$ZodTypes): string[] {
  const { def } = schema._zod
  if (def.type === 'literal') return def.values.map((value) => typeof value)
  return [def.type === 'enum' ? 'string' : def.type]
}

function inside({ schema }: Shape, part: string | number): Shape[] {
  const { def } = schema._zod
  if (def.type === 'array') return typeof part === 'number' ? unwrapped(def.element, null) : []
  if (typeof part === 'number') return []
  if (def.type === 'record') return unwrapped(def.valueType, null)
  if (def.type !== 'object' || !Object.hasOwn(def.shape, part)) return []
  const child = def.shape[part]
  return child === undefined ? [] : unwrapped(child, null)
}

function unwrapped(type: z.core.$ZodType, outerId: string | null): Shape[] {
  const schema = type as z.core.$ZodTypes
  const id = idOf(schema) ?? outerId
  const { def } = schema._zod
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
    case 'nullable':
    case 'readonly':
      return unwrapped(def.innerType, id)
    case 'pipe':
      return unwrapped(def.in, id)
    case 'lazy':
      return unwrapped(def.getter(), id)
    case 'union':
      return def.options.flatMap((option) => unwrapped(option, id))
    default:
      return [{ schema, id }]
  }
}

/** A described or refined schema is a copy; its id stays with the schema it was copied from. */
function idOf(schema: z.core.$ZodType): string | null {
  for (let at: z.core.$ZodType | undefined = schema; at; at = at._zod.parent) {
    const id = z.globalRegistry.get(at)?.id
    if (id !== undefined) return id
  }
  return null
}

const NOUNS: Readonly<Record<string, string>> = {
  duration: 'a duration such as 30s',
  timeout: 'a duration such as 30s',
  bytes: 'a size such as 32MB',
  percent: 'a percentage such as 1%',
  margin: 'a margin such as 0.1pp or 10%',
  secret: '{ env: NAME }, { file: PATH } or { binding: NAME }',
}

function textOf({ schema, id }: Shape): string {
  const noun = id === null ? undefined : NOUNS[id]
  if (noun !== undefined) return noun
  const { def } = schema._zod
  switch (def.type) {
    case 'string':
      return 'text'
    case 'number':
      return numberText(schema)
    case 'boolean':
      return 'true or false'
    case 'literal':
      return def.values.map((value) => JSON.stringify(value)).join(' or ')
    case 'enum':
      return `one of ${Object.values(def.entries as Record<string, unknown>).join(', ')}`
    case 'array':
      return 'a list'
    case 'null':
      return 'null'
    case 'object': {
      const required = Object.entries(def.shape).filter(
        ([, child]) => child._zod.optin === undefined,
      )
      return required.length === 0 || required.length > 2
        ? 'a map'
        : `{ ${required.map(([key]) => `${key}: …`).join(', ')} }`
    }
    default:
      return 'a map'
  }
}

function numberText({ _zod: { def } }: z.core.$ZodTypes): string {
  let from: number | null = null
  let to: number | null = null
  let excludesFrom = false
  for (const check of def.checks ?? []) {
    const bound = check._zod.def as Partial<z.core.$ZodCheckLessThanDef>
    if (typeof bound.value !== 'number') continue
    if (bound.check === 'less_than') to = bound.value
    else [from, excludesFrom] = [bound.value, bound.inclusive === false]
  }
  const noun = 'format' in def ? 'a whole number' : 'a number'
  if (from === null) return to === null ? noun : `${noun} of at most ${to}`
  if (excludesFrom) return `${noun} above ${from}${to === null ? '' : ` and at most ${to}`}`
  return to === null ? `${noun} of at least ${from}` : `${noun} in ${from}..${to}`
}
