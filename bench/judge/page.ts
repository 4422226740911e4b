/** The page that the benchmark writes: which cells stand in which table, and what is said of them. */
import type { Cell } from './cells.ts'
import type { Kept } from './promises.ts'
import { markdown, number, type Results, rowsOf } from './report.ts'
import type { Speed } from './speed.ts'

interface Table {
  readonly title: string
  readonly note: string
  /** Which cells stand in it, as `--only` takes it. */
  readonly only: string
}

const FOUND =
  'Canary requests until found. z, Flagger and Argo 99 % are fast at small differences and roll back the healthy canaries above. Lindon and Malek’s test is Headgate’s equal; GrowthBook’s is at ten times the α and faster at a share of 50 %, its two failures of two an artefact of zero variance. Kayenta ran in the first 40.'

const SECTIONS: readonly (readonly [heading: string, tables: readonly Table[]])[] = [
  [
    'False rollbacks',
    [
      {
        title: 'Healthy canary, 100,000 requests, watched throughout',
        note: 'How many runs rolled it back. Anchors that look at windows see ten requests a second unless said otherwise. The shipped margin ran in the first 100 runs, Kayenta in the first 40.',
        only: '^4\\.1 ρ',
      },
      {
        title: 'Other rates, a longer watch, a canary at its margin',
        note: 'Errors alone, α 0.5 %.',
        only: '^4\\.1 elsewhere',
      },
      {
        title: 'Incidents that both arms share',
        note: 'A fifth of the time both arms fail 40 % of requests. Errors and tripwires together.',
        only: '^4\\.1 shared',
      },
      {
        title: 'Five canary failures in a row, under the same incidents',
        note: 'How many runs tripped at all: as it is commonly written, and with the contrast asked for. Shipped: 1e-6.',
        only: '^4\\.2 runs',
      },
    ],
  ],
  [
    'Finding errors',
    [
      ...[1, 5, 50].map((rho) => ({
        title: `Control at 0.5 %, a share of ${rho} %`,
        note: FOUND,
        only: `^4\\.2 ρ ${rho} %`,
      })),
      {
        title: 'After healthy days',
        note: 'Canary requests, counted from the break. "Cumulative only" is the same bet without its restart.',
        only: '^4\\.2 late',
      },
    ],
  ],
  [
    'Times',
    [
      {
        title: 'No difference, 100,000 requests',
        note: 'How many runs rolled it back. "headgate" is the average of the whole distribution and of p95, each alone beside it; α 0.2 %. Anchors ran in the first 100, Kayenta in the first 20.',
        only: '^4\\.3 null, ρ \\d+ %$',
      },
      {
        title: 'Thresholds pinned by few answers; a canary exactly as slow as it may be',
        note: 'How many runs rolled it back, 100,000 requests.',
        only: '^4\\.3 null, .*,',
      },
      {
        title: 'Slower canary, margin 0',
        note: 'Canary requests until found. "+25 %" slows every answer, so that p50 and p99 are 25 % slower too. Anchors ran in the first 40, Kayenta in the first 20.',
        only: '^4\\.3 ρ .* margin 0 %',
      },
      {
        title: 'Slower canary, with the shipped margin of 10 %',
        note: 'Canary requests until found. Of a slow tail alone the whole distribution says nothing once there is a margin; p95 does.',
        only: '^4\\.3 ρ .* margin 10 %',
      },
      {
        title: 'Slower canary, after healthy days',
        note: 'Canary requests, counted from the break.',
        only: '^4\\.3 late',
      },
      {
        title: 'As fast, and answering less often',
        note: 'How many runs a bet on times rolled back, 100,000 requests. Times are of good answers, so the bets also hear how many of them are the canary’s. What an errors’ margin of 5 pp lets pass they do not hear; half of the answers missing at a share of 50 % they do.',
        only: '^4\\.3 silent',
      },
    ],
  ],
  [
    'Meaning',
    [
      {
        title: 'No difference, 5,000 probes',
        note: 'How many runs were found different, limit 1,000. The fixed threshold (three windows of 20 probes 0.02 below the mean) ran in the first 5, on vectors; the rest draw the odd one out of three equals.',
        only: '^4\\.4 null',
      },
      {
        title: 'Other answers',
        note: 'Probes until found. Vectors of 64 numbers, not a model’s.',
        only: '^4\\.4 (?!null)',
      },
    ],
  ],
  [
    'Sticky units',
    [
      {
        title: 'Healthy canary, 100,000 requests',
        note: 'How many runs rolled it back, by what of a unit counts. Shipped: its first outcome.',
        only: '^4\\.5 (?!ramp)',
      },
      {
        title: 'A ramp over 2,000 units, 20,000 requests a step',
        note: 'Canary outcomes a run that were evidence at each step, and runs that were rolled back. Shipped: by stratum.',
        only: '^4\\.5 ramp',
      },
    ],
  ],
  [
    'The gate',
    [
      {
        title: 'Equal arms: canary requests until failures no longer hold it',
        note: '',
        only: '^3\\.8 ρ',
      },
      {
        title: 'Canary requests until p95 no longer holds it',
        note: 'The last three are at the edge, where one in twenty may pass.',
        only: '^3\\.8 p95',
      },
      {
        title: 'Worse by exactly the margin',
        note: 'How many runs passed; 5 % may.',
        only: '^3\\.8 at',
      },
    ],
  ],
  [
    'The share',
    [
      {
        title: 'A share that is kept',
        note: 'How many runs called it a mismatch: 100,000 units, looked at after every hundred, α 0.1 %.',
        only: '^3\\.7 .* kept$',
      },
      {
        title: 'Another share than promised',
        note: 'Units of both arms until it is found.',
        only: '^3\\.7 .* came',
      },
    ],
  ],
  [
    'Tripwires',
    [
      {
        title: 'Dead canary: canary requests until each alone stops it',
        note: 'From fresh, one request at a time, control answers every one. The contrastive run needs control beside it, which at 99 % hardly exists: there the paired run stops an outage.',
        only: '^2 dead',
      },
      {
        title: 'Paired run, dead canary at 99 %, concurrent load',
        note: 'What has begun and what has passed when it trips.',
        only: '^2 paired run, dead',
      },
      {
        title: 'Paired run: false trips an hour, incidents of the provider behind both arms',
        note: 'The canary is healthy, a run is an hour. Fifty requests a second unless said otherwise; one minute in five a request fails by this chance on either arm. N in a row, spread over two seconds or over as many requests that began after one before was answered. Shipped: N = 15, in the last column by the code that ships.',
        only: '^2 paired run, ρ .* incidents',
      },
      {
        title: 'Paired run: false trips an hour, blips',
        note: 'The canary is healthy, a run is an hour. Every half minute, 120 times an hour, everything in flight on both arms is killed, and what begins within the blip fails. One of no length is over when control is asked.',
        only: '^2 paired run, ρ .* blips',
      },
    ],
  ],
  [
    'Plain thresholds',
    [
      {
        title: 'How often `guard.absolute` ends a healthy rollout of fourteen days',
        note: 'The canary is as good as control. Half a canary request a second, a window of five minutes, at least 100 requests. It looks at the canary alone: an hour in which the provider behind both arms fails ends the rollout.',
        only: '^absolute',
      },
    ],
  ],
  [
    'Whole rollouts',
    [
      {
        title: '1-5-10-25-50-75-99 % over fourteen days, a flush every 15 minutes',
        note: 'All metrics, α 1 %. Canary requests until rollback; days until rollback or the end; share at the end (%); how many runs a Flagger-style rule (5 min, 99 %, 5 failures) would have rolled back by then. Given up after 42 days.',
        only: '^4\\.6',
      },
    ],
  ],
]

