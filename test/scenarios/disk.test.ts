import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { HeadgateError } from '../../src/errors.ts'
import type { Stores } from '../../src/ports.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import { ask, EMBEDDINGS } from '../fakes/asks.ts'
import { type ManualClock, manualClock } from '../fakes/clock.ts'
import type { Gateway } from '../fakes/gateway.ts'
import { smallDisk } from '../fakes/small-disk.ts'
import { start } from '../runtime/start.ts'

/** A disk that takes nothing more, under a rollout that goes on: callers do not notice, and nothing grows. */

interface Disk {
  readonly stores: Stores<FlushRecord>
  fill(): void
  free(): void
}

const WRITES = new Set(['commit', 'keepDwell', 'append', 'keepCheckpoint'])

/** `writes` of a full or read-only disk reject and the rest goes on; of one that is gone all rejects. */
function failing(fails: (method: string) => boolean): Disk {
  const stores = memoryStores<FlushRecord>()
  let full = false
  const over = <Side extends object>(side: Side): Side =>
    new Proxy(side, {
      get(target, name) {
        const value = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) =>
          full && fails(String(name))
            ? Promise.reject(new HeadgateError('store_unavailable', 'the disk takes no more'))
            : value.apply(target, args)
      },
    })
  return {
    stores: { ...stores, state: over(stores.state), evidence: over(stores.evidence) },
    fill: () => {
      full = true
    },
    free: () => {
      full = false
    },
  }
}

/** SQLite on a file system of 640 KiB. @returns null where this process may not mount one */
function tiny(): Disk | null {
  const small = smallDisk()
  if (small === null) return null
  const { folder } = small
  onTestFinished(small.remove)
  const ballast = join(folder, 'ballast')
  return {
    stores: openSqliteStores<FlushRecord>({ file: join(folder, 'state.db') }),
    fill() {
      try {
        for (;;) appendFileSync(ballast, new Uint8Array(4_096))
      } catch {
        // Full to the last page.
      }
    },
    free: () => rmSync(ballast),
  }
}

const DISKS: readonly (readonly [string, () => Disk | null])[] = [
  ['full or read-only', () => failing((method) => WRITES.has(method))],
  ['gone', () => failing((method) => method !== 'close')],
  ['of 640 KiB, full', tiny],
]

describe.each(DISKS)('a disk that is %s', (_, made) => {
  interface Running {
    readonly gateway: Gateway
    readonly clock: ManualClock
    readonly disk: Disk
    /** Five seconds of requests, and a turn. @returns the reasons of the answers */
    live(): Promise<ReadonlySet<string>>
  }

  async function running(disk: Disk): Promise<Running> {
    const clock = manualClock()
    const rollout = { plan: { steps: ['50%', '99%'], over: '2h' } }
    const { stores } = disk
    const gateway = await start({ transport: 'node', clock, percent: 100, rollout, stores })
    await gateway.command('start')
    let sent = 0
    const live = async (): Promise<ReadonlySet<string>> => {
      const reasons = new Set<string>()
      for (let one = 0; one < 10; one++) {
        const unit = { 'x-headgate-unit': `unit-${sent++}` }
        const reply = await ask(gateway, EMBEDDINGS, {}, unit)
        expect(reply.status).toBe(200)
        reasons.add(String(reply.headers['x-headgate-reason']))
      }
      clock.advance(5_000)
      await gateway.headgate.turn()
      expect(gateway.view().share.target).toBeLessThanOrEqual(50)
      return reasons
    }
    await live()
    return { gateway, clock, disk, live }
  }

  /** Until a write was refused: what a file has in hand it may still fill. */
  async function fill({ gateway, disk, live }: Running): Promise<void> {
    disk.fill()
    while (!(await degraded(gateway)).includes('store')) await live()
  }

  async function degraded({ headgate }: Gateway): Promise<string[]> {
    const answer = await headgate.data.request('/readyz')
    expect(answer.status).toBe(200)
    return ((await answer.json()) as { degraded: string[] }).degraded
  }

  it('F-7: costs no caller an answer, means control after 30 s, and is over when it is over', async (context) => {
    const disk = made()
    if (disk === null) return context.skip()
    const on = await running(disk)
    const { gateway } = on
    await fill(on)
    let reasons: ReadonlySet<string> = new Set()
    for (let turn = 0; turn < 8; turn++) reasons = await on.live()
    expect(reasons).toEqual(new Set(['stale']))
    disk.free()
    await on.live()
    await on.live()
    expect(await on.live()).toEqual(new Set(['split']))
    expect(await degraded(gateway)).toEqual([])
    expect(gateway.view()).toMatchObject({ state: 'ramping', share: { target: 50 }, doubt: null })
    expect(gateway.events.map(({ type }) => type)).toEqual(['started'])
  }, 30_000)

  it('F-7: keeps what a person wanted: a rollback holds at once and is written later, a rise is not', async (context) => {
    const disk = made()
    if (disk === null) return context.skip()
    const on = await running(disk)
    const { gateway } = on
    await fill(on)
    await expect(gateway.command('share', { percent: 80 })).rejects.toThrow(/^503 /)
    expect(gateway.view().share.target).toBe(50)
    const why = { by: 'grace', reason: 'the bill' }
    await expect(gateway.command('rollback', why)).rejects.toThrow(/^503 /)
    for (let turn = 0; turn < 3; turn++) expect(await on.live()).toEqual(new Set(['latched']))
    disk.free()
    await on.live()
    const events = await disk.stores.state.events({ limit: 9 })
    expect(events).toMatchObject([{ type: 'started' }, { type: 'rolled_back', ...why }])
    expect(gateway.events.at(-1)).toMatchObject({ type: 'rolled_back', ...why })
    expect(await degraded(gateway)).toEqual([])
  }, 30_000)
})
