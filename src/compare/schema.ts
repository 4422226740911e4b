import { isRecord } from '../wire/value.ts'
import { canonicalJson } from './json.ts'

/**
 * Does a value fit a JSON Schema? The part of the language that structured outputs use: types, members, items, `enum`,
 * `const`, bounds, `anyOf`, `oneOf`, `allOf`, `$ref` within the schema. What it does not know (patterns, formats) it takes for
 * fitting: it never calls a good answer bad. Never throws.
 */
export function fits(schema: unknown, value: unknown): boolean {
  return new Check(schema).fits(schema, value, 0)
}

const MOST_DEPTH = 32
const MOST_STEPS = 20_000

class Check {
  readonly #root: unknown
  #steps = 0

  constructor(root: unknown) {
    this.#root = root
  }

  fits(schema: unknown, value: unknown, depth: number): boolean {
    if (schema === false) return false
    if (!isRecord(schema) || depth > MOST_DEPTH || ++this.#steps > MOST_STEPS) return true
    const inner = (one: unknown, of: unknown = value) => this.fits(one, of, depth + 1)
    if (typeof schema['$ref'] === 'string' && !inner(this.#resolved(schema['$ref']))) return false
    if (!isOfType(schema['type'], value)) return false
    const equals = (one: unknown) => canonicalJson(one) === canonicalJson(value)
    if (Array.isArray(schema['enum']) && !schema['enum'].some(equals)) return false
    if (Object.hasOwn(schema, 'const') && !equals(schema['const'])) return false
    const { anyOf, oneOf, allOf } = schema
    if (Array.isArray(anyOf) && !anyOf.some((one) => inner(one))) return false
    if (Array.isArray(oneOf) && !oneOf.some((one) => inner(one))) return false
    if (Array.isArray(allOf) && !allOf.every((one) => inner(one))) return false
    if (!isWithin(schema, value)) return false
    if (Array.isArray(value)) return value.every((item) => inner(schema['items'] ?? true, item))
    return !isRecord(value) || this.#members(schema, value, inner)
  }

  #members(
    schema: Record<string, unknown>,
    value: Record<string, unknown>,
    inner: (schema: unknown, value: unknown) => boolean,
  ): boolean {
    const { required, properties, additionalProperties } = schema
    if (Array.isArray(required)) {
      for (const name of required)
        if (typeof name === 'string' && !Object.hasOwn(value, name)) return false
    }
    const known = isRecord(properties) ? properties : {}
    return Object.entries(value).every(([name, member]) =>
      Object.hasOwn(known, name)
        ? inner(known[name], member)
        : schema['patternProperties'] !== undefined || inner(additionalProperties ?? true, member),
    )
  }

  /** `#/$defs/step`; what leads nowhere fits everything. */
  #resolved(reference: string): unknown {
    if (!reference.startsWith('#')) return true
    let here: unknown = this.#root
    for (const part of reference.slice(1).split('/').slice(1)) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
      if (!isRecord(here) || !Object.hasOwn(here, name)) return true
      here = here[name]
    }
    return here
  }
}

function isOfType(type: unknown, value: unknown): boolean {
  if (Array.isArray(type)) return type.some((one) => isOfType(one, value))
  switch (type) {
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === type
    case 'integer':
      return Number.isInteger(value)
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isRecord(value)
    default:
      return true
  }
}

function isWithin(schema: Record<string, unknown>, value: unknown): boolean {
  const held = (name: string, holds: (bound: number) => boolean): boolean => {
    const bound = schema[name]
    return typeof bound !== 'number' || holds(bound)
  }
  if (typeof value === 'number')
    return (
      held('minimum', (bound) => value >= bound) &&
      held('maximum', (bound) => value <= bound) &&
      held('exclusiveMinimum', (bound) => value > bound) &&
      held('exclusiveMaximum', (bound) => value < bound)
    )
  if (typeof value === 'string') {
    const length = [...value].length
    return (
      held('minLength', (bound) => length >= bound) && held('maxLength', (bound) => length <= bound)
    )
  }
  if (Array.isArray(value))
    return (
      held('minItems', (bound) => value.length >= bound) &&
      held('maxItems', (bound) => value.length <= bound)
    )
  return true
}