/** Every table's `--only`. */
export const TABLES: readonly string[] = SECTIONS.flatMap(([, tables]) =>
  tables.map(({ only }) => only),
)

/** What the page is made of. */
export interface Run {
  /** Of the command, but for `--only` and `--write`. */
  readonly flags: readonly string[]
  /** Node, processor, threads, seconds. */
  readonly machine: string
  readonly cells: readonly Cell[]
  readonly results: Results
  /** Empty when only some cells were run. */
  readonly promises: readonly Kept[]
  readonly speed: Speed
}

export function pageOf({ flags, machine, cells, results, promises, speed }: Run): string {
  const command = (...more: readonly string[]) => {
    const all = [...flags, ...more]
    return `\`npm run bench:judge${all.length === 0 ? '' : ` -- ${all.join(' ')}`}\``
  }
  const sections = SECTIONS.map(([heading, tables]) => {
    const some = tables.flatMap(({ title, note, only }) => {
      const wanted = new RegExp(only)
      const mine = cells.filter(({ id }) => wanted.test(id))
      if (mine.length === 0) return []
      const said = [note, command(`--only '${only}'`)].filter((part) => part !== '').join('\n\n')
      return [`### ${title}\n\n${said}\n`, ...rowsOf(mine, results), '']
    })
    return some.length === 0 ? [] : [`## ${heading}\n`, ...some]
  })
  return [
    introOf(command(), machine),
    ...promisesSection(promises, command),
    costOf(speed, command("--only '^2 dead'")),
    ...sections.flat(),
    LIMITS,
  ].join('\n')
}

