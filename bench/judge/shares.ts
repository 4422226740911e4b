/** JUDGE.md 3.7: is the share the promised one? Units until the mismatch is found, looked at after every hundred. */
import { mismatchVerdict } from '../../src/judge/mismatch.ts'
import { policyOf } from '../../src/judge/policy.ts'
import { type Cell, percent } from './cells.ts'
import { binomial } from './sampling.ts'

const policy = policyOf()
const MOST_UNITS = 100_000

export const SHARES: readonly Cell[] = [
  { promised: 0.01, came: 0.01, full: 600, quick: 60 },
  { promised: 0.05, came: 0.05, full: 600, quick: 60 },
  { promised: 0.5, came: 0.5, full: 600, quick: 60 },
  { promised: 0.01, came: 0.02, full: 400, quick: 100 },
  { promised: 0.01, came: 0.015, full: 400, quick: 60 },
  { promised: 0.05, came: 0.06, full: 400, quick: 60 },
  { promised: 0.5, came: 0.52, full: 400, quick: 60 },
].map(({ promised, came, full, quick }) => ({
  id: `3.7 promised ${percent(promised)}, ${promised === came ? 'kept' : `came ${percent(came)}`}`,
  columns: ['units'],
  kind: promised === came ? ('rate' as const) : ('delay' as const),
  full,
  quick,
  run: (random) => {
    let [canary, control] = [0, 0]
    while (canary + control < MOST_UNITS) {
      const drawn = binomial(random, 100, came)
      canary += drawn
      control += 100 - drawn
      const state = [{ shareBp: promised * 10_000, fromBp: 0, canary, control }]
      if (mismatchVerdict(state, policy).value === 'fail') return [canary + control]
    }
    return [Number.POSITIVE_INFINITY]
  },
}))
