import * as z from 'zod'
import { configSchema } from '../../src/config/schema.ts'

/** `docs/reference/config.md`: one row a key, made from the schema, so that it cannot say what the code does not. */

type Json = z.core.JSONSchema.JSONSchema

const HEAD = `# Configuration

After this page you know every key of \`headgate.yaml\`. It is made from the schema (\`npm run reference\`); editors read the same in
\`schema/headgate.v1.json\`. \`NAME\` is a name of your own, \`[]\` an element of a list. Where a value is written \`\${VAR}\`,
\`\${VAR:-default}\` or \`\${VAR:?message}\`, it is filled in from the environment; secrets are references (\`{ env: VAR }\`,
\`{ file: path }\`), never values. \`headgate check\` reports every fault with line and column.

| key | type | default | meaning |
| --- | --- | --- | --- |
`

export function configText(): string {
  const schema = z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' }) as Json
  const definitions = (schema.definitions ?? {}) as Record<string, Json>
  const rows: string[] = []
  walk(schema, '', definitions, new Set(schema.required ?? []), rows)
  return `${HEAD}${[...new Set(rows)].join('\n')}\n`
}

function walk(
  schema: Json,
  path: string,
  definitions: Record<string, Json>,
  required: ReadonlySet<string>,
  rows: string[],
  /** Keys of other forms of the same object: one of them in its place, and nothing here is required. */
  unless: readonly string[] = [],
): void {
  for (const [key, raw] of Object.entries((schema.properties ?? {}) as Record<string, Json>)) {
    if (key === '$schema') continue
    const here = path === '' ? key : `${path}.${key}`
    const value = resolved(raw, definitions)
    const initial = raw.default ?? value.default
    const shown =
      initial === undefined
        ? required.has(key)
          ? requiredUnless(unless)
          : ''
        : `\`${JSON.stringify(initial)}\``
    const meaning = raw.description ?? value.description ?? ''
    if (isObject(value) && initial === undefined && meaning === '') {
      inner(value, here, definitions, rows)
      continue
    }
    rows.push(`| \`${here}\` | ${typeOf(raw, definitions)} | ${cell(shown)} | ${cell(meaning)} |`)
    if (definitionOf(raw) === null) inner(value, here, definitions, rows)
  }
}

function requiredUnless(unless: readonly string[]): string {
  if (unless.length === 0) return '**required**'
  return `**required**, unless ${unless.map((key) => `\`${key}\``).join(' or ')}`
}

function inner(
  value: Json,
  here: string,
  definitions: Record<string, Json>,
  rows: string[],
  unless: readonly string[] = [],
): void {
  walk(value, here, definitions, new Set(value.required ?? []), rows, unless)
  if (typeof value.additionalProperties === 'object') {
    const entry = value.additionalProperties
    if (definitionOf(entry) === null) inner(entry, `${here}.NAME`, definitions, rows)
  }
  if (typeof value.items === 'object') {
    const element = value.items as Json
    if (definitionOf(element) === null) inner(element, `${here}[]`, definitions, rows)
  }
  const options = ((value.anyOf ?? []) as Json[]).filter((each) => definitionOf(each) === null)
  for (const option of options) {
    const others = options.filter((each) => each !== option)
    const firsts = others.flatMap(({ required = [] }) => required.slice(0, 1))
    const unless = firsts.filter((key) => option.required?.includes(key) !== true)
    inner(option, here, definitions, rows, unless)
  }
}

function typeOf(schema: Json, definitions: Record<string, Json>): string {
  const definition = definitionOf(schema)
  // Zod names recursive types `__schema0` and so on: here that is JSON itself.
  if (definition !== null) return definition.startsWith('__') ? 'any JSON' : definition
  const value = resolved(schema, definitions)
  if (value.const !== undefined) return `\`${JSON.stringify(value.const)}\``
  if (value.enum) return value.enum.map((each) => `\`${String(each)}\``).join(', ')
  if (value.anyOf) {
    const types = value.anyOf.map((each) => typeOf(each as Json, definitions))
    return [...new Set(types)].join(', ')
  }
  if (value.type === 'array' && typeof value.items === 'object') {
    return `list of ${typeOf(value.items as Json, definitions)}`
  }
  if (value.type === 'object' && typeof value.additionalProperties === 'object') {
    return `map of ${typeOf(value.additionalProperties, definitions)}`
  }
  return String(value.type ?? 'any')
}

function isObject(value: Json): boolean {
  return value.type === 'object' && value.properties !== undefined
}

function definitionOf(schema: Json): string | null {
  const ref = schema.$ref ?? (schema.allOf?.[0] as Json | undefined)?.$ref
  return ref?.replace('#/definitions/', '') ?? null
}

function resolved(schema: Json, definitions: Record<string, Json>): Json {
  const name = definitionOf(schema)
  return name === null ? schema : { ...definitions[name], ...schema }
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
