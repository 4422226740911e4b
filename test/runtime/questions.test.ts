import { describe, expect, it } from 'vitest'
import type { CostsView } from '../../src/api/views/costs.ts'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import { QUESTIONS } from '../../src/compare/questions.ts'
import type { Clock, Stores } from '../../src/ports.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { EXTRA_KEY, type Gateway, LISTENING } from '../fakes/gateway.ts'
import { type Law, startWords, type Words } from '../fakes/words.ts'
import { start } from './start.ts'

/** Small questions, asked of both arms on a schedule: is it the same model behind both? */

const MODEL: Law = { Blue: 8, Red: 1, Green: 1 }
const OTHER: Law = { Blue: 1, Red: 1, Teal: 8 }
const MINUTE_MS = 60_000

/** The real clock, but for what a test skips of it. */
function skipping(): Clock & { skip(ms: number): void } {
  let skippedMs = 0
  return {
    skip(ms) {
      skippedMs += ms
    },
    wallMs: () => Date.now() + skippedMs,
    monotonicMs: () => performance.now() + skippedMs,
    setTimer: (run, ms) => setTimeout(run, ms),
    clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
  }
}

interface Asked extends Gateway {
  readonly control: Words
  readonly canary: Words
  readonly clock: ReturnType<typeof skipping>
  /** So many intervals go by. */
  minutes(count: number): Promise<void>
}

