import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import type { CandidateName } from '../overhead/candidates.ts'
import { quantileOf, type Spread, spreadOf } from '../overhead/statistics.ts'
import { markdownTable } from '../overhead/table.ts'

/** What the rounds say, and whether SPEED.md's bounds are kept. */

interface Times {
  readonly answerMs: number
  readonly firstChunkMs: number
  /** One of each caller who left. */
  readonly leftMs: readonly number[]
}

interface Held extends Times {
  readonly name: CandidateName
  readonly streamKb: number
  readonly dawdlerMb: number
}

export interface Round {
  /** Nothing between caller and upstream. */
  readonly direct: Times
  readonly candidates: readonly Held[]
}

export interface Circumstances {
  readonly nginx: string | null
  readonly proxyCore: number
  readonly loadCore: number
}

interface Row {
  readonly title: string
  readonly unit: 'ms' | 'KB' | 'MB'
  /** SPEED.md section 4, of Headgate. */
  readonly must: { readonly value: number; readonly words: string }
  readonly spreads: ReadonlyMap<CandidateName, Spread>
  /** What is held against the bound, where that is not the median itself. */
  readonly judged?: Spread | null
}

const DOCS = 'docs/benchmarks/held.md'
const NAMES: readonly CandidateName[] = ['headgate', 'bare', 'nginx']

function rowsOf(rounds: readonly Round[]): readonly Row[] {
  const each = (figureOf: (held: Held, round: Round) => number) =>
    new Map(
      NAMES.flatMap((name) => {
        const values = rounds.flatMap((round) => {
          const held = heldOf(round, name)
          return held === undefined ? [] : [figureOf(held, round)]
        })
        return values.length === 0 ? [] : [[name, spreadOf(values)] as const]
      }),
    )
  const added = ({ answerMs }: Held, { direct }: Round): number => answerMs - direct.answerMs
  const toNginx = rounds.flatMap((round) => {
    const headgate = heldOf(round, 'headgate')
    const nginx = heldOf(round, 'nginx')
    if (headgate === undefined || nginx === undefined) return []
    return [added(headgate, round) / added(nginx, round)]
  })
  return [
    {
      title: 'added to a whole answer, p50, 300 requests/s',
      unit: 'ms',
      must: { value: 3, words: '≤ 3 × nginx' },
      spreads: each(added),
      judged: toNginx.length === 0 ? null : spreadOf(toNginx),
    },
    {
      title: 'added to the first chunk of a stream, p50',
      unit: 'ms',
      must: { value: 2, words: '≤ 2 ms' },
      spreads: each(({ firstChunkMs }, { direct }) => firstChunkMs - direct.firstChunkMs),
    },
    {
      title: 'memory of an open stream, one of 1,000',
      unit: 'KB',
      must: { value: 64, words: '≤ 64 KB' },
      spreads: each(({ streamKb }) => streamKb),
    },
    {
      title: 'memory for a slow caller, stream of 115 MB',
      unit: 'MB',
      must: { value: 32, words: '≤ 32 MB' },
      spreads: each(({ dawdlerMb }) => dawdlerMb),
    },
    {
      title: 'from the caller’s leaving to the upstream’s end, p95',
      unit: 'ms',
      must: { value: 250, words: '≤ 250 ms' },
      spreads: each(({ leftMs }) => quantileOf(leftMs, 0.95)),
    },
  ]
}

function heldOf({ candidates }: Round, name: CandidateName): Held | undefined {
  return candidates.find((held) => held.name === name)
}

export function print(rounds: readonly Round[], seen: Circumstances): void {
  const rows = rowsOf(rounds)
  console.log(
    `\n${tableOf(rows)}\n\n${notesOf(rounds, seen).join('\n')}\n\n${verdictOf(rows).join('\n')}`,
  )
}

function tableOf(rows: readonly Row[]): string {
  const names = NAMES.filter((name) => rows.some(({ spreads }) => spreads.has(name)))
  return markdownTable([
    ['what', 'must', ...names],
    ...rows.map(({ title, unit, must, spreads }) => [
      title,
      must.words,
      ...names.map((name) => spreadText(spreads.get(name), unit)),
    ]),
  ])
}

function spreadText(spread: Spread | undefined, unit: Row['unit']): string {
  if (spread === undefined) return ''
  const text = (value: number): string => value.toFixed(unit === 'ms' ? 2 : unit === 'KB' ? 0 : 1)
  return `${text(spread.median)} ${unit} [${text(spread.low)}–${text(spread.high)}]`
}

function verdictOf(rows: readonly Row[]): readonly string[] {
  return rows.flatMap(({ title, must, spreads, judged }) => {
    const spread = judged === undefined ? spreads.get('headgate') : judged
    if (spread === null || spread === undefined) return []
    const { median } = spread
    const value = judged === undefined ? '' : `${median.toFixed(2)} × nginx, `
    return [`${title}: ${value}${median <= must.value ? 'keeps' : 'MISSES'} ${must.words}`]
  })
}

function notesOf(
  rounds: readonly Round[],
  { nginx, proxyCore, loadCore }: Circumstances,
): readonly string[] {
  const direct = (of: (times: Times) => number): string =>
    spreadOf(rounds.map((round) => of(round.direct))).median.toFixed(2)
  return [
    `Machine: ${cpus().length} cores, ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 1e9)} GB; proxy on core ${proxyCore}, callers and upstream on ${loadCore}.`,
    `Versions: node ${process.versions.node}, ${nginx ?? 'nginx not installed (apt-get install -y --no-install-recommends nginx-light): left out'}.`,
    `Rounds: ${rounds.length}, each with new processes. With nothing between: an answer in ${direct(({ answerMs }) => answerMs)} ms, a first chunk in ${direct(({ firstChunkMs }) => firstChunkMs)} ms, a caller’s leaving seen in ${direct(({ leftMs }) => quantileOf(leftMs, 0.95))} ms.`,
  ]
}

export function write(rounds: readonly Round[], seen: Circumstances, command: string): void {
  const rows = rowsOf(rounds)
  const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n')
  const file = join(import.meta.dirname, '../..', DOCS)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(
    file,
    `# What Headgate holds and delays

After this page you know what Headgate costs that is no CPU: time, memory, and an upstream's work for nobody. CPU is in
[what a request costs](overhead.md).

\`${command}\`, on ${new Date().toISOString().slice(0, 10)}:

${tableOf(rows)}

${list(notesOf(rounds, seen))}

${list(verdictOf(rows))}

Median of the rounds, with the range from the 10th to the 90th percentile. Callers and upstream are one process with one clock.
**headgate** is \`headgate serve\` with a 10 % canary and everything on, **bare** the least that node:http and undici's
\`Pool.dispatch\` can do, **nginx** one worker. Added is what an answer takes longer than one straight from the upstream in
the same round; requests begin when they are due, whether others are back or not. Memory is what the kernel counts as resident, after
Node was told to collect. An open stream has said 20 events and is silent, and so it is when its caller leaves: no
write of the upstream's fails. The slow caller reads 1.3 MB a second while the upstream sends what is taken; the value is the most
that was held, and all of it comes once the caller reads on.
`,
  )
  console.log(`\nwritten: ${DOCS}`)
}
