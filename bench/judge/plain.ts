/** The plain rule that `guard.absolute` offers: how often it ends a healthy rollout of fourteen days. */
import { type AbsoluteState, absoluteFindings, stepAbsolute } from '../../src/judge/absolute.ts'
import { type AbsoluteRule, policyOf } from '../../src/judge/policy.ts'
import type { Cell } from './cells.ts'
import { binomial, type Random } from './sampling.ts'

const DAYS = 14
const FLUSH_MS = 10_000
/** Half a request a second: 5 % of ten. */
const PER_FLUSH = 5

const RULES = [
  { name: 'errors > 1 %', rule: { errorRate: 0.01 } },
  { name: 'errors > 2 %', rule: { errorRate: 0.02 } },
  { name: 'errors > 5 %', rule: { errorRate: 0.05 } },
  { name: 'errors > 10 %', rule: { errorRate: 0.1 } },
  { name: 'p95 > 1.2 × its own', rule: { p95Ms: 1 } },
  { name: 'p95 > 2 × its own', rule: { p95Ms: 2 } },
] as const

/** What of lognormal times (σ 0.7) is beyond 1.2 and 2 times their p95. */
const BEYOND = [0, 0, 0, 0, 0.0285, 0.0043] as const

function days(random: Random, failingAt: (atMs: number) => number): readonly number[] {
  const rules = RULES.map(
    ({ rule }) => policyOf({ absolute: { windowMs: 300_000, ...rule } }).absolute as AbsoluteRule,
  )
  const states: AbsoluteState[] = rules.map(() => [])
  const found = rules.map(() => Number.POSITIVE_INFINITY)
  for (let atMs = FLUSH_MS; atMs <= DAYS * 86_400_000; atMs += FLUSH_MS) {
    const failed = binomial(random, PER_FLUSH, failingAt(atMs))
    const ok = PER_FLUSH - failed
    for (const [at, rule] of rules.entries()) {
      if (found[at] !== Number.POSITIVE_INFINITY) continue
      const overP95 = binomial(random, ok, BEYOND[at] as number)
      const counts = { requests: PER_FLUSH, failed, ok, overP95, overP99: 0 }
      states[at] = stepAbsolute(states[at] as AbsoluteState, counts, rule, atMs)
      if (absoluteFindings(states[at], rule).length > 0) found[at] = atMs / 86_400_000
    }
  }
  return found
}

export const PLAIN: readonly Cell[] = [
  { name: 'healthy, 0.5 % errors', failingAt: () => 0.005 },
  {
    name: 'healthy, and one hour in which both arms fail 40 %',
    failingAt: (atMs: number) => (atMs > 5e8 && atMs < 5e8 + 3_600_000 ? 0.4 : 0.005),
  },
].map(({ name, failingAt }) => ({
  id: `absolute ${name}`,
  columns: RULES.map((rule) => rule.name),
  kind: 'rate' as const,
  full: 20,
  quick: 3,
  run: (random) => days(random, failingAt),
}))
