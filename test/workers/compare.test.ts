import { expect, it } from 'vitest'
import { answerOf } from '../../src/compare/read-answer.ts'
import { bytesOf } from '../compare/answers.ts'
import { DIGEST, digestOf, told } from '../compare/told.ts'

it('comparing comes to what it comes to on Node', async () => {
  const { pairs, caught } = await told()
  expect({ pairs: digestOf(pairs), caught: digestOf(caught) }).toEqual(DIGEST)
})

it('A9: bytes that are no text are unparseable, wherever they are cut', () => {
  const bytes = new Uint8Array([
    ...bytesOf('data: {"choices":[{"index":0,"delta":{"content":"'),
    0xff,
    ...bytesOf('"}}]}\n\n'),
  ])
  for (let at = 0; at <= bytes.length; at++)
    expect(answerOf('chat', [bytes.subarray(0, at), bytes.subarray(at)]).state).toBe('unparseable')
})
