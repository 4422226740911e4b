import { expect, it } from 'vitest'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import type { Finding } from '../../src/types.ts'
import { manualClock } from '../fakes/clock.ts'
import { type Stand, stand } from './controllers.ts'

/** What small questions have shown, in processes that share one log. */

/** Asked once more of arms that never say the same. */
async function asked(at: Stand): Promise<void> {
  const { epoch = 1, asked: count = 0 } = at.controller.questions ?? {}
  const one = { at: count, question: 'color', control: 'a', canary: 'b' }
  at.controller.answered(one, epoch)
  await at.controller.turn()
}

it('a finding is told once, by the process that has asked', async () => {
  const stores = memoryStores<FlushRecord>()
  const clock = manualClock()
  const told: (readonly [string, Finding])[] = []
  const process = (name: string): Stand =>
    stand({ stores, clock, parts: { onFinding: (_, finding) => told.push([name, finding]) } })
  const [one, other] = [process('one'), process('other')]
  await Promise.all([one.controller.turn(), other.controller.turn()])
  for (let times = 0; times < 40; times++) {
    await asked(one)
    await other.controller.turn()
  }
  expect(other.controller.questions).toEqual(one.controller.questions)
  expect(one.controller.questions).toMatchObject({ asked: 40, askedAt: 39 })
  const counted = told.length
  expect(counted).toBeGreaterThan(10)
  expect(new Set(told.map(([name]) => name))).toEqual(new Set(['one']))
  expect(told[0]?.[1]).toMatchObject({ kind: 'other_model', evidence: { limit: 1_000 } })
  const late = process('late')
  await late.controller.turn()
  expect(late.controller.questions?.asked).toBe(40)
  expect(told).toHaveLength(counted)
})

it('an answer of an epoch that is over says nothing', async () => {
  const at = stand()
  await at.controller.turn()
  at.controller.answered({ at: 1, question: 'color', control: 'a', canary: 'b' }, 7)
  await at.controller.turn()
  expect(at.controller.questions).toMatchObject({ epoch: 1, asked: 0, askedAt: null })
})
