import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { targetOf } from '../../src/proxy/target.ts'

describe('a request target', () => {
  it.each([
    ['/v1/chat/completions', '/v1/chat/completions', ''],
    ['/v1/models/ft:gpt-5.2:acme::x', '/v1/models/ft:gpt-5.2:acme::x', ''],
    ['/v1/models/ft%3Agpt', '/v1/models/ft%3Agpt', ''],
    ['/v1/files?limit=3&after=file-1', '/v1/files', '?limit=3&after=file-1'],
    ['/v1/files?key=secret&limit=3', '/v1/files', '?limit=3'],
    ['/v1/files?k%65y=secret', '/v1/files', ''],
    ['/v1/files?API_KEY=x&access_token=y', '/v1/files', ''],
    ['/v1/a%20b', '/v1/a%20b', ''],
  ])('%s is taken', (raw, path, query) => {
    expect(targetOf(raw)).toEqual({ path, query })
  })

  it.each([
    '/',
    '/v1',
    '/v2/chat/completions',
    '/V1/chat/completions',
    '//v1/chat/completions',
    '/v1//chat/completions',
    '/v1/../admin',
    '/v1/./models',
    '/v1/models/..',
    '/v1/%2e%2e/admin',
    '/v1/%2E./admin',
    '/v1/models%2fgpt',
    '/v1/models%5cgpt',
    '/v1\\models',
    '/v1/models;x=1',
    '/v1/models%3Bx',
    '/v1/models%00',
    '/v1/models%0d%0aX:y',
    '/v1/models%252e',
    '/v1/ch%61t/completions',
    '/v1/models%',
    '/v1/models%zz',
    '/v1/modèles',
    '/v1/models#x',
    '/v1/models?a b',
    '/v1/models?x#y',
    'http://evil.example/v1/models',
    '@evil.example/v1/models',
    '',
  ])('%s is refused', (raw) => {
    expect(targetOf(raw)).toBeNull()
  })

  it('C1: leads to no other host and no other path, whatever is sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 40 }), (text) => {
        const target = targetOf(`/v1/${text}`)
        if (target === null) return
        const url = new URL(`https://upstream.test${target.path}${target.query}`)
        expect(url.host).toBe('upstream.test')
        expect(url.pathname).toBe(target.path)
      }),
      { numRuns: 5_000 },
    )
  })
})
