import { describe, expect, it } from 'vitest'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { pair } from '../fakes/pair.ts'
import { cable, type Stand, stand } from './controllers.ts'

/** What shadows came to is in the evidence log, and so outlives a process. */

const found = pair('a', 1, {
  verdict: 'different',
  findings: [{ kind: 'model_echo', words: 'another', evidence: {} }],
  similarity: { score: 0.5, method: 'embedding', model: 'm' },
})

/** A shadow that was sent, one that was dropped, and a pair. */
function shadowed({ drift }: Stand): void {
  drift.note({ what: 'sent', kind: 'shadow', arm: 'canary', usd: 0.25 })
  drift.note({ what: 'dropped', kind: 'shadow', why: 'too_large' })
  drift.note({ what: 'paired', pair: found })
}

const ONE = {
  sent: 1,
  usd: 0.25,
  dropped: { too_large: 1 },
  verdicts: { different: 1 },
  findings: { model_echo: 1 },
  method: 'embedding',
}
const TWO = {
  sent: 2,
  usd: 0.5,
  dropped: { too_large: 2 },
  verdicts: { different: 2 },
  findings: { model_echo: 2 },
  method: 'embedding',
}

describe('what shadows came to', () => {
  it('is there after a process that died, and goes on from there', async () => {
    const stores = memoryStores<FlushRecord>()
    const first = stand({ stores })
    await first.controller.turn()
    shadowed(first)
    expect(first.drift.counts).toMatchObject(ONE)
    await first.controller.turn()
    expect(first.drift.counts).toMatchObject(ONE)
    const second = stand({ stores })
    await second.controller.turn()
    expect(second.drift.counts).toEqual(first.drift.counts)
    shadowed(second)
    await second.controller.turn()
    expect(second.drift.counts).toMatchObject(TWO)
    // The other process hears of it too.
    await first.controller.turn()
    expect(first.drift.counts).toEqual(second.drift.counts)
  })

  it('is there after a checkpoint, and what came behind it', async () => {
    const stores = memoryStores<FlushRecord>()
    const first = stand({ stores })
    await first.controller.turn()
    shadowed(first)
    await first.controller.close()
    const second = stand({ stores })
    await second.controller.turn()
    expect(second.drift.counts).toMatchObject(ONE)
    shadowed(second)
    await second.controller.turn()
    const third = stand({ stores })
    await third.controller.turn()
    expect(third.drift.counts).toMatchObject(TWO)
  })

  it('counts once, and is shown, while a store is away and after', async () => {
    const line = cable(memoryStores<FlushRecord>())
    const at = stand({ stores: line.stores })
    await at.controller.turn()
    line.plugged = false
    shadowed(at)
    await at.controller.turn()
    expect(at.drift.counts).toMatchObject(ONE)
    shadowed(at)
    await at.controller.turn()
    line.plugged = true
    await at.controller.turn()
    await at.controller.turn()
    expect(at.drift.counts).toMatchObject(TWO)
    const next = stand({ stores: line.stores })
    await next.controller.turn()
    expect(next.drift.counts).toEqual(at.drift.counts)
  })

  it('is nothing in the next epoch', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = stand({ stores })
    await at.command('start')
    shadowed(at)
    await at.controller.turn()
    await at.command('rollback')
    await at.command('rearm')
    expect(at.controller.record.epoch).toBe(2)
    expect(at.drift.counts).toMatchObject({ sent: 0, verdicts: {}, method: null })
    const next = stand({ stores })
    await next.controller.turn()
    expect(next.drift.counts).toMatchObject({ sent: 0, verdicts: {} })
  })

  it('is no evidence: a log with it is judged as one without', async () => {
    const judged = async (drifts: boolean) => {
      const at = stand()
      await at.controller.turn()
      await at.command('start')
      at.see()
      if (drifts) shadowed(at)
      await at.controller.turn()
      return at.controller.report().judgement
    }
    expect(await judged(true)).toEqual(await judged(false))
  })
})
