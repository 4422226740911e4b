import { expect, test } from 'vitest'
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
  expect(configOf(at('http://127.0.0.1:11434/v1')).embeddings?.key).toBeUndefined()
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