describe.each(LISTENING)('G9: small questions over %s', (transport) => {
  async function asked(
    canary: Law,
    shadow: Readonly<Record<string, unknown>> = {},
    {
      stores = memoryStores<FlushRecord>(),
      clock = skipping(),
      rollout = {},
      killedByEnv = false,
    }: {
      stores?: Stores<FlushRecord>
      clock?: ReturnType<typeof skipping>
      rollout?: object
      killedByEnv?: boolean
    } = {},
  ): Promise<Asked> {
    const control = await startWords(MODEL, 'control')
    const other = await startWords(canary, 'canary')
    const price = { models: { 'gpt-5.2': { input: 1, output: 10 } } }
    const gateway = await start({
      transport,
      clock,
      stores,
      percent: 100,
      killedByEnv,
      official: { baseUrl: control.baseUrl, price },
      relay: { baseUrl: other.baseUrl, price },
      rollout: {
        plan: { steps: ['10%', '50%'], over: '14d' },
        probe: { model: 'gpt-5.2' },
        shadow: { rate: '0.01%', probes: '0%', questions: { interval: '1m' }, ...shadow },
        ...rollout,
      },
    })
    return Object.assign(gateway, {
      control,
      canary: other,
      clock,
      async minutes(count: number) {
        for (let minute = 0; minute < count; minute++) {
          await gateway.headgate.turn()
          await gateway.headgate.question()
          // What was answered is written down and judged.
          await gateway.headgate.turn()
          clock.skip(MINUTE_MS)
        }
      },
    })
  }

  const questionsOf = async (gateway: Gateway) =>
    ((await gateway.ask('/rollouts/relay')) as RolloutView).drift?.questions ?? null

  it('both arms get the same ones in turn, one an interval', async () => {
    const gateway = await asked(MODEL)
    await gateway.minutes(QUESTIONS.length + 1)
    const prompts = [...QUESTIONS, QUESTIONS[0]].map((question) => question?.prompt)
    expect(gateway.control.prompts).toEqual(prompts)
    expect(gateway.canary.prompts).toEqual(prompts)
    for (let turn = 0; turn < 5; turn++) {
      await gateway.headgate.turn()
      await gateway.headgate.question()
    }
    await gateway.headgate.turn()
    expect(gateway.canary.prompts).toHaveLength(prompts.length + 1)
    expect(await questionsOf(gateway)).toMatchObject({ asked: prompts.length + 1, limit: 1_000 })
  })

  it('no start and no turn waits for one', async () => {
    const gateway = await asked(MODEL)
    await gateway.headgate.turn()
    expect(gateway.control.prompts).toEqual([])
  })

  it('an honest relay, which draws as control does, is not accused', async () => {
    const gateway = await asked(MODEL, { integrity: { other_model: 'roll_back' } })
    await gateway.command('start')
    await gateway.minutes(200)
    const view = (await gateway.ask('/rollouts/relay')) as RolloutView
    expect(view.drift).toMatchObject({ findings: {}, questions: { asked: 200 } })
    expect(view.state).toBe('ramping')
    expect(gateway.events.map(({ type }) => type)).toEqual(['started'])
  })

  it('another model behind the name is found, and rolled back where the owner says so', async () => {
    const gateway = await asked(OTHER, { integrity: { other_model: 'roll_back' } })
    await gateway.command('start')
    await gateway.minutes(100)
    const { by, reason } = await gateway.event('rolled_back')
    expect(by).toBe('guard')
    expect(reason).toContain('integrity: other_model, 1 so far: small questions get other words')
    const caught = await gateway.event('caught')
    expect(caught).toMatchObject({
      by: 'integrity',
      reason: 'other_model: small questions get other words from the canary than from control',
    })
    // Whatever is closed is asked no more.
    const { length } = gateway.canary.prompts
    expect(length).toBeLessThan(100)
    expect(await questionsOf(gateway)).toMatchObject({ asked: length })
  })

  it('a model that is swapped later is found too, and noted unless the owner wants more', async () => {
    const gateway = await asked(MODEL)
    await gateway.command('start')
    await gateway.minutes(60)
    gateway.canary.become(OTHER)
    await gateway.minutes(120)
    await gateway.event('caught')
    const view = (await gateway.ask('/rollouts/relay')) as RolloutView
    expect(view.drift?.findings.other_model).toBeGreaterThan(0)
    expect(view.state).toBe('ramping')
  })

  it('a restart goes on where it was, and tells nothing twice', async () => {
    const stores = memoryStores<FlushRecord>()
    const unclosed = { ...stores, close: async () => {} }
    const first = await asked(OTHER, {}, { stores: unclosed })
    await first.minutes(5)
    await first.headgate.close()
    const second = await asked(OTHER, {}, { stores: unclosed, clock: first.clock })
    await second.minutes(1)
    expect(second.canary.prompts).toEqual([QUESTIONS[5]?.prompt])
    expect(await questionsOf(second)).toMatchObject({ asked: 6 })
    await second.minutes(94)
    await second.event('caught')
    const { drift } = (await second.ask('/rollouts/relay')) as RolloutView
    await second.headgate.close()
    const later = { questions: { interval: '1h' } }
    const third = await asked(OTHER, later, { stores: unclosed, clock: first.clock })
    await third.minutes(3)
    const view = (await third.ask('/rollouts/relay')) as RolloutView
    expect(view.drift?.questions?.asked).toBe(100)
    expect(view.drift?.findings).toEqual(drift?.findings)
    expect(third.events).toEqual([])
  })

  it('a planted key is shown to the canary once a round, and to nobody else', async () => {
    const planted = [{ name: 'trap-1', secret: { env: 'EXTRA' } }]
    const gateway = await asked(MODEL, { planted })
    await gateway.minutes(QUESTIONS.length + 2)
    const shown = gateway.canary.prompts.filter((prompt) => prompt.includes(EXTRA_KEY))
    expect(shown).toHaveLength(2)
    expect(gateway.canary.prompts).toHaveLength(QUESTIONS.length + 2 + shown.length)
    expect(gateway.control.prompts.join()).not.toContain(EXTRA_KEY)
    expect(gateway.logs.join()).not.toContain(EXTRA_KEY)
  })

  it('they are booked under a role of their own, and are nobody’s requests', async () => {
    const gateway = await asked(MODEL)
    await gateway.minutes(3)
    const { roles, items } = (await gateway.ask('/costs?by=line')) as CostsView
    expect(roles.question).toBeCloseTo((6 * (12 + 10)) / 1e6, 12)
    expect(roles).toMatchObject({ live: 0, shadow: 0, probe: 0 })
    expect(items.map(({ role, arm }) => [role, arm]).sort()).toEqual([
      ['question', 'canary'],
      ['question', 'control'],
    ])
    expect(gateway.observations).toEqual([])
    expect(gateway.view().arms.canary.requests).toBe(0)
  })

  it('the budget of shadows holds for them', async () => {
    const gateway = await asked(MODEL, { budget: { requests: 5 } })
    await gateway.minutes(20)
    expect(gateway.canary.prompts).toHaveLength(2)
  })

  it('an arm that fails has said nothing, and is asked no sooner', async () => {
    const gateway = await asked(MODEL)
    gateway.canary.become(null)
    await gateway.minutes(3)
    expect(gateway.control.prompts).toHaveLength(3)
    expect(await questionsOf(gateway)).toMatchObject({ asked: 0, evidence: 1 })
  })

  it('a question that an arm has no word for is left behind, and a planted key is not shown the oftener', async () => {
    const planted = [{ name: 'trap-1', secret: { env: 'EXTRA' } }]
    const gateway = await asked(MODEL, { planted })
    gateway.control.become(null)
    await gateway.minutes(QUESTIONS.length)
    expect(gateway.control.prompts).toEqual(QUESTIONS.map(({ prompt }) => prompt))
    expect(gateway.canary.prompts.filter((prompt) => prompt.includes(EXTRA_KEY))).toHaveLength(1)
  })

  it('no words of an upstream are kept, shown or logged', async () => {
    const stores = memoryStores<FlushRecord>()
    const gateway = await asked({ Tellurian: 1 }, {}, { stores })
    await gateway.minutes(3)
    const log = await stores.evidence.read({ rollout: 'relay', limit: 100 })
    const said = JSON.stringify([log, await gateway.ask('/rollouts'), gateway.logs])
    expect(log.flatMap(({ counts }) => counts.counts).some(({ questions }) => questions)).toBe(true)
    expect(said.toLowerCase()).not.toContain('tellurian')
    expect(said.toLowerCase()).not.toContain('blue')
  })

  it.each([
    ['unless the owner wants them', { shadow: { questions: undefined } }],
    ['where it is killed', { killedByEnv: true }],
    ['where there is neither plan nor guard', { rollout: { plan: undefined } }],
    ['where nothing answers with words', { rollout: { match: { paths: ['/v1/embeddings'] } } }],
  ] as const)('nothing is asked %s', async (_, setting) => {
    const { shadow, ...more } = { shadow: {}, ...setting }
    const gateway = await asked(MODEL, shadow, more)
    await gateway.minutes(3)
    expect(gateway.control.prompts.length + gateway.canary.prompts.length).toBe(0)
  })
})
