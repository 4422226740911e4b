import { describe, expect, it, test } from 'vitest'
import type { ArmAnswer } from '../../src/api/plane.ts'
import { controlApp } from '../../src/api/routes.ts'
import { bucketOf } from '../../src/proxy/bucket.ts'
import { api } from './ask.ts'
import { fakePlane, VIEWER } from './fake-plane.ts'

/** OFREP 0.3.0, by its letter: what is asked, what is answered, and how it says no. */

const FLAGS = '/-/ofrep/v1/evaluate/flags'

const about = (targetingKey: unknown, more = {}) => ({
  json: { context: { targetingKey, ...more } },
})

describe('one rollout', () => {
  it('is a flag: true and `canary` for a unit that is in, with what was drawn', async () => {
    const reply = await api().ask('POST', `${FLAGS}/relay`, about('team-38'))
    expect(reply.status).toBe(200)
    const bucket = bucketOf('relay', 'team-38')
    expect(reply.json).toEqual({
      key: 'relay',
      value: bucket < 5_000,
      variant: bucket < 5_000 ? 'canary' : 'control',
      reason: 'SPLIT',
      metadata: { reason: 'split', bucket, share: 50, epoch: 1, version: 0 },
    })
  })

  it('holds no null: what was not drawn has no bucket', async () => {
    const asked = about('team-38', { model: 'unmatched' })
    const reply = await api().ask('POST', `${FLAGS}/relay`, asked)
    expect(reply.json).toEqual({
      key: 'relay',
      value: false,
      variant: 'control',
      reason: 'TARGETING_MATCH',
      metadata: { reason: 'unmatched', share: 0, epoch: 1, version: 0 },
    })
  })

  it('is FLAG_NOT_FOUND, and 404, where there is none of this name', async () => {
    const reply = await api().ask('POST', `${FLAGS}/relai`, about('team-38'))
    expect(reply.status).toBe(404)
    expect(reply.json).toEqual({
      key: 'relai',
      errorCode: 'FLAG_NOT_FOUND',
      errorDetails: 'There is no rollout of this name.',
    })
  })

  test.each([
    ['no JSON', '{', 'PARSE_ERROR'],
    ['nothing', '', 'PARSE_ERROR'],
    ['a list', '[]', 'INVALID_CONTEXT'],
    ['no context', '{}', 'INVALID_CONTEXT'],
    ['a context that is none', '{"context":"team-38"}', 'INVALID_CONTEXT'],
    ['no targeting key', '{"context":{"user":"u"}}', 'TARGETING_KEY_MISSING'],
    ['an empty targeting key', '{"context":{"targetingKey":""}}', 'TARGETING_KEY_MISSING'],
    ['a targeting key of null', '{"context":{"targetingKey":null}}', 'TARGETING_KEY_MISSING'],
    ['a targeting key that is no text', '{"context":{"targetingKey":7}}', 'INVALID_CONTEXT'],
  ])('%s is 400 with its code', async (_, body, errorCode) => {
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    const single = await api().ask('POST', `${FLAGS}/relay`, { body, headers })
    expect(single.status).toBe(400)
    expect(single.json).toEqual({ key: 'relay', errorCode, errorDetails: expect.any(String) })
    const bulk = await api().ask('POST', FLAGS, { body, headers })
    expect(bulk.status).toBe(400)
    expect(bulk.json).toEqual({ errorCode, errorDetails: expect.any(String) })
  })

  it('is not answered to a form of some page, nor to a body without an end', async () => {
    const { ask } = api()
    const form = {
      body: '{"context":{"targetingKey":"u"}}',
      headers: { 'content-type': 'text/plain' },
    }
    expect((await ask('POST', `${FLAGS}/relay`, form)).status).toBe(415)
    expect((await ask('POST', `${FLAGS}/relay`, about('u'.repeat(70_000)))).status).toBe(413)
  })

  test.each([
    ['split', 'SPLIT'],
    ['flag_off', 'DISABLED'],
    ['killed', 'DISABLED'],
    ['latched', 'DISABLED'],
    ['suspended', 'DISABLED'],
    ['idle', 'DISABLED'],
    ['excluded', 'TARGETING_MATCH'],
    ['unmatched', 'TARGETING_MATCH'],
    ['stale', 'UNKNOWN'],
    ['cooldown', 'UNKNOWN'],
    ['capped', 'UNKNOWN'],
  ] as const)('%s is %s in the words of OpenFeature, and keeps its own', async (reason, word) => {
    const answer: ArmAnswer = { arm: 'control', reason, bucket: null, shareBp: 0, split: null }
    const app = controlApp({ ...fakePlane(), arm: () => answer })
    const reply = await app.request(`${FLAGS}/relay`, {
      method: 'POST',
      headers: { authorization: `Bearer ${VIEWER}`, 'content-type': 'application/json' },
      body: JSON.stringify({ context: { targetingKey: 'u' } }),
    })
    expect(await reply.json()).toMatchObject({ reason: word, metadata: { reason, share: 0 } })
  })

  it('hands on what a flag may ask, as text, and nothing that has no text', async () => {
    const seen: unknown[] = []
    const app = controlApp({
      ...fakePlane(),
      arm: (...asked) => {
        seen.push(asked)
        return null
      },
    })
    const context = { targetingKey: '用户-7', model: 'gpt-5.2', stream: true, tier: 3, tags: ['a'] }
    await app.request(`${FLAGS}/relay`, {
      method: 'POST',
      headers: { authorization: `Bearer ${VIEWER}`, 'content-type': 'application/json' },
      body: JSON.stringify({ context: { ...context, deep: {}, none: null } }),
    })
    const properties = { model: 'gpt-5.2', stream: 'true', tier: '3' }
    expect(seen).toEqual([['relay', { unit: '用户-7', properties }]])
  })
})

describe('all rollouts', () => {
  it('are answered at once, each as it is alone', async () => {
    const { ask } = api()
    const bulk = await ask('POST', FLAGS, about('team-38'))
    const alone = await Promise.all(
      ['relay', 'embeddings'].map((name) => ask('POST', `${FLAGS}/${name}`, about('team-38'))),
    )
    expect(bulk.status).toBe(200)
    expect(bulk.headers.get('content-type')).toBe('application/json')
    expect(bulk.json).toEqual({ flags: alone.map(({ json }) => json) })
  })

  it('are 304, with the etag and no body, for as long as the answers hold', async () => {
    const { ask, plane } = api()
    const first = await ask('POST', FLAGS, about('team-38'))
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/)
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await ask('POST', FLAGS, {
        ...about('team-38'),
        headers: { 'if-none-match': known },
      })
      expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag])
    }
    const other = await ask('POST', FLAGS, {
      ...about('team-39'),
      headers: { 'if-none-match': etag },
    })
    expect(other.status).toBe(200)
    await plane.obeyed('relay', { type: 'start', by: 'ada', reason: 'go' })
    const moved = await ask('POST', FLAGS, {
      ...about('team-38'),
      headers: { 'if-none-match': etag },
    })
    expect(moved.status).toBe(200)
    expect(moved.headers.get('etag')).not.toBe(etag)
  })

  it('take the hints of an event stream without minding them', async () => {
    const path = `${FLAGS}?flagConfigEtag=a&flagConfigLastModified=1771622898`
    expect((await api().ask('POST', path, about('team-38'))).status).toBe(200)
  })
})
