/**
 * The demo's own plan, made for a minute of some eighty simulated requests a second: fewer steps, larger margins, and a gate
 * that asks for less. The code is the same, and so is alpha.
 */

interface DemoStep {
  readonly percent: number
  /** The least canary requests before the next step. */
  readonly minRequests: number
}

const STEPS: readonly DemoStep[] = [
  { percent: 5, minRequests: 20 },
  { percent: 10, minRequests: 20 },
  { percent: 25, minRequests: 40 },
  { percent: 50, minRequests: 80 },
  { percent: 99, minRequests: 0 },
]

const OVER_HOURS = 156
const ALPHA = 0.01
const ERRORS_MARGIN = '1pp'
const LATENCY_MARGIN = '50%'
const PROBE_INTERVAL = '200ms'

/** The plan as `headgate.yaml` has it, inside its rollout. */
export const PLAN_CONFIG = `    plan:
      steps:
${STEPS.map(({ percent, minRequests }) => `        - { share: ${percent}%, minRequests: ${minRequests} }`).join('\n')}
      over: ${OVER_HOURS}h
    guard:
      alpha: ${ALPHA}
      errors: { margin: ${ERRORS_MARGIN} }
      latency: { p95: { margin: ${LATENCY_MARGIN} } }
      gate: no_harm
    probe: { interval: ${PROBE_INTERVAL}, timeout: 2s }
`

/** What is asked again of the other arm, in the same place. */
export const SHADOW_CONFIG =
  '    shadow: { rate: 5%, probes: 20%, timeout: 5s, budget: { requests: 100000 } }\n'

const DWELL_DAYS = OVER_HOURS / 24 / STEPS.length
const LEASTS = [...new Set(STEPS.map(({ minRequests }) => minRequests))].filter(
  (least) => least > 0,
)

/** The same in few words, for the page. */
export const PLAN_NOTE = `its own plan: gate no_harm, margins ${ERRORS_MARGIN} and ${LATENCY_MARGIN}, alpha ${ALPHA}`

/** The plan for people, and how it differs from the one that ships; lines of 80 characters at most. */
export const PLAN_WORDS: readonly string[] = [
  `The demo's own plan: ${STEPS.map(({ percent }) => `${percent} %`).join(', ')}, at least ${DWELL_DAYS} days each.`,
  `Margins are larger: errors ${ERRORS_MARGIN}, p95 ${LATENCY_MARGIN}. Alpha is ${ALPHA}, as shipped.`,
  `The gate is no_harm: it climbs after ${LEASTS.join(', ')} canary requests with nothing`,
  'found against them. The gate that ships asks for proof, and the plan that ships',
  'begins at 1 %: both take more traffic than a minute of simulated calls.',
]
