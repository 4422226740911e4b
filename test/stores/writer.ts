/**
 * A process that writes to a store as fast as it can, and says on stdout what was acknowledged: one JSON line after each
 * write, before the next. `node writer.ts FILE PROCESS SEED [TURNS]`. A fault of the store is a line too, and ends it.
 */
import { writeSync } from 'node:fs'
import { randomFrom } from '../../src/demo/random.ts'
import { HeadgateError } from '../../src/errors.ts'
import type { EvidenceBatch, Stores } from '../../src/ports.ts'
import { advance, type Findings } from '../../src/rollout/advance.ts'
import { type Command, command } from '../../src/rollout/command.ts'
import { planOf } from '../../src/rollout/plan.ts'
import { initialOf } from '../../src/rollout/state.ts'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import type { Verdict } from '../../src/types.ts'
import { type Ack, type Counts, countsOf, GROUP, ROLLOUTS } from './crash.ts'

const plan = planOf({ plan: { steps: [100, 500, 2_500, 9_900], over: 8, advance: 'auto' } })
const verdict = (value: Verdict['value']): Verdict => ({ value, reasons: [value], monitors: [] })

const [file = '', process_ = '', seed = '', turnsText = 'Infinity'] = process.argv.slice(2)
const random = randomFrom(seed)

function acknowledge(ack: Ack): void {
  writeSync(1, `${JSON.stringify(ack)}\n`)
}

/** One decision of either kind, written if it is one; the latch comes often. */
async function decide({ state }: Stores<Counts>, turn: number): Promise<void> {
  const rollout = random.choice(ROLLOUTS)
  const standing = (await state.read(rollout)) ?? initialOf(rollout, plan, turn)
  const id = `${process_}-${turn}`
  const { record } = standing
  const types = ['start', 'set', 'pause', 'resume', 'advance', 'rollback', 'rearm'] as const
  const type = record.state === 'rolled_back' ? 'rearm' : random.choice(types)
  const order = { by: process_, reason: `turn ${turn}`, shareBp: random.int(10_001) }
  const findings: Findings = {
    guard: verdict(random.chance(0.2) ? 'fail' : 'inconclusive'),
    gate: verdict('pass'),
    mismatch: verdict('inconclusive'),
    trip: random.chance(0.1) ? { kind: 'failures', words: 'a run' } : null,
    need: null,
    epoch: record.epoch,
    visit: record.visit,
    stranger: null,
    ceilingBp: null,
    probes: null,
  }
  const result = random.chance(0.5)
    ? { ok: true as const, ...advance(plan, standing, findings, turn, id) }
    : command(plan, standing, { type, ...order } as Command, turn, id)
  if (!result.ok) return
  const { record: next, dwell } = result.next
  if (result.events.length === 0) {
    if (record.version === 0) return
    if ((await state.keepDwell(rollout, record.version, dwell)) !== 'written') return
    acknowledge({ kind: 'dwell', rollout, version: record.version, ms: dwell.ms })
    return
  }
  if ((await state.commit(result.events, dwell)) !== 'written') return
  acknowledge({ kind: 'event', rollout, id, version: next.version })
}

async function count({ evidence }: Stores<Counts>, turn: number): Promise<void> {
  const batches = Array.from({ length: GROUP }, (_, index): EvidenceBatch<Counts> => {
    const sequence = turn * GROUP + index
    const rollout = random.choice(ROLLOUTS)
    const counts = countsOf(process_, sequence)
    return { rollout, epoch: 1, process: process_, sequence, at: turn, counts }
  })
  const taken = await evidence.append(batches)
  if (taken.length !== GROUP) throw new Error(`${taken.length} of ${GROUP} were new`)
  acknowledge({ kind: 'counts', process: process_, turn })
}

try {
  const stores = openSqliteStores<Counts>({ file, busyTimeoutMs: 5_000 })
  acknowledge({ kind: 'open' })
  for (let turn = 0; turn < Number(turnsText); turn++) {
    await (random.chance(0.6) ? decide(stores, turn) : count(stores, turn))
  }
  await stores.close()
} catch (error) {
  if (!(error instanceof HeadgateError)) throw error
  acknowledge({ kind: 'fault', code: error.code, message: error.message })
}
