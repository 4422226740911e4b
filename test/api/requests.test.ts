import { describe, expect, it } from 'vitest'
import { Requests } from '../../src/api/requests.ts'
import type { Observation } from '../../src/types.ts'
import { observation } from '../rollout/observations.ts'

const DRAW = {
  unit: 'ada@example.com',
  source: null,
  startedMs: 0,
  split: null,
  overdue: false,
  trace: null,
}

describe('why a request is no evidence', () => {
  it.each([
    [500, 'its unit was counted at this share, or as canary, before'],
    [0, 'at 0 % there is no other arm to compare with'],
    [10_000, 'at 100 % there is no other arm to compare with'],
  ])('at %i bp: %s', (shareBp, words) => {
    const requests = new Requests({ traceUrl: () => null })
    requests.add(observation({ shareBp }), DRAW, { as: 'again' }, 0)
    const view = requests.get('hg_1')
    expect(view?.evidence).toEqual({
      counted: false,
      words: `${words}: only tripwires and plain thresholds saw it`,
    })
    expect(JSON.stringify(view)).not.toContain('ada@example.com')
  })
})

describe('the newest requests', () => {
  const idsOf = (requests: Requests, rollout: string | null, limit: number) =>
    requests
      .list(rollout, limit)
      .map(({ id, attempts }) => `${id} ${attempts.map(({ arm }) => arm).join(' ')}`)

  it('come first, each with all its attempts in their order', () => {
    const requests = new Requests({ traceUrl: () => null })
    requests.add({ ...observation({}), requestId: 'hg_1' }, DRAW, { as: 'none' }, 0)
    requests.add({ ...observation({}), requestId: 'hg_2', arm: 'canary' }, DRAW, { as: 'none' }, 0)
    requests.add({ ...observation({}), requestId: 'hg_2', arm: 'control' }, DRAW, { as: 'none' }, 0)
    expect(idsOf(requests, null, 10)).toEqual(['hg_2 canary control', 'hg_1 control'])
    expect(idsOf(requests, null, 1)).toEqual(['hg_2 canary control'])
  })

  it('are those of one rollout where one is asked for, and no more than are kept', () => {
    const requests = new Requests({ traceUrl: () => null, most: 4 })
    for (let at = 1; at <= 9; at++) {
      const rollout = at % 2 === 0 ? 'even' : 'odd'
      requests.add({ ...observation({}), requestId: `hg_${at}`, rollout }, DRAW, { as: 'none' }, 0)
    }
    expect(idsOf(requests, 'even', 10)).toEqual(['hg_8 control', 'hg_6 control'])
    expect(requests.list(null, 10)).toHaveLength(4)
    expect(requests.list('nobody', 10)).toEqual([])
  })
})

describe('where thousands come', () => {
  const add = (requests: Requests, nowMs: number, fields: Partial<Observation>) =>
    requests.add(observation({}, fields), DRAW, { as: 'none' }, nowMs)
  const count = (requests: Requests) => requests.list(null, 5_000).length

  it('takes in a hundred a second of an arm that does well, after the first thousand', () => {
    const requests = new Requests({ traceUrl: () => null })
    for (let at = 0; at < 30_000; at++) add(requests, at / 3, { requestId: `hg_${at}` })
    expect(Math.abs(count(requests) - 2_000)).toBeLessThanOrEqual(1)
    const before = count(requests)
    for (let at = 0; at < 50; at++) {
      add(requests, 10_000, { requestId: `hg_c${at}`, arm: 'canary', assigned: 'canary' })
    }
    expect(count(requests)).toBe(before + 50)
  })

  it('takes in all that failed, and what control answered in a canary place', () => {
    const requests = new Requests({ traceUrl: () => null })
    for (let at = 0; at < 3_000; at++) add(requests, 0, { requestId: `hg_${at}` })
    add(requests, 0, {
      requestId: 'hg_x',
      outcome: 'upstream_error',
      arm: 'canary',
      assigned: 'canary',
    })
    add(requests, 0, { requestId: 'hg_x', assigned: 'canary', reason: 'failover' })
    expect(requests.get('hg_x')?.attempts.map(({ outcome }) => outcome)).toEqual([
      'upstream_error',
      'ok',
    ])
    expect(requests.get('hg_2999')).toBeNull()
  })
})

describe('the trace of a request', () => {
  const ID = '0af7651916cd43dd8448eb211c80319c'
  const URL_OF = 'https://grafana.example/explore?q={traceId}&left={"id":"{traceId}"}'

  it.each([
    ['kept', true, URL_OF, URL_OF.replaceAll('{traceId}', ID)],
    ['kept, and nobody said where', true, null, null],
    ['not kept', false, URL_OF, null],
  ])('%s', (_, kept, traceUrl, url) => {
    const requests = new Requests({ traceUrl: () => traceUrl })
    requests.add(observation({}), { ...DRAW, trace: { id: ID, kept } }, { as: 'none' }, 0)
    expect(requests.get('hg_1')?.trace).toEqual({ id: ID, kept, url })
    expect(requests.list(null, 1)[0]?.trace).toEqual({ id: ID, kept, url })
  })

  it('is kept when it is kept later: a rollback came', () => {
    const requests = new Requests({ traceUrl: () => URL_OF })
    const trace = { id: ID, kept: false }
    requests.add(observation({}), { ...DRAW, trace }, { as: 'none' }, 0)
    trace.kept = true
    expect(requests.get('hg_1')?.trace?.url).toContain(ID)
  })
})