function introOf(command: string, machine: string): string {
  return `# The judge, measured

After this page you know how often the judge is wrong, how fast it is, and how that compares; and how to measure each figure again.

${command} made this page: ${machine}. With the same seed all but the times under "Cost" are the same on any machine, and each
table can be made alone by the command above it.

hg-bench-1 is a simulation: requests are drawn one by one, and "ρ" is the canary's share. Headgate's columns run the code that ships
(\`src/judge\`), asked after every canary request.

- Requests until something acts: \`median/P90 [95 % interval of the median]\`, with the part of runs that acted at all where that is
  not all of them; "–" means fewer than half did.
- How many runs acted: the part, with Wilson's 95 % interval. Events an hour: the mean, with the Poisson 95 % interval.
- Counted are completions that the deciding process has seen. Exposure is more: add what is in flight, and rate × share × (flush +
  propagation).
- The others are written again from their documents and sources, not run: Flagger (60 s, error rate over 1 %, 5 or 10 failed checks,
  which never reset), Argo Rollouts (5 min, 95 or 99 %, the fourth failure aborts), Kayenta (Mann-Whitney, from 50 points, every 10), a z
  test watched continuously, GrowthBook (asymptotic confidence sequence, α 5 %, N* 5,000), Lindon and Malek (α 1 %, κ 2 and 20). What
  they find or miss depends on their thresholds: a short analysis is far safer than one of fourteen days, and what suits one
  service does not suit another.
`
}

function promisesSection(
  promises: readonly Kept[],
  command: (...more: readonly string[]) => string,
): string[] {
  if (promises.length === 0) return []
  const rows = promises.map(({ goal, target, measured, verdict, only }) => [
    goal,
    target,
    measured,
    verdict === 'missed' ? '**missed**' : verdict,
    `\`'${only}'\``,
  ])
  const off = promises.filter(({ verdict }) => verdict !== 'kept')
  const missed = promises.filter(({ verdict }) => verdict === 'missed')
  return [
    `## Promises

${command('--only …')} with what is in the last column runs the cell again that the figure is from, the worst where there are several.
Delays are canary requests, at shares of 1 and 5 % where nothing else is said. "Kept": the figure is within the target; where its
95 % interval reaches beyond, so many runs cannot prove it. "Within error": the figure is beyond the target, the target inside the
interval. ${missed.length === 0 ? 'None is missed' : `**${missed.length} of ${promises.length} missed**`}${off.length > missed.length ? `; ${off.length - missed.length} of ${promises.length} beyond the target, but within error` : ''}.
`,
    ...markdown([['goal', 'target', 'measured', '', '`--only`'], ...rows]),
    '',
  ]
}

function costOf(speed: Speed, command: string): string {
  return `## Cost

Of this run, so of this machine; every run ends with it: ${command}

An observation (admitted, counted, through the tripwire) ${number(Number(speed.observationUs.toPrecision(2)))} µs; a flush of 1,000 observations with every monitor on ${number(speed.flushUs)} µs.
State ${number(speed.stateBytes)} B of JSON, the largest metric ${number(speed.largestMetricBytes)} B; a flush on record ${number(speed.flushBytes)} B.
`
}

const LIMITS = `## What this does not show

- Requests are independent and control's rate is steady, but for the incidents, blips and bad clients that are named. That the false
  rollbacks stay below α under any drift is a theorem, not a measurement; it needs a known share, units drawn at random and outcomes
  recorded alike on both arms.
- No upstream and no model is called. Times are lognormal (σ 0.7), answers are vectors of 64 numbers.
- Failover, the time a kill takes and what a request pays for the proxy are no part of this benchmark. That a recorded verdict is
  computed again bit for bit is a test: \`npx vitest run test/judge/replay.test.ts\`.
`
