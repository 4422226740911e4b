import { beforeAll, describe, expect, it, test } from 'vitest'
import * as z from 'zod'
import { API, type Api, api } from './ask.ts'
import { REQUEST } from './fake-plane.ts'

/** The document says what the API does: every route, and every answer of a real run. */

interface Operation {
  readonly summary: string
  readonly security?: readonly object[]
  readonly parameters?: readonly { name: string; in: string; schema: object; required?: boolean }[]
  readonly requestBody?: { content: Record<string, { schema: object }> }
  readonly responses: Record<string, { content: Record<string, { schema: object }> }>
}

interface Document {
  readonly openapi: string
  readonly security: readonly object[]
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: {
    readonly schemas: Record<string, object>
    readonly securitySchemes: Record<string, object>
  }
}

let document: Document

beforeAll(async () => {
  const reply = await api().ask('GET', `${API}/openapi.json`)
  expect(reply.status).toBe(200)
  document = reply.json
})

/** What the document says of an answer, as something that can check one. */
function schemaOf(method: string, path: string, status: number): z.ZodType {
  const operation = document.paths[path]?.[method.toLowerCase()]
  const content = operation?.responses[String(status)]?.content['application/json']
  if (content === undefined) throw new Error(`${method} ${path} says nothing of ${status}`)
  const inlined = JSON.parse(
    JSON.stringify({ ...content.schema, $defs: document.components.schemas }).replaceAll(
      '#/components/schemas/',
      '#/$defs/',
    ),
  )
  return z.fromJSONSchema(inlined)
}

