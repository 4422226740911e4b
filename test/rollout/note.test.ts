import { describe, expect, it } from 'vitest'
import { rolloutViewOf } from '../../src/api/rollout-view.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { Tally } from '../../src/rollout/tally.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { cable, type Stand, stand } from './controllers.ts'

const FLAGS = { source: 'static', hash: null, ageMs: 0, maxAgeMs: null, refreshMs: 0, fault: null }
const WRITTEN = { type: 'flag_written', reason: 'turned headgate-relay off' } as const

async function started(at: Stand): Promise<Stand> {
  await at.controller.turn()
  await at.command('start')
  return at
}

async function noted(at: Stand): Promise<void> {
  at.controller.note(WRITTEN)
  await at.controller.turn()
}

describe('a note', () => {
  it('is in the audit log, and changes nothing of the record but its version', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    at.clock.advance(60_000)
    await at.controller.turn()
    const { record, dwellMs } = at.controller.report()
    await noted(at)
    const after = at.controller.report()
    expect(after.record).toEqual({ ...record, version: record.version + 1 })
    expect(after.dwellMs).toBe(dwellMs)
    const events = await stores.state.events({ limit: 9 })
    expect(events.at(-1)).toMatchObject({
      ...WRITTEN,
      by: 'write_back',
      version: 2,
      before: record,
    })
    expect(at.events.at(-1)).toEqual(events.at(-1))
  })

  it('does not hide why a rollout was rolled back, now or after a restart', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    await at.command('rollback', { reason: 'it lies' })
    await noted(at)
    const next = stand({ stores, clock: at.clock })
    await next.controller.turn()
    for (const { controller, split } of [at, next]) {
      const view = rolloutViewOf({
        split: split(),
        report: controller.report(),
        tally: new Tally(),
        flags: FLAGS,
        drift: null,
        budgets: [],
        canaryInFlight: 0,
        nowMs: 0,
        wallMs: 0,
        watchedSinceMs: 0,
      })
      expect(view.verdict.reasons).toEqual(['ada: it lies'])
      expect(view.version).toBe(3)
    }
  })

  it('is no conflict for a person who saw the version before it, and saves nobody from a real one', async () => {
    const at = await started(stand())
    await noted(at)
    await noted(at)
    expect(await at.command('advance', { version: 0 })).toMatchObject({ code: 'version_conflict' })
    expect(await at.command('advance', { version: 4 })).toMatchObject({ code: 'version_conflict' })
    expect(await at.command('advance', { version: 1 })).toMatchObject({ ok: true })
    expect(await at.command('advance', { version: 1 })).toMatchObject({ code: 'version_conflict' })
    expect(await at.command('advance', { version: 3 })).toMatchObject({ code: 'version_conflict' })
  })

  it('is no conflict after a restart either', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    await noted(at)
    const next = stand({ stores, clock: at.clock })
    await next.controller.turn()
    expect(await next.command('advance', { version: 1 })).toMatchObject({ ok: true })
  })

  it('is no conflict for who starts what was only written about', async () => {
    const at = stand()
    await at.controller.turn()
    expect(await at.command('note', { reason: 'tomorrow at nine' })).toMatchObject({ ok: true })
    expect(at.events).toMatchObject([{ type: 'note', by: 'ada', reason: 'tomorrow at nine' }])
    expect(at.controller.report().record).toMatchObject({ state: 'idle', version: 1 })
    expect(await at.command('start', { version: 0 })).toMatchObject({ ok: true })
  })

  it('leaves a suspension and its probes alone', async () => {
    const at = await started(stand())
    for (let one = 0; one < 5; one++) at.see({ bucket: 0, failed: true })
    for (let one = 0; one < 300; one++) at.see({ bucket: 9_999 })
    await at.controller.turn()
    const { suspension } = at.controller.record as { suspension?: unknown }
    await noted(at)
    expect(at.controller.report().record.state).toMatch(/suspended|rolled_back/)
    expect(at.controller.report().record.suspension).toEqual(suspension)
  })

  it('waits for a store that is away, and is not lost', async () => {
    const line = cable(memoryStores<FlushRecord>())
    const at = await started(stand({ stores: line.stores }))
    line.plugged = false
    await noted(at)
    expect(at.controller.fault).toBe('the cable is out')
    line.plugged = true
    await at.controller.turn()
    expect(at.events.map(({ type }) => type)).toEqual(['started', 'flag_written'])
  })

  it('is written at the end, when the controller closes', async () => {
    const at = await started(stand())
    at.controller.note(WRITTEN)
    await at.controller.close()
    expect(at.events.map(({ type }) => type)).toEqual(['started', 'flag_written'])
  })

  it('of two processes reaches both', async () => {
    const stores = memoryStores<FlushRecord>()
    const one = await started(stand({ stores }))
    const other = stand({ stores, clock: one.clock })
    await other.controller.turn()
    await noted(one)
    await noted(other)
    await one.controller.turn()
    expect(one.controller.record).toEqual(other.controller.record)
    expect(one.controller.report().record.version).toBe(3)
    expect(await one.command('advance', { version: 1 })).toMatchObject({ ok: true })
  })
})
