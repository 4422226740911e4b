import { expect, it } from 'vitest'
import { rolloutViewOf } from '../../src/api/rollout-view.ts'
import { rateInterval } from '../../src/judge/rate-interval.ts'
import { Tally } from '../../src/rollout/tally.ts'
import { stand } from '../rollout/controllers.ts'

const FLAGS = { source: 'static', hash: null, ageMs: 0, maxAgeMs: null, refreshMs: 0, fault: null }

it('a monitor of a rate says where the rate of each arm is; what is no rate says nothing of the kind', async () => {
  const at = stand()
  await at.controller.turn()
  await at.command('start')
  for (let one = 0; one < 40; one++) at.see({ bucket: 0, failed: one === 7 })
  for (let one = 0; one < 300; one++) at.see({ bucket: 9_999, failed: one % 100 === 0 })
  await at.controller.turn()
  const view = rolloutViewOf({
    split: at.split(),
    report: at.controller.report(),
    tally: new Tally(),
    flags: FLAGS,
    drift: null,
    budgets: [],
    canaryInFlight: 0,
    nowMs: 0,
    wallMs: 0,
    watchedSinceMs: 0,
  })
  const monitors = new Map(view.verdict.monitors.map((one) => [one.name, one]))
  expect(monitors.get('failures')).toMatchObject({
    counts: { control: 300, canary: 40 },
    bad: { control: 3, canary: 1 },
    between: { control: rateInterval(3, 300), canary: rateInterval(1, 40) },
  })
  expect(monitors.get('latency')?.between).toBeUndefined()
})