describe('openapi.json', () => {
  it('is OpenAPI 3.1, behind a token: the operator’s where something is written', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.security).toEqual([{ token: [] }, { viewer: [] }])
    expect(document.components.securitySchemes).toMatchObject({
      token: { type: 'http', scheme: 'bearer' },
      viewer: { type: 'http', scheme: 'bearer' },
    })
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const writes = method !== 'get' && path.startsWith(API)
        expect(operation.security, `${method} ${path}`).toEqual(
          writes ? [{ token: [] }] : undefined,
        )
      }
    }
  })

  test.each([
    ['get', '/rollouts'],
    ['get', '/rollouts/{name}'],
    ['post', '/rollouts/{name}/{command}'],
    ['put', '/rollouts/{name}/share'],
    ['get', '/rollouts/{name}/flushes'],
    ['get', '/events'],
    ['get', '/events/stream'],
    ['get', '/costs'],
    ['get', '/requests/{id}'],
    ['get', '/health'],
  ])('has %s %s', (method, path) => {
    const operation = document.paths[`${API}${path}`]?.[method]
    expect(operation?.summary).toEqual(expect.any(String))
    expect(Object.keys(operation?.responses ?? {})).toEqual(expect.arrayContaining(['200', '401']))
    const inPath = operation?.parameters?.filter((parameter) => parameter.in === 'path') ?? []
    expect(inPath.map(({ name }) => `{${name}}`).sort()).toEqual(
      (path.match(/\{\w+\}/g) ?? []).sort(),
    )
    expect(inPath.every(({ required }) => required)).toBe(true)
  })

  it('has every route there is, and no other', () => {
    const routes = api()
      .app.routes.filter(({ method, path }) => method !== 'ALL' && !path.endsWith('openapi.json'))
      .map(({ method, path }) => {
        const named = path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')
        return `${method.toLowerCase()} ${named}`
      })
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${path}`),
    )
    expect(new Set(described)).toEqual(new Set(routes))
  })

  it('names the commands, the bounds of a page and what a body holds', () => {
    const command = document.paths[`${API}/rollouts/{name}/{command}`]?.post
    expect(command?.parameters).toContainEqual(
      expect.objectContaining({
        name: 'command',
        schema: {
          type: 'string',
          enum: ['start', 'pause', 'resume', 'advance', 'promote', 'rollback', 'rearm', 'note'],
        },
      }),
    )
    expect(command?.requestBody?.content['application/json']?.schema).toEqual({
      $ref: '#/components/schemas/Command',
    })
    expect(document.components.schemas.Command).toMatchObject({
      required: ['by', 'reason'],
      properties: { by: { type: 'string' }, version: { type: 'integer', minimum: 0 } },
    })
    expect(document.components.schemas.Share).toMatchObject({
      required: ['by', 'reason', 'percent'],
    })
    const events = document.paths[`${API}/events`]?.get
    expect(events?.parameters).toContainEqual(
      expect.objectContaining({
        name: 'limit',
        in: 'query',
        schema: expect.objectContaining({
          type: 'integer',
          minimum: 1,
          maximum: 1000,
          default: 100,
        }),
      }),
    )
  })

  it('refers to nothing that is not there', () => {
    const text = JSON.stringify(document)
    const refs = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? '')
    expect(refs.length).toBeGreaterThan(20)
    for (const ref of refs) {
      expect(ref).toMatch(/^#\/components\/schemas\//)
      expect(Object.keys(document.components.schemas)).toContain(ref.split('/').at(-1))
    }
  })
})

describe('a real run', () => {
  const ALICE = { by: 'alice', reason: 'x' }
  type Step = readonly [string, string, string, object | undefined, number]
  const STEPS: readonly Step[] = [
    ['GET', '/rollouts', '/rollouts', undefined, 200],
    ['GET', '/rollouts/relay', '/rollouts/{name}', undefined, 200],
    ['GET', '/rollouts/relai', '/rollouts/{name}', undefined, 404],
    ['POST', '/rollouts/relay/start', '/rollouts/{name}/{command}', ALICE, 200],
    ['POST', '/rollouts/relay/start', '/rollouts/{name}/{command}', ALICE, 409],
    ['POST', '/rollouts/relay/start', '/rollouts/{name}/{command}', {}, 400],
    ['POST', '/rollouts/relay/start', '/rollouts/{name}/{command}', undefined, 415],
    ['POST', '/rollouts/relai/start', '/rollouts/{name}/{command}', ALICE, 404],
    ['POST', '/rollouts/relay/rollback', '/rollouts/{name}/{command}', undefined, 200],
    ['PUT', '/rollouts/relay/share', '/rollouts/{name}/share', { ...ALICE, percent: 5 }, 409],
    ['POST', '/rollouts/relay/rearm', '/rollouts/{name}/{command}', ALICE, 200],
    ['PUT', '/rollouts/relay/share', '/rollouts/{name}/share', { ...ALICE, percent: 5 }, 200],
    ['PUT', '/rollouts/relay/share', '/rollouts/{name}/share', { percent: 500 }, 400],
    [
      'PUT',
      '/rollouts/relay/share',
      '/rollouts/{name}/share',
      { ...ALICE, reason: 'x'.repeat(70_000), percent: 5 },
      413,
    ],
    ['GET', '/rollouts/relay/flushes', '/rollouts/{name}/flushes', undefined, 200],
    ['GET', '/events', '/events', undefined, 200],
    ['GET', '/events?limit=0', '/events', undefined, 400],
    ['GET', `/requests/${REQUEST.id}`, '/requests/{id}', undefined, 200],
    ['GET', '/costs', '/costs', undefined, 200],
    ['GET', '/costs?rollout=relay&by=model', '/costs', undefined, 200],
    ['GET', '/costs?by=week', '/costs', undefined, 400],
    ['GET', '/costs?rollout=relai', '/costs', undefined, 404],
    ['GET', '/requests/nobody', '/requests/{id}', undefined, 404],
    ['GET', '/health', '/health', undefined, 200],
  ]
  let one: Api

  beforeAll(() => {
    one = api()
  })

  test.each(STEPS)(
    '%s %s answers as the document says',
    async (method, path, template, json, status) => {
      const reply = await one.ask(method, API + path, { json })
      expect(reply.status).toBe(status)
      const schema = schemaOf(method, API + template, status)
      expect(schema.safeParse(reply.json)).toMatchObject({ success: true })
      expect(schema.safeParse({ something: 'else' }).success).toBe(false)
    },
  )

  const FLAGS = '/-/ofrep/v1/evaluate/flags'
  test.each([
    [`${FLAGS}/relay`, `${FLAGS}/{key}`, { context: { targetingKey: 'u' } }, 200],
    [`${FLAGS}/relay`, `${FLAGS}/{key}`, { context: {} }, 400],
    [`${FLAGS}/relai`, `${FLAGS}/{key}`, { context: { targetingKey: 'u' } }, 404],
    [FLAGS, FLAGS, { context: { targetingKey: 'u' } }, 200],
    [FLAGS, FLAGS, { context: {} }, 400],
  ])('POST %s answers as the document says: %s, %j, %i', async (path, template, json, status) => {
    const reply = await one.ask('POST', path, { json })
    expect(reply.status).toBe(status)
    const schema = schemaOf('POST', template, status)
    expect(schema.safeParse(reply.json)).toMatchObject({ success: true })
    expect(schema.safeParse({ something: 'else' }).success).toBe(false)
  })
})
