import { describe, expect, it } from 'vitest'
import type { Faults } from '../../src/demo/faults.ts'
import type { Arm } from '../../src/types.ts'
import { ask, type EndpointAsk, MESSAGES, RESPONSES, TALKING } from '../fakes/asks.ts'
import { eventsOf, type Reply, turns } from '../fakes/caller.ts'
import { type ManualClock, manualClock } from '../fakes/clock.ts'
import type { Gateway } from '../fakes/gateway.ts'
import { start } from '../runtime/start.ts'

/** An hour with a bad relay under steady load, through real sockets, on Headgate's own clock: what callers see of it. */

const STEP_MS = 30_000
const STEPS = 40

const DEAD: readonly Faults[] = [
  { kind: 'refuse' },
  { kind: 'reset_before_headers' },
  { kind: 'status', status: 503 },
  { kind: 'short_content_length' },
  { kind: 'raw', text: 'HTTP/1.1 2', close: true },
]
const SLOW: readonly Faults[] = [
  [{ kind: 'slow_first_byte', ms: 3 }],
  [{ kind: 'one_byte' }, { kind: 'bandwidth', bytesPerSecond: 2_000_000 }],
  { kind: 'slow_close', ms: 3 },
  { kind: 'cut_after_bytes', bytes: 700 },
  { kind: 'end_after_chunks', chunks: 5 },
]
const LYING: readonly Faults[] = [
  { kind: 'wrong_model', model: 'tiny' },
  { kind: 'empty' },
  { kind: 'empty', of: 'body' },
  { kind: 'error_first' },
  { kind: 'error_after_chunks', chunks: 5 },
  { kind: 'html' },
]

interface Seen {
  readonly arm: Arm
  readonly sound: boolean
}

/** What came is an answer, or a stream that says itself that it is none. */
function seenOf(endpoint: EndpointAsk, stream: boolean, reply: Reply): Seen {
  expect(reply.status).toBe(200)
  const arm = reply.headers['x-headgate-arm'] as Arm
  if (!stream) {
    expect(reply.whole).toBe(true)
    expect(JSON.parse(reply.text)).not.toHaveProperty('error.message')
    return { arm, sound: true }
  }
  const events = eventsOf(reply.text)
  const isError = ({ event, data }: { event: string | undefined; data: string }): boolean =>
    event === 'error' || data.startsWith('{"error"')
  const failed = !reply.whole || events.some(isError)
  const ended = events.filter(({ event, data }) => isEnd(endpoint, event, data)).length
  expect({ failed, ended }).toEqual({ failed, ended: failed ? 0 : 1 })
  // An error before the first word could have been control's answer.
  expect(reply.text).toMatch(/[Ss]imulated/)
  return { arm, sound: !failed }
}

function isEnd(endpoint: EndpointAsk, event: string | undefined, data: string): boolean {
  if (endpoint === MESSAGES) return event === 'message_stop'
  return endpoint === RESPONSES ? event === 'response.completed' : data === '[DONE]'
}

describe('an hour with a relay that is dead, then slow, then lying', () => {
  async function running() {
    const clock = manualClock()
    const rollout = { plan: { steps: ['50%'], over: '14d' } }
    const gateway = await start({ transport: 'node', clock, percent: 100, rollout })
    await gateway.command('start')
    let sent = 0
    /** Every shape of request once, each of another unit. */
    const round = async (): Promise<Seen[]> => {
      const seen: Seen[] = []
      for (const endpoint of TALKING) {
        for (const stream of [true, false]) {
          const unit = { 'x-headgate-unit': `unit-${sent++}` }
          const reply = await ask(gateway, endpoint, stream ? { stream } : {}, unit)
          seen.push(seenOf(endpoint, stream, reply))
        }
      }
      return seen
    }
    const third = async (faults: readonly Faults[]): Promise<Seen[]> => {
      const seen: Seen[] = []
      for (let step = 0; step < STEPS; step++) {
        await gateway.relay.setFault(faults[step % faults.length] as Faults)
        seen.push(...(await round()))
        clock.advance(STEP_MS)
        await gateway.headgate.turn()
      }
      await gateway.relay.setFault(null)
      return seen
    }
    return { gateway, clock, round, third }
  }

  /** By its own probes, or by a person where it is latched. */
  async function comeBack(gateway: Gateway, clock: ManualClock): Promise<void> {
    while (gateway.view().state === 'suspended') {
      clock.advance(STEP_MS)
      await turns()
      await gateway.headgate.turn()
    }
    if (gateway.view().state === 'rolled_back') {
      await gateway.command('rearm')
      await gateway.command('start')
    }
  }

  it('A23, F-11: costs callers no answer before its first byte and no stream a false end, and is lived through', async () => {
    const { gateway, clock, round, third } = await running()
    const answeredByBoth = async (): Promise<void> => {
      const arms = new Set<Arm>()
      while (arms.size < 2) {
        for (const { arm, sound } of await round()) {
          expect(sound).toBe(true)
          arms.add(arm)
        }
      }
    }
    await answeredByBoth()
    for (const faults of [DEAD, SLOW, LYING]) {
      const before = gateway.events.length
      const seen = await third(faults)
      expect(seen).toHaveLength(6 * STEPS)
      if (faults !== SLOW) expect(gateway.events.length).toBeGreaterThan(before)
      await comeBack(gateway, clock)
      await answeredByBoth()
    }
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(60 * 60_000)
    const outcomes = new Set(gateway.observations.map(({ outcome }) => outcome))
    for (const outcome of [
      'connect_error',
      'truncated',
      'wrong_model',
      'empty',
      'error_in_stream',
    ]) {
      expect([...outcomes]).toContain(outcome)
    }
    const control = gateway.observations.filter(({ arm }) => arm === 'control')
    expect(control.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
  }, 60_000)
})
