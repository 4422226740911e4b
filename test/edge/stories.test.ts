import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { CostsView } from '../../src/api/views/costs.ts'
import type { EventView } from '../../src/api/views/event.ts'
import type { FlushView } from '../../src/api/views/flush.ts'
import { Recount } from '../../src/cli/recount.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { Call } from '../fakes/caller.ts'
import { ask, type Stage, stage } from './story.ts'

/** Whole stories in real workerd: isolates count, the object of the rollout writes and judges. */

const PLAN = {
  steps: [
    { share: '50%', dwell: '1s' },
    { share: '99%', dwell: '1s' },
  ],
}

async function started(rollout: object = {}, count = 1): Promise<Stage> {
  const made = await stage({ plan: PLAN, guard: { gate: 'no_harm' }, ...rollout }, { count })
  await made.first.command('start')
  return made
}

async function eventsOf({ first }: Stage): Promise<EventView[]> {
  return ((await first.ask('/events')) as { items: EventView[] }).items
}

async function flushesOf({ first }: Stage): Promise<FlushView[]> {
  const page = (await first.ask('/rollouts/relay/flushes?limit=1000')) as { items: FlushView[] }
  return page.items
}

/** A plan that stays where it is for an hour. */
const HALF = { plan: { steps: ['50%', '99%'], over: '2h' } }

