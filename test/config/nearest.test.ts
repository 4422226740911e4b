import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nearest } from '../../src/config/nearest.ts'

const WORDS = ['control', 'canary', 'upstreams', 'baseUrl', 'rollouts', 'flags', 'auth']

test.each([
  ['contorl', 'control'],
  ['control ', 'control'],
  ['Control', 'control'],
  ['upstream', 'upstreams'],
  ['base_url', 'baseUrl'],
  ['base-URL', 'baseUrl'],
  ['rolouts', 'rollouts'],
  ['flag', 'flags'],
  ['atuh', 'auth'],
])('%j was probably %s', (word, meant) => {
  expect(nearest(word, WORDS)).toBe(meant)
})

test.each(['', 'x', 'server', 'azure', 'bath', 'x'.repeat(10_000)])(
  '%j is nothing near',
  (word) => {
    expect(
      nearest(
        word.slice(0, 5_000),
        WORDS.filter((one) => one !== 'auth'),
      ),
    ).toBeNull()
  },
)

test('of two the nearer one is meant', () => {
  expect(nearest('contro', ['contra2', 'control', 'cntr'])).toBe('control')
})

test('a word that is there is itself, and one edit of a long word finds it', () => {
  const word = fc.stringMatching(/^[a-z]{6,12}$/)
  fc.assert(
    fc.property(word, fc.nat(11), fc.stringMatching(/^[a-z]$/), (text, at, letter) => {
      expect(nearest(text, [text])).toBe(text)
      const place = at % text.length
      const edited = text.slice(0, place) + letter + text.slice(place + 1)
      expect(nearest(edited, [text])).toBe(text)
    }),
  )
})
