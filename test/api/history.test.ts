import { describe, expect, it } from 'vitest'
import { History } from '../../src/api/history.ts'
import { historySample } from '../../src/api/views/history.ts'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import { selfView } from '../../src/api/views/self.ts'
import { API, api } from './ask.ts'
import { fakePlane, VIEWER } from './fake-plane.ts'

const view = (await fakePlane().rollout('relay')) as RolloutView

describe('the history of a rollout', () => {
  it('keeps the newest in the recent trail, and all of the past ever more coarsely in the other', () => {
    const history = new History(8)
    for (let sample = 1; sample <= 100; sample++) history.add(view, sample * 1_000)
    const recent = history.read('recent', 0).map(({ position }) => position)
    expect(recent).toEqual([93, 94, 95, 96, 97, 98, 99, 100])
    const all = history.read('all', 0).map(({ position }) => position)
    expect(all).toEqual([16, 32, 48, 64, 80, 96])
  })

  it('never grows beyond its bound, whatever comes', () => {
    const history = new History(50)
    for (let sample = 1; sample <= 5_000; sample++) {
      history.add(view, sample)
      expect(history.read('recent', 0).length).toBeLessThanOrEqual(50)
      expect(history.read('all', 0).length).toBeLessThanOrEqual(50)
    }
    expect(history.read('all', 0).at(0)?.position).toBeLessThan(200)
  })

  it('gives what is behind a position', () => {
    const history = new History()
    for (let sample = 1; sample <= 5; sample++) history.add(view, sample)
    expect(history.read('recent', 3).map(({ position }) => position)).toEqual([4, 5])
    expect(history.read('recent', 5)).toEqual([])
  })

  it('asks for a sample now and then, however often it is asked', () => {
    const history = new History()
    expect(history.isDue(0)).toBe(true)
    history.add(view, 0)
    expect(history.isDue(399)).toBe(false)
    expect(history.isDue(400)).toBe(true)
  })

  it('is what the API says it is', () => {
    const history = new History()
    history.add(view, 0)
    const [sample] = history.read('recent', 0)
    expect(historySample.parse(sample)).toEqual(sample)
  })

  it('is asked of one rollout that there is', async () => {
    const { ask } = api()
    expect((await ask('GET', `${API}/rollouts/relay/history`)).json).toEqual({
      items: [],
      next: null,
    })
    expect((await ask('GET', `${API}/rollouts/nothing/history`)).status).toBe(404)
    expect((await ask('GET', `${API}/rollouts/relay/history?trail=long`)).status).toBe(400)
  })
})

it('tells who asks what it may do', async () => {
  const { app, ask } = api()
  const own = await ask('GET', `${API}/self`)
  expect(selfView.parse(own.json)).toEqual({
    role: 'operator',
    dataUrl: 'http://127.0.0.1:8787/v1',
  })
  const viewer = await app.request(`${API}/self`, {
    headers: { authorization: `Bearer ${VIEWER}` },
  })
  expect(await viewer.json()).toMatchObject({ role: 'viewer' })
})
