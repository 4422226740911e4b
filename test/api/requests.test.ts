import { describe, expect, it } from 'vitest'
import { Requests } from '../../src/api/requests.ts'
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
    requests.add(observation({ shareBp }), DRAW, { as: 'again' })
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
    requests.add({ ...observation({}), requestId: 'hg_1' }, DRAW, { as: 'none' })
    requests.add({ ...observation({}), requestId: 'hg_2', arm: 'canary' }, DRAW, { as: 'none' })
    requests.add({ ...observation({}), requestId: 'hg_2', arm: 'control' }, DRAW, { as: 'none' })
    expect(idsOf(requests, null, 10)).toEqual(['hg_2 canary control', 'hg_1 control'])
    expect(idsOf(requests, null, 1)).toEqual(['hg_2 canary control'])
  })

  it('are those of one rollout where one is asked for, and no more than are kept', () => {
    const requests = new Requests({ traceUrl: () => null, most: 4 })
    for (let at = 1; at <= 9; at++) {
      const rollout = at % 2 === 0 ? 'even' : 'odd'
      requests.add({ ...observation({}), requestId: `hg_${at}`, rollout }, DRAW, { as: 'none' })
    }
    expect(idsOf(requests, 'even', 10)).toEqual(['hg_8 control', 'hg_6 control'])
    expect(requests.list(null, 10)).toHaveLength(4)
    expect(requests.list('nobody', 10)).toEqual([])
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
    requests.add(observation({}), { ...DRAW, trace: { id: ID, kept } }, { as: 'none' })
    expect(requests.get('hg_1')?.trace).toEqual({ id: ID, kept, url })
    expect(requests.list(null, 1)[0]?.trace).toEqual({ id: ID, kept, url })
  })

  it('is kept when it is kept later: a rollback came', () => {
    const requests = new Requests({ traceUrl: () => URL_OF })
    const trace = { id: ID, kept: false }
    requests.add(observation({}), { ...DRAW, trace }, { as: 'none' })
    trace.kept = true
    expect(requests.get('hg_1')?.trace?.url).toContain(ID)
  })
})
