import { expect, test } from 'vitest'
import { nodeFaults } from '../../src/config/node.ts'
import { secretUses } from '../../src/config/secrets.ts'
import { configOf, linesOf, small } from './read.ts'

/** `embeddings:` of headgate.yaml. */

const at = (baseUrl: string, more = '') =>
  small(`embeddings: { baseUrl: "${baseUrl}", model: text-embedding-3-small${more} }`)

test('nobody makes vectors unless somebody is named', () => {
  expect(configOf(small()).embeddings).toBeUndefined()
})

test('a place, a model, a key by reference, and how long it may take', () => {
  const config = configOf(
    at('https://api.openai.com/v1', ', key: { env: OPENAI_API_KEY }, dimensions: 256'),
  )
  expect(config.embeddings).toEqual({
    baseUrl: 'https://api.openai.com/v1',
    model: 'text-embedding-3-small',
    key: { env: 'OPENAI_API_KEY' },
    dimensions: 256,
    timeout: 10_000,
  })
  expect(secretUses(config)).toContainEqual({
    path: ['embeddings', 'key'],
    ref: { env: 'OPENAI_API_KEY' },
    kind: 'token',
  })
  expect(configOf(at('http://127.0.0.1:11434/v1')).embeddings).not.toHaveProperty('key')
})

test.each([
  'http://models.example/v1',
  'https://a:b@models.example/v1',
  'https://models.example/v1?key=1',
  'ftp://models.example',
  'models',
])('%s is no place for texts of callers', (baseUrl) => {
  expect(linesOf(at(baseUrl)).join('\n')).toContain('embeddings.baseUrl')
})

test('a literal key is refused', () => {
  expect(linesOf(at('https://api.openai.com/v1', ', key: sk-12345')).join('\n')).toContain(
    'embeddings.key',
  )
})

const onWorkers = (what: string) => small(`embeddings: { workersAi: ${what} }`)

test('a binding of Workers AI, and one of its models', () => {
  expect(configOf(onWorkers('{}')).embeddings).toEqual({
    workersAi: { binding: 'AI', model: '@cf/baai/bge-m3' },
    timeout: 10_000,
  })
  const other = onWorkers('{ binding: MODELS, model: "@cf/baai/bge-small-en-v1.5" }, timeout: 2s')
  expect(configOf(other).embeddings).toEqual({
    workersAi: { binding: 'MODELS', model: '@cf/baai/bge-small-en-v1.5' },
    timeout: 2_000,
  })
})

test('a place and a binding are one too many', () => {
  const both = at('https://api.openai.com/v1', ', workersAi: {}')
  expect(linesOf(both)).toEqual([
    expect.stringMatching(/embeddings takes either .* or .*, not both/),
  ])
})

test.each(['{ binding: "my AI" }', '{ binding: "" }'])('%s is no name', (what) => {
  expect(linesOf(onWorkers(what))).toEqual([
    expect.stringContaining('embeddings.workersAi.binding must be a name such as AI'),
  ])
})

test('Node has no such binding', () => {
  expect(nodeFaults(configOf(onWorkers('{}')))).toEqual([
    {
      path: ['embeddings', 'workersAi'],
      message: 'is the Worker binding AI, which Node does not have',
      suggestion: expect.stringContaining('embeddings.baseUrl'),
    },
  ])
  expect(nodeFaults(configOf(at('https://api.openai.com/v1')))).toEqual([])
  expect(nodeFaults(configOf(small()))).toEqual([])
})
