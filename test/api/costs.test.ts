import { describe, expect, it, test } from 'vitest'
import { HeadgateError } from '../../src/errors.ts'
import { API, api } from './ask.ts'

describe('what was spent', () => {
  it('is there line by line, with what the other arm would have asked', async () => {
    const { json } = await api().ask('GET', `${API}/costs`)
    expect(json.items).toHaveLength(2)
    expect(json.items[1]).toEqual({
      day: '2026-11-25',
      rollout: 'relay',
      arm: 'canary',
      role: 'live',
      upstream: 'relay',
      model: 'gpt-5.2',
      prices: 'genai-prices@0.1.8',
      requests: 100,
      tokens: {
        input: 100_000,
        cachedInput: 0,
        cacheWrite: 0,
        cacheWriteHour: 0,
        output: 10_000,
        reasoning: 0,
      },
      costUsd: 0.15,
      estimated: { requests: 0, costUsd: 0 },
      unpriced: 0,
      otherArm: { requests: 100, costUsd: 0.15, otherUsd: 1 },
      savedUsd: 0.85,
    })
    expect(json.total).toMatchObject({ requests: 200, costUsd: 1.15, savedUsd: 0.85 })
    expect(json.roles).toEqual({ live: 1.15, shadow: 0, probe: 0, question: 0 })
    expect(json.prices).toMatchObject({ source: '@pydantic/genai-prices', version: '0.1.8' })
  })

  it.each([
    ['day', [{ day: '2026-11-25' }]],
    ['model', [{ model: 'gpt-5.2' }]],
    [
      'arm',
      [
        { rollout: 'relay', arm: 'control', role: 'live' },
        { rollout: 'relay', arm: 'canary', role: 'live' },
      ],
    ],
  ])('is grouped by %s', async (by, keys) => {
    const { json } = await api().ask('GET', `${API}/costs?by=${by}`)
    expect(json.items).toMatchObject(keys)
    expect('upstream' in json.items[0]).toBe(false)
  })

  it('is of the days that are asked for, both ends included', async () => {
    const { ask } = api()
    const of = async (from: string, to: string) =>
      (await ask('GET', `${API}/costs?from=${from}&to=${to}`)).json.total.requests
    expect(await of('2026-11-25', '2026-11-25')).toBe(200)
    expect(await of('2026-11-26', '2026-11-30')).toBe(0)
    expect(await of('2026-11-01', '2026-11-24')).toBe(0)
  })

  test.each([
    ['from=2026-11-31', 'query.from must be a day such as 2026-11-01, got "2026-11-31"'],
    ['to=tomorrow', 'query.to must be a day such as 2026-11-30, got "tomorrow"'],
    [
      'from=2026-11-02&to=2026-11-01',
      'query.from must not be after query.to: got 2026-11-02 and 2026-11-01',
    ],
    ['weekly=1', 'query has no key "weekly": known here: rollout, from, to, by'],
  ])('%s is refused', async (query, message) => {
    const { status, json } = await api().ask('GET', `${API}/costs?${query}`)
    expect([status, json.error]).toEqual([400, { code: 'invalid_request', message }])
  })

  it('is 503 while the store is away', async () => {
    const { ask, plane } = api()
    plane.break(new HeadgateError('store_unavailable', 'away'))
    expect((await ask('GET', `${API}/costs`)).status).toBe(503)
  })
})
