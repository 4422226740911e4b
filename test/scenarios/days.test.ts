import { expect, it } from 'vitest'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { manualClock } from '../fakes/clock.ts'
import { startControlLoop } from '../fakes/control-loop.ts'

/** What days of calls leave behind, counted in rows: `npm run soak:days` in small. */

const TURN_MS = 3_600_000
const TURNS = 24
const ALL = { from: '0000-01-01', to: '9999-12-31' }

/** What is kept at the end of each of four days, with an epoch a day, kept for one. */
async function daysOf(callsPerTurn: number) {
  const stores = memoryStores<FlushRecord>()
  const clock = manualClock()
  // From midnight on, so that a day of the clock is one of the ledger.
  clock.advance(86_400_000 - (clock.wallMs() % 86_400_000))
  const loop = await startControlLoop(stores, clock, 'p')
  const days = []
  for (let day = 0; day < 4; day++) {
    for (let turn = 0; turn < TURNS; turn++) {
      loop.observe(callsPerTurn)
      clock.advance(TURN_MS)
      await loop.turn()
    }
    await loop.again()
    // A turn lets go of 500 at most.
    for (let turn = 0; turn < 3; turn++) await loop.turn()
    const flushes = await stores.evidence.read({ rollout: 'relay', limit: 100_000 })
    const lines = await stores.ledger.read(ALL)
    const ofDay = new Date(clock.wallMs() - 1).toISOString().slice(0, 10)
    days.push({
      oldest: flushes[0]?.epoch,
      flushes: flushes.length,
      lines: lines.filter(({ key }) => key.day === ofDay).length,
      series: loop.series(),
    })
  }
  await loop.close()
  return days
}

it('after the second day flushes, lines of a day and series are as many as the day before, and no more for more calls', async () => {
  const few = await daysOf(120)
  const many = await daysOf(240)
  expect(many).toEqual(few)
  const [first, second, third, fourth] = many
  expect(first).toMatchObject({ oldest: 1, flushes: TURNS })
  expect(third).toEqual({ ...second, oldest: 2 })
  expect(fourth).toEqual({ ...second, oldest: 3 })
  // Names that nobody has heard of are one line of each arm and caller past the fortieth, and one series.
  expect(fourth?.series).toBeLessThan(20)
}, 60_000)
