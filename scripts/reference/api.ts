import type { ControlPlane } from '../../src/api/plane.ts'
import { controlApp } from '../../src/api/routes.ts'

/** `docs/reference/api.md`: every route of the control plane, made from its own `openapi.json`. */

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly additionalProperties?: Schema | boolean
}

interface Content {
  readonly description?: string
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

interface Operation {
  readonly summary: string
  readonly description?: string
  readonly security?: readonly object[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly description?: string
    readonly schema: Schema
  }[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

export async function apiText(): Promise<string> {
  // The document is made from the routes; nobody asks the plane behind them.
  const app = controlApp({} as ControlPlane, { vouched: async () => true })
  const document = (await (await app.request('/-/api/v1/openapi.json')).json()) as Document
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => sectionOf(method, path, operation)),
  )
  const schemas = Object.entries(document.components.schemas)
    .filter(([name]) => !name.startsWith('__'))
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(
      ([name, schema]) =>
        `### ${name}\n\n${schema.properties ? fieldsOf(schema) : `${typeOf(schema)}.`}`,
    )
  return `# The API of the control plane

After this page you know every call, what it takes and what it answers. It is made from \`/-/api/v1/openapi.json\` (\`npm run reference\`), which a running
Headgate serves.

Every call wants \`Authorization: Bearer\` and \`control.token\`, or \`control.viewer\` where it only reads; [SECURITY.md](../../SECURITY.md) says what that
protects. Bodies are JSON. Shares are numbers in percent, times ISO 8601 UTC, lists \`{items, next}\`: pass \`next\` as \`after\`.

## Calls

${operations.join('\n\n')}

## What they answer

${schemas.join('\n\n')}
`
}

function sectionOf(method: string, path: string, operation: Operation): string {
  const { summary, description, parameters = [], requestBody, responses, security } = operation
  const lines = [
    `### ${method.toUpperCase()} ${path}`,
    `${summary}.${security ? ' Only with `control.token`.' : ''}`,
  ]
  if (description !== undefined) lines.push(description)
  if (parameters.length > 0) {
    const rows = parameters.map(
      ({ name, in: where, required, description: says = '', schema }) =>
        `| \`${name}\` | ${where} | ${typeOf(schema)}${required ? ', required' : ''} | ${cell(says || (schema.description ?? ''))} |`,
    )
    lines.push(`| parameter | in | type | |\n| --- | --- | --- | --- |\n${rows.join('\n')}`)
  }
  const body = requestBody?.content?.['application/json']?.schema
  if (body !== undefined) {
    lines.push(
      body.properties === undefined ? `Takes ${typeOf(body)}.` : `Takes:\n\n${fieldsOf(body)}`,
    )
  }
  const answers = Object.entries(responses).map(([status, { description: says = '', content }]) => {
    const [[media = '', { schema } = { schema: {} }] = []] = Object.entries(content ?? {})
    const shape = media === 'application/json' ? typeOf(schema) : media === '' ? '' : `\`${media}\``
    return `| ${status} | ${status === '200' ? '' : cell(says)} | ${shape} |`
  })
  lines.push(`| answers | | |\n| --- | --- | --- |\n${answers.join('\n')}`)
  return lines.join('\n\n')
}

function fieldsOf({ properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(([name, schema]) => {
    const optional = required.includes(name) ? '' : ', optional'
    return `| \`${name}\` | ${typeOf(schema)}${optional} | ${cell(schema.description ?? '')} |`
  })
  return `| field | type | |\n| --- | --- | --- |\n${rows.join('\n')}`
}

function typeOf(schema: Schema): string {
  const { $ref, anyOf, items, properties, additionalProperties } = schema
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1) ?? ''
    // Zod names recursive types `__schema0` and so on: here that is JSON itself.
    if (name.startsWith('__')) return 'any JSON'
    return `[${name}](#${name.toLowerCase()})`
  }
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum !== undefined) return schema.enum.map((one) => `\`${String(one)}\``).join(', ')
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeOf))].join(' or ')
  if (items !== undefined) return `list of ${typeOf(items)}`
  if (properties !== undefined) {
    return `\`{${Object.keys(properties).join(', ')}}\``
  }
  if (typeof additionalProperties === 'object') return `map of ${typeOf(additionalProperties)}`
  return [schema.type ?? 'any'].flat().join(' or ')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
