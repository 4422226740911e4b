import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import {
  callerFaults,
  closedFaults,
  isDrawn,
  NO_UNITS,
  onCanary,
  sentIn,
  stayFaults,
  unitsOf,
} from '../../src/demo/checks.ts'
import type { Fault } from '../../src/demo/faults.ts'
import { type Load, type LoadRecord, startLoad } from '../../src/demo/load.ts'
import { type Scene, setScene } from '../../src/demo/scene.ts'
import { startNode } from '../../src/node.ts'

/** Without a plan the flag alone decides: it is walked from 1 to 100 %, the relay breaks in six ways, and it is killed. */

const BREAKS: readonly { readonly fault: Fault; readonly ms: number }[] = [
  { fault: { kind: 'refuse' }, ms: 1_000 },
  { fault: { kind: 'status', status: 503, retryAfter: null }, ms: 900 },
  { fault: { kind: 'reset_before_headers' }, ms: 900 },
  { fault: { kind: 'error_first' }, ms: 900 },
  { fault: { kind: 'hang' }, ms: 1_000 },
  { fault: { kind: 'end_after_chunks', chunks: 6 }, ms: 900 },
]

let scene: Scene
let load: Load
const records: LoadRecord[] = []
const errors: string[] = []

beforeAll(async () => {
  scene = await setScene({
    start: startNode,
    seed: 1,
    ports: { data: 0, control: 0 },
    percent: 1,
    onError: (message) => errors.push(message),
  })
  load = startLoad({
    baseUrl: scene.dataUrl,
    seed: 1,
    rps: 75,
    mix: { chat_stream: 3, chat_json: 2, messages_stream: 2, messages_json: 1, embeddings: 4 },
    turns: 3,
    maxInFlight: 60,
    onRecord: (record) => records.push(record),
  })
})
afterAll(async () => {
  await load.stop()
  await scene.close()
})

async function reading(holds: (view: RolloutView) => boolean): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!holds(await scene.rollout())) {
    if (performance.now() > deadline) throw new Error('a flag file must be read within 5 s')
    await sleep(20)
  }
}

describe('a rollout that follows its flag', () => {
  let before = NO_UNITS

  it.each([
    [1, 4_000],
    [25, 3_500],
    [100, 2_000],
  ])('gives the canary %i %% of the units, and moves nobody out', async (percent, ms) => {
    scene.setFlags({ percent, kill: false })
    await reading(({ share, killed }) => {
      return share.flag === percent && share.target === percent && !killed
    })
    const fromMs = performance.now()
    await sleep(ms)
    const untilMs = performance.now()
    await load.settled()
    const sent = sentIn(records, fromMs, untilMs)
    expect(stayFaults(percent, sent, before)).toEqual([])
    before = unitsOf(sent)
  })

  it('hides a relay that breaks in six ways from its callers, and uses it again once it is well', {
    timeout: 40_000,
  }, async () => {
    const brokeMs = performance.now()
    for (const { fault, ms } of BREAKS) {
      await scene.relay.setFault(fault)
      await sleep(ms)
    }
    await scene.relay.setFault(null)
    const healedMs = performance.now()
    await load.settled()
    const exposed = sentIn(records, brokeMs, healedMs).filter(
      (record) => isDrawn(record) && onCanary(record),
    )
    expect(exposed.length).toBeGreaterThan(50)
    expect(exposed.some(({ reason, arm }) => reason === 'failover' && arm === 'control')).toBe(true)
    const healthy = (): boolean =>
      records.some(({ sentAt, arm, fault }) => sentAt > healedMs && arm === 'canary' && !fault)
    const deadline = performance.now() + 5_000
    while (!healthy() && performance.now() < deadline) await sleep(50)
    expect(healthy()).toBe(true)
  })

  it('sends everything to control once the kill is read', async () => {
    scene.setFlags({ percent: 100, kill: true })
    await reading(({ killed, share }) => killed && share.target === 0)
    const fromMs = performance.now()
    await sleep(1_500)
    const untilMs = performance.now()
    await load.settled()
    expect(closedFaults(sentIn(records, fromMs, untilMs), ['killed'], 'after the kill')).toEqual([])
  })

  it('showed its callers no error before a first byte, and no cut that looks like an end', () => {
    expect(callerFaults(records)).toEqual([])
    expect(records.length).toBeGreaterThan(500)
    expect(errors).toEqual([])
  })
})
