import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Stores } from '../../src/ports.ts'
import { digestOf, type FlushRecord, judgeNext, NOTHING_JUDGED } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import { manualClock } from '../fakes/clock.ts'
import { rolloutConfig, type Stand, stand } from './controllers.ts'

/** Evidence of epochs that are over is let go in time, and nobody who judges can tell. */

const DAY_MS = 86_400_000

const config = rolloutConfig({ plan: { steps: ['50%'] }, evidence: { keep: '1d' } })

/** The same, but for a store that never lets go. */
function keeping(stores: Stores<FlushRecord>): Stores<FlushRecord> {
  return { ...stores, evidence: { ...stores.evidence, forget: async () => 0 } }
}

/** One life of a rollout over a store, with a process at a time. */
function life(stores: Stores<FlushRecord>) {
  const clock = manualClock()
  let ids = 0
  let processes = 0
  const opened = (): Stand =>
    stand({
      config,
      stores,
      clock,
      parts: { process: `p${processes++}`, id: () => `event-${ids++}` },
    })
  const made = {
    clock,
    stores,
    at: opened(),
    async restart(how: 'close' | 'crash') {
      if (how === 'close') await made.at.controller.close()
      made.at = opened()
      await made.at.controller.turn()
    },
  }
  return made
}

type Life = ReturnType<typeof life>

type Act =
  | { readonly what: 'requests'; readonly buckets: readonly number[]; readonly failing: boolean }
  | { readonly what: 'days'; readonly days: number }
  | { readonly what: 'again' | 'close' | 'crash' }

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('requests' as const),
      buckets: fc.array(fc.integer({ min: 0, max: 9_999 }), { minLength: 1, maxLength: 40 }),
      failing: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('days' as const),
      days: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ what: fc.constantFrom('again' as const, 'close', 'crash') }),
  },
)

async function does(on: Life, one: Act): Promise<void> {
  switch (one.what) {
    case 'requests':
      for (const bucket of one.buckets) {
        on.at.see({ bucket, failed: one.failing && bucket % 3 === 0 }, {}, `unit ${bucket}`)
      }
      break
    case 'days':
      on.clock.advance(one.days * DAY_MS)
      break
    case 'again':
      for (const name of ['rollback', 'rearm', 'start']) await on.at.command(name)
      break
    default:
      await on.restart(one.what)
  }
  await on.at.controller.turn()
}

/** What anybody could tell, and what a replay of the present epoch comes to. */
async function standOf({ at, stores }: Life) {
  const { forgotten: _, ...report } = at.controller.report()
  const { record } = at.controller
  const { epoch } = record
  const flushes = await stores.evidence.read({ rollout: 'relay', epoch, limit: 10_000 })
  const { state } = flushes.reduce(judgeNext, NOTHING_JUDGED)
  const events = await stores.state.events({ limit: 10_000 })
  return { record, report, flushes, events, replayed: state === null ? null : digestOf(state) }
}

const STORES: readonly (readonly [string, () => [Stores<FlushRecord>, () => void]])[] = [
  ['memory', () => [memoryStores<FlushRecord>(), () => {}]],
  [
    'sqlite',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'headgate-forgetting-'))
      const stores = openSqliteStores<FlushRecord>({ file: join(folder, 'state.db') })
      return [stores, () => rmSync(folder, { recursive: true })]
    },
  ],
]

it.each(STORES)(
  'over %s, who forgets stands where who keeps all does, after every act and restart',
  async (name, open) => {
    let forgot = 0
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 30 }), async (acts) => {
        const [[one, cleanOne], [other, cleanOther]] = [open(), open()]
        const [forgets, keeps] = [life(one), life(keeping(other))]
        for (const on of [forgets, keeps]) {
          await on.at.controller.turn()
          await on.at.command('start')
        }
        for (const next of acts) {
          await does(forgets, next)
          await does(keeps, next)
          expect(await standOf(forgets)).toEqual(await standOf(keeps))
        }
        forgot += (await one.evidence.forgotten('relay'))?.batches ?? 0
        expect(await other.evidence.forgotten('relay')).toBeNull()
        await Promise.all([one.close(), other.close()])
        cleanOne()
        cleanOther()
      }),
      { numRuns: name === 'memory' ? 25 : 12, seed: 7 },
    )
    expect(forgot).toBeGreaterThan(10)
  },
  60_000,
)

it('what is over is kept as long as it should be, and then let go a little each turn', async () => {
  const stores = memoryStores<FlushRecord>()
  const on = life(stores)
  await on.at.controller.turn()
  await on.at.command('start')
  for (let flush = 0; flush < 1_200; flush++) {
    on.at.see({ bucket: flush % 10_000 }, {}, `unit ${flush}`)
    await on.at.controller.turn()
  }
  await does(on, { what: 'again' })
  const events = await stores.state.events({ limit: 100 })
  const left = async () =>
    (await stores.evidence.read({ rollout: 'relay', epoch: 1, limit: 10_000 })).length
  const all = await left()
  expect(all).toBeGreaterThanOrEqual(1_200)
  on.clock.advance(DAY_MS - 1)
  await on.at.controller.turn()
  expect(await left()).toBe(all)
  on.clock.advance(600_000)
  const steps: number[] = []
  for (let turn = 0; turn < 3; turn++) {
    await on.at.controller.turn()
    steps.push(await left())
  }
  // The newest of the log stays where nothing came after it.
  expect(steps).toEqual([all - 500, all - 1_000, 1])
  expect(on.at.controller.report().forgotten).toMatchObject({ batches: all - 1, epoch: 1 })
  await on.restart('close')
  expect(on.at.controller.report().forgotten).toMatchObject({ batches: all - 1, epoch: 1 })
  expect(await stores.state.events({ limit: 100 })).toEqual(events)
})
