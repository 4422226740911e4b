import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { EventView } from '../../src/api/views/event.ts'
import { randomFrom } from '../../src/demo/random.ts'
import { digestOf, type FlushRecord, judgeNext, NOTHING_JUDGED } from '../../src/rollout/flushes.ts'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import type { RolloutEvent } from '../../src/types.ts'
import { type Served, startServe } from './process.ts'

/** `headgate serve`, killed with SIGKILL while it decides and writes, again and again on one state file. */

const ROLLOUT = `    plan: { steps: ["50%"] }
    probe: { interval: 20ms, timeout: 1s }
`
const KILLS = 16
/** After so long most runs have rolled back; the first requests of a process are slow. */
const MOST_MS = 700

let served: Served | null = null

afterEach(async () => {
  await served?.stop()
  served = null
})

/** Requests one after the other until the process is gone. @returns the reasons of the answers */
async function load({ dataUrl }: Served): Promise<string[]> {
  const reasons: string[] = []
  for (let one = 0; ; one++) {
    try {
      const answer = await fetch(`${dataUrl}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-headgate-unit': `unit-${one}` },
        body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
      })
      await answer.text()
      reasons.push(answer.headers.get('x-headgate-reason') ?? '')
    } catch {
      return reasons
    }
  }
}

/** What the file holds, read by nobody's process: the log is whole, the record is its last word, the verdicts recompute. */
async function readBack(folder: string): Promise<readonly RolloutEvent[]> {
  const stores = openSqliteStores<FlushRecord>({ file: join(folder, '.headgate/state.db') })
  try {
    const events = await stores.state.events({ limit: 1_000 })
    if (events === 'unknown_event') throw new Error('no events')
    expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1))
    expect((await stores.state.read('relay'))?.record).toEqual(events.at(-1)?.after)
    expect(events.every(({ by, reason }) => by !== '' && reason !== '')).toBe(true)
    let judged = NOTHING_JUDGED
    for (const batch of await stores.evidence.read({ rollout: 'relay', limit: 100_000 })) {
      const { seen } = batch.counts
      if (seen !== null && seen.position === judged.position && judged.state !== null) {
        expect(seen.digest).toBe(digestOf(judged.state))
      }
      judged = judgeNext(judged, batch)
    }
    return events
  } finally {
    await stores.close()
  }
}

/**
 * Where it stands after a restart: where the log left it, or at 0 by its own doing, where the process was killed between
 * writing down what it saw and acting on it.
 */
async function stateAfter(serving: Served, known: readonly RolloutEvent[]): Promise<string> {
  const { state, version } = await serving.rollout()
  const { items } = (await serving.api('events?rollout=relay&limit=1000')) as {
    items: readonly EventView[]
  }
  expect(items.slice(0, known.length).map(({ id }) => id)).toEqual(known.map(({ id }) => id))
  for (const { by, after } of items.slice(known.length)) {
    expect(['guard', 'tripwire', 'probes']).toContain(by)
    expect(after.share).toBe(0)
  }
  expect(state).toBe(items[version - 1]?.after.state ?? 'idle')
  return state
}

describe('headgate serve, killed', () => {
  it('F-1, F-2: never loses a latch, a reason or a count, and never comes up higher than it was left', async () => {
    served = await startServe({ percent: 100, rollout: ROLLOUT })
    const random = randomFrom('kills')
    let known: readonly RolloutEvent[] = []
    let latched = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const state = await stateAfter(served, known)
      if (state === 'rolled_back' || state === 'suspended') {
        await served.relay.setFault(null)
        // Of one that is rolled back it changes nothing; probes may do it first.
        await served.api('rollouts/relay/rollback', { by: 'ada', reason: `kill ${kill}` })
        await served.api('rollouts/relay/rearm', { by: 'ada', reason: `kill ${kill}` })
      }
      if (state !== 'ramping') {
        await served.api('rollouts/relay/start', { by: 'ada', reason: `kill ${kill}` })
      }
      await served.relay.setFault({ kind: 'status', status: 500 })
      const loading = load(served)
      await sleep(random.next() * MOST_MS)
      await served.kill()
      const reasons = await loading
      known = await readBack(served.folder)
      if (reasons.includes('latched')) {
        latched++
        expect(known.at(-1)).toMatchObject({ type: 'rolled_back' })
      }
      await served.restart()
    }
    expect(latched).toBeGreaterThan(0)
    expect(latched).toBeLessThan(KILLS)
  }, 120_000)
})
