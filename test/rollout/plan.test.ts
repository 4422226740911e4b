import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { planOf, stepAt, stepBelow } from '../../src/rollout/plan.ts'

/** Reads a rollout's `plan` and `guard` as the file has them. */
function planFrom(more: { plan?: object; guard?: object }) {
  const upstream = { baseUrl: 'https://a.example/v1' }
  const config = configSchema.parse({
    version: 1,
    upstreams: { a: upstream, b: upstream },
    rollouts: {
      relay: {
        match: { paths: ['/v1/embeddings'] },
        control: 'a',
        canary: 'b',
        flag: 'f',
        ...more,
      },
    },
  })
  const { relay } = config.rollouts
  if (relay === undefined) throw new Error('no rollout')
  return planOf(relay)
}

const HOUR = 3_600_000

describe('a plan', () => {
  it('divides its time evenly over bare steps', () => {
    const { steps } = planFrom({
      plan: { steps: ['1%', '2%', '5%', '10%', '25%', '50%', '75%', '99%'], over: '14d' },
    })
    expect(steps.map(({ shareBp }) => shareBp)).toEqual([
      100, 200, 500, 1_000, 2_500, 5_000, 7_500, 9_900,
    ])
    expect(steps.map(({ dwellMs }) => dwellMs)).toEqual(Array(8).fill(42 * HOUR))
  })

  it('leaves steps their own time, also none, and divides all of `over` between the others', () => {
    const { steps } = planFrom({
      plan: {
        steps: [{ share: '1%', dwell: '6h' }, '2%', { share: '5%' }, { share: '9%', dwell: '0s' }],
        over: '8h',
      },
    })
    expect(steps.map(({ dwellMs }) => dwellMs / HOUR)).toEqual([6, 4, 4, 0])
  })

  it('takes fourteen days where config does not say', () => {
    const { steps } = planFrom({ plan: { steps: ['1%', '50%'] } })
    expect(steps.map(({ dwellMs }) => dwellMs)).toEqual([7 * 24 * HOUR, 7 * 24 * HOUR])
  })

  it('reads what a step asks for', () => {
    const { steps } = planFrom({
      plan: {
        steps: [
          '1%',
          { share: '0.5%' },
          { share: '5%', minRequests: 300, approve: true, window: 'Mon-Fri 09:00-17:00 UTC' },
        ],
      },
    })
    expect(steps[0]).toMatchObject({ minRequests: 0, approve: false, window: null })
    expect(steps[2]).toMatchObject({ minRequests: 300, approve: true })
    expect(steps[2]?.window?.text).toBe('Mon-Fri 09:00-17:00 UTC')
  })

  it('wants a person before every step but the first when it is advanced by hand', () => {
    const approvals = (advance: string) =>
      planFrom({ plan: { steps: ['1%', '5%', '99%'], advance } }).steps.map((step) => step.approve)
    expect(approvals('manual')).toEqual([false, true, true])
    expect(approvals('auto')).toEqual([false, false, false])
  })

  it('never goes to 100 % without a person', () => {
    const { steps } = planFrom({ plan: { steps: ['99.99%', '100%'] } })
    expect(steps.map(({ approve }) => approve)).toEqual([false, true])
  })

  it('has no steps, and nothing that acts, where config has neither plan nor guard', () => {
    expect(planFrom({})).toMatchObject({ steps: [], guarded: false })
  })

  it('is guarded with a plan, and without one where config asks for it', () => {
    expect(planFrom({ plan: { steps: ['1%'] } }).guarded).toBe(true)
    expect(planFrom({ guard: {} })).toMatchObject({ steps: [], guarded: true })
  })

  it('has no window that cannot be read: the configuration says so before', () => {
    const plan = { steps: ['1%', { share: '5%', window: 'office hours' }] }
    expect(() => planFrom({ plan })).toThrow('must be days, hours and zone')
  })

  it('knows whose height a share is, and the step below it', () => {
    const plan = planFrom({ plan: { steps: ['1%', '5%', '99%'] } })
    expect([0, 100, 101, 500, 9_900, 10_000].map((bp) => stepAt(plan, bp))).toEqual([
      null,
      0,
      null,
      1,
      2,
      null,
    ])
    expect([0, 99, 100, 499, 500, 9_899, 9_900, 10_000].map((bp) => stepBelow(plan, bp))).toEqual([
      0, 0, 0, 0, 1, 1, 2, 2,
    ])
    expect(stepBelow(planFrom({}), 100)).toBeNull()
  })
})
