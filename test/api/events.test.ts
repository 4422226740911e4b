import { describe, expect, it, test } from 'vitest'
import { eventView } from '../../src/api/views/event.ts'
import { API, type Api, api } from './ask.ts'

/** The audit log, a page at a time. */

/** Turns `relay` on and off again: `times` events. */
async function busy({ plane }: Api, times: number): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < times; index++) {
    const type = index === 0 ? 'start' : index % 2 === 1 ? 'pause' : 'resume'
    ids.push((await plane.obeyed('relay', { type, by: 'alice', reason: `${index}` })).id)
  }
  return ids
}

const idsOf = (reply: { json: { items: { id: string }[] } }) => reply.json.items.map(({ id }) => id)

describe('the audit log', () => {
  it('is empty before anything happened', async () => {
    const reply = await api().ask('GET', `${API}/events`)
    expect(reply.status).toBe(200)
    expect(reply.json).toEqual({ items: [], next: null })
  })

  it('says who changed what, from what to what, and why', async () => {
    const one = api()
    const [id] = await busy(one, 1)
    const { items } = (await one.ask('GET', `${API}/events`)).json
    expect(eventView.array().parse(items)).toEqual([
      {
        id,
        at: '2027-01-04T12:00:00.000Z',
        rollout: 'relay',
        version: 1,
        epoch: 1,
        type: 'started',
        by: 'alice',
        reason: '0',
        before: { state: 'idle', share: 0, step: null },
        after: { state: 'ramping', share: 1, step: 0 },
      },
    ])
  })

  it('comes in pages, oldest first, and says null at its end', async () => {
    const one = api()
    const ids = await busy(one, 7)
    const seen: string[] = []
    const pages: (string | null)[] = []
    let next: string | null = ''
    while (next !== null) {
      const reply = await one.ask('GET', `${API}/events?limit=3&after=${next}`)
      seen.push(...idsOf(reply))
      next = reply.json.next
      pages.push(next)
    }
    expect(seen).toEqual(ids)
    expect(pages).toEqual([ids[2], ids[5], null])
  })

  it('has no page behind one that is just full', async () => {
    const one = api()
    await busy(one, 3)
    expect((await one.ask('GET', `${API}/events?limit=3`)).json.next).toBeNull()
  })

  it('has 100 on a page unless told otherwise, and at most 1,000', async () => {
    const one = api()
    await busy(one, 101)
    const reply = await one.ask('GET', `${API}/events`)
    expect(reply.json.items).toHaveLength(100)
    expect(reply.json.next).toBe(idsOf(reply).at(-1))
    expect((await one.ask('GET', `${API}/events?limit=1000`)).json.items).toHaveLength(101)
  })

  it('can be of one rollout, also of one that is no more', async () => {
    const one = api()
    await busy(one, 2)
    const { id } = await one.plane.obeyed('embeddings', { type: 'start', by: 'bob', reason: 'x' })
    expect(idsOf(await one.ask('GET', `${API}/events?rollout=embeddings`))).toEqual([id])
    expect(idsOf(await one.ask('GET', `${API}/events?rollout=gone`))).toEqual([])
  })

  test.each([
    ['limit=0', 'query.limit must be at least 1, got "0"'],
    ['limit=1001', 'query.limit must be at most 1000, got "1001"'],
    ['limit=ten', 'query.limit must be a number, got "ten"'],
    ['limit=', 'query.limit must be at least 1, got ""'],
    ['limit=1&limit=2', 'query.limit must be a number, got a list'],
    ['rolout=relay', 'query has no key "rolout": did you mean rollout?'],
    ['after=nobody', 'query.after must be the id of an event: there is none of this id'],
  ])('?%s is 400', async (query, message) => {
    for (const path of query.startsWith('limit') ? ['events'] : ['events', 'events/stream']) {
      const reply = await api().ask('GET', `${API}/${path}?${query}`)
      expect(reply.status).toBe(400)
      expect(reply.json).toEqual({ error: { code: 'invalid_request', message } })
    }
  })
})