describe('a rollout at the edge', () => {
  it('climbs its plan to the end', async () => {
    const made = await started()
    const done = await made.until(({ state }) => state === 'complete')
    expect(done.share.target).toBe(99)
    expect((await eventsOf(made)).map(({ type }) => type)).toEqual(
      expect.arrayContaining(['started', 'advanced', 'completed']),
    )
    expect(done.arms.canary.requests).toBeGreaterThan(0)
    expect(done.arms.control.requests).toBeGreaterThan(0)
  })

  it('rolls back when the relay breaks, and no caller sees an error; a person arms it again', async () => {
    const made = await started(HALF)
    await made.until(({ arms }) => arms.canary.requests > 20)
    await made.relay.setFault({ kind: 'status', status: 500 })
    const { first: isolate } = made
    const replies = []
    while ((await made.view()).state !== 'rolled_back') replies.push(await ask(isolate))
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
    await made.relay.setFault(null)
    // Closed by its own tripwire first; latched once it was told.
    while ((await ask(isolate)).headers['x-headgate-reason'] === 'suspended');
    expect((await ask(isolate)).headers['x-headgate-reason']).toBe('latched')
    await isolate.command('rearm')
    expect((await ask(isolate)).headers['x-headgate-reason']).toBe('idle')
    await isolate.command('start')
    await made.until(({ arms, epoch }) => epoch === 2 && arms.canary.requests > 40)
  })

  it('what isolates spend is in the ledger of its writer, each request once', async () => {
    const made = await started(HALF, 2)
    await made.until(({ arms }) => arms.canary.requests > 10)
    const costs = async () => (await made.first.ask('/costs?by=arm')) as CostsView
    // Both come with the same parcels; the last are on their way.
    for (;;) {
      const { arms } = await made.view()
      const { total, items } = await costs()
      if (total.requests !== arms.control.requests + arms.canary.requests) continue
      // Nobody priced these upstreams: unknown, and not 0.
      expect(total).toMatchObject({ unpriced: total.requests, costUsd: null })
      expect(items.find(({ arm }) => arm === 'canary')?.requests).toBe(arms.canary.requests)
      break
    }
  })

  it('a caller that has spent its budget at one isolate is turned away by all, and by no other token', async () => {
    const sha256 = (token: string) => createHash('sha256').update(token).digest('hex')
    const callers = [
      { name: 'one', sha256: sha256('key-one'), budget: { month: 1e-6, stop: true } },
      { name: 'two', sha256: sha256('key-two') },
    ]
    const upstream = { price: { ratio: 1 } }
    const made = await stage({ plan: PLAN }, { count: 2, callers, upstream })
    const askAs = (at: number, name: string) =>
      ask(made.isolates[at] as Stage['first'], undefined, { authorization: `Bearer key-${name}` })
    expect((await askAs(0, 'one')).status).toBe(200)
    let refused = await askAs(1, 'two')
    while (refused.status !== 429) refused = await askAs(1, 'one')
    expect(JSON.parse(refused.text).error.code).toBe('caller_budget')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await askAs(0, 'two')).status).toBe(200)
    expect((await eventsOf(made)).map(({ type }) => type)).toContain('budget_spent')
    const { callerBudgets } = (await made.first.ask('/costs')) as CostsView
    expect(callerBudgets).toMatchObject([{ caller: 'one', period: 'month', stopped: true }])
  })

  it('is told of a rollback in every isolate, one refresh later at most', async () => {
    const made = await started(HALF, 2)
    await made.until(({ arms }) => arms.canary.requests > 10)
    let asking = true
    let lastCanaryAt = 0
    const load = made.isolates.map(async (isolate) => {
      while (asking) {
        const sentAt = Date.now()
        const { headers } = await ask(isolate)
        if (headers['x-headgate-arm'] === 'canary') lastCanaryAt = Math.max(lastCanaryAt, sentAt)
      }
    })
    await made.first.ask('/rollouts/relay/rollback', { method: 'POST' })
    // Both have heard of it, and go on.
    for (const isolate of made.isolates) {
      while ((await ask(isolate)).headers['x-headgate-reason'] !== 'latched');
    }
    asking = false
    await Promise.all(load)
    const heard = (
      await Promise.all(made.isolates.map(({ runtime, address }) => runtime.heard(address)))
    ).map((last) => last?.version)
    expect(heard).toEqual([2, 2])
    const [verdict] = (await eventsOf(made)).filter(({ type }) => type === 'rolled_back')
    const afterMs = lastCanaryAt - Date.parse(verdict?.at ?? '')
    console.log(`the last canary request began ${afterMs} ms after the rollback; refresh 1000 ms`)
    // What comes now, comes to control, in each isolate.
    for (const isolate of made.isolates) {
      for (let more = 0; more < 20; more++) {
        expect((await ask(isolate)).headers['x-headgate-arm']).toBe('control')
      }
    }
  })

  it('F-5: loses no decision and no count when its object is thrown away again and again', async () => {
    const made = await started({ ...HALF, failover: false }, 2)
    const { first } = made
    for (let round = 0; round < 5; round++) {
      for (const isolate of made.isolates) {
        for (let one = 0; one < 6; one++) expect((await ask(isolate)).status).toBe(200)
      }
      await first.runtime.tell('fail', first.address)
    }
    const counted = async (): Promise<number> =>
      (await flushesOf(made))
        .flatMap(({ counts }) => (counts as unknown as FlushRecord).counts)
        .flatMap(({ strata }) => strata)
        .flatMap(({ control, canary }) => [control, canary])
        .reduce((sum, { ok, failed }) => sum + ok + failed, 0)
    const drawn = made.isolates
      .flatMap(({ observations }) => observations)
      .filter(({ evidence, epoch }) => evidence && epoch === 1)
    // A request more now and then lets the isolates tell what they hold.
    while ((await counted()) < drawn.length) {
      for (const { url } of made.isolates) await fetch(`${url}/readyz`)
    }
    expect(await counted()).toBe(drawn.length)
    expect(drawn.length).toBeGreaterThan(0)
    expect((await made.view()).state).toBe('ramping')
  })

  it('F-5: stays rolled back when its object is thrown away in the middle of it', async () => {
    const made = await started(HALF)
    const { first: isolate } = made
    await made.until(({ arms }) => arms.canary.requests > 10)
    await made.relay.setFault({ kind: 'status', status: 500 })
    for (let state = 'ramping'; state !== 'rolled_back'; ) {
      for (let one = 0; one < 4; one++) await ask(isolate)
      // Its probes are in its memory: while they decide it is left alone.
      if (state !== 'suspended') await isolate.runtime.tell('fail', isolate.address)
      state = (await made.view()).state
    }
    await made.relay.setFault(null)
    await isolate.runtime.tell('fail', isolate.address)
    expect((await made.view()).state).toBe('rolled_back')
    const events = await eventsOf(made)
    expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1))
    expect(events.at(-1)).toMatchObject({ type: 'rolled_back' })
  })

  it('F-5: an object that cannot be reached leaves an isolate with what it knows for 30 s; then control, and back', {
    timeout: 60_000,
  }, async () => {
    const made = await started(HALF)
    const { first: isolate } = made
    await made.until(({ arms }) => arms.canary.requests > 5)
    await isolate.runtime.tell('cut', isolate.address)
    const reasons = new Set<unknown>()
    const arms = new Set<unknown>()
    for (let reason: unknown; reason !== 'stale'; ) {
      const { status, headers } = await ask(isolate)
      expect(status).toBe(200)
      reason = headers['x-headgate-reason']
      reasons.add(reason)
      if (reason === 'split') arms.add(headers['x-headgate-arm'])
    }
    expect(reasons).toEqual(new Set(['split', 'stale']))
    expect(arms).toEqual(new Set(['control', 'canary']))
    await isolate.runtime.tell('mend', isolate.address)
    while ((await ask(isolate)).headers['x-headgate-reason'] !== 'split');
    // What was counted meanwhile was not lost.
    const drawn = isolate.observations.filter(({ evidence }) => evidence).length
    await made.until(({ arms: { control, canary } }) => control.requests + canary.requests >= drawn)
  })

  it('E4: keeps its flags when what is in KV is no document', async () => {
    const made = await started(HALF)
    const { first: isolate } = made
    await isolate.runtime.tell('flags', isolate.address, '<html>')
    await made.until(({ arms }) => arms.canary.requests > 5)
  })

  it('leaves a log that is judged alike on Node, bit for bit', async () => {
    const made = await started(HALF, 2)
    const recordOf = ({ counts }: FlushView) => counts as unknown as FlushRecord
    // Each says what its writer had judged by then.
    const said = async () => (await flushesOf(made)).filter((flush) => recordOf(flush).seen)
    while ((await said()).length < 3) await Promise.all(made.isolates.map((one) => ask(one)))
    const recount = new Recount()
    for (const flush of await flushesOf(made)) {
      expect(recount.add(flush, recordOf(flush), true)).toBeNull()
    }
  })

  it('B1: a caller who leaves a stream that flows stops its upstream', async () => {
    const made = await started(HALF)
    const { first: isolate } = made
    await made.official.setFault({ kind: 'slow_drip', ms: 20 })
    const arrived = made.official.requests.next()
    const body = { model: 'gpt-5.2', stream: true, messages: [{ role: 'user', content: 'hi' }] }
    const headers = { 'x-headgate-arm': 'control' }
    const calling = new Call(`${isolate.url}/v1/chat/completions`, { body, headers })
    await calling.until('Simulated')
    calling.leave()
    await (await arrived).aborted
    expect(await isolate.observation()).toMatchObject({ outcome: 'cancelled' })
  })
})
