import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { configSchema } from '../src/config/schema.ts'

/** `schema/headgate.v1.json`, which editors read beside `headgate.yaml`. Draft 7 is what their YAML server knows. */

const FILE = join(import.meta.dirname, '../schema/headgate.v1.json')

type Json = z.core.JSONSchema.JSONSchema

/** The schema as text; the same for the same code. */
export function schemaText(): string {
  const schema = z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' }) as Json
  const definitions: Record<string, Json> = { ...(schema.definitions as Record<string, Json>) }
  for (const [name, definition] of Object.entries(definitions)) {
    // A secret is a reference: what is filled in from the environment would be the secret itself.
    if (name !== 'secret') definitions[name] = withInterpolation(definition)
  }
  const whole = withInterpolation(schema)
  whole.definitions = { ...definitions, interpolated: INTERPOLATED }
  return `${JSON.stringify(whole, null, 2)}\n`
}

const INTERPOLATED: Json = {
  type: 'string',
  pattern: '\\$\\{',
  description: `Filled in from the environment: \${VAR}, \${VAR:-default}, \${VAR:?message}.`,
}

/** Numbers, booleans and text of a fixed form may also be written as `${VAR}`, which is text in the file. */
function withInterpolation(schema: Json): Json {
  const { properties, additionalProperties, items, anyOf, ...rest } = schema
  const inner: Json = { ...rest }
  if (properties) {
    inner.properties = Object.fromEntries(
      Object.entries(properties).map(([key, value]) => [key, withInterpolation(value as Json)]),
    )
  }
  if (additionalProperties !== undefined) {
    inner.additionalProperties =
      typeof additionalProperties === 'boolean'
        ? additionalProperties
        : withInterpolation(additionalProperties)
  }
  if (items) inner.items = withInterpolation(items as Json)
  if (anyOf) inner.anyOf = anyOf.map((one) => withInterpolation(one as Json))
  const isTyped = ['integer', 'number', 'boolean'].includes(String(schema.type))
  const isFormed = schema.pattern ?? schema.format ?? schema.enum
  if (schema.const !== undefined || !(isTyped || isFormed !== undefined)) return inner
  const { description, default: initial, ...form } = inner
  return {
    ...(description === undefined ? {} : { description }),
    ...(initial === undefined ? {} : { default: initial }),
    anyOf: [form, { $ref: '#/definitions/interpolated' }],
  }
}

if (import.meta.main) {
  const text = schemaText()
  const [file = FILE] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
  if (process.argv.includes('--check')) {
    let stored = ''
    try {
      stored = readFileSync(file, 'utf8')
    } catch {
      // Absent: as good as different.
    }
    const same = stored === text
    console.log(`schema: ${same ? 'up to date' : `${file} is not what the code makes`}`)
    if (!same) console.error('schema: run `npm run schema` and commit what it writes')
    process.exitCode = same ? 0 : 1
  } else {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    console.log(`schema: wrote ${file}`)
  }
}
