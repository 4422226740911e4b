import { describe, expect, it } from 'vitest'
import { Requests } from '../../src/api/requests.ts'
import { observation } from '../rollout/observations.ts'

const DRAW = { unit: 'ada@example.com', source: null, startedMs: 0, split: null, overdue: false }

describe('why a request is no evidence', () => {
  it.each([
    [500, 'its unit was counted at this share, or as canary, before'],
    [0, 'at 0 % there is no other arm to compare with'],
    [10_000, 'at 100 % there is no other arm to compare with'],
  ])('at %i bp: %s', (shareBp, words) => {
    const requests = new Requests()
    requests.add(observation({ shareBp }), DRAW, { as: 'again' })
    const view = requests.get('hg_1')
    expect(view?.evidence).toEqual({
      counted: false,
      words: `${words}: only tripwires and plain thresholds saw it`,
    })
    expect(JSON.stringify(view)).not.toContain('ada@example.com')
  })
})
