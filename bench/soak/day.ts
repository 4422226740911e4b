import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import { manualClock } from '../../test/fakes/clock.ts'
import { startControlLoop } from '../../test/fakes/control-loop.ts'

/**
 * `npm run soak:days`: days of 2.3 million calls on a clock that does not wait, through the ledger, the evidence and the judge over a real
 * file. Memory, rows and the file must be as they were a day before.
 */

const HELP = `npm run soak:days -- [--days 4] [--calls 2300000] [--turn 5] [--write docs/benchmarks/days.md]

--days      how many
--calls     in each
--turn      seconds between two turns
--write     writes the report to this file too`

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '4' },
    calls: { type: 'string', default: '2300000' },
    turn: { type: 'string', default: '5' },
    write: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit()
}
const days = Number(values.days)
const calls = Number(values.calls)
const turnS = Number(values.turn)
const TURNS = Math.round(86_400 / turnS)
/** An epoch lasts a quarter of a day, and is kept a day after. */
const EPOCHS = 4
/** Of the last day over the one before it: by then as much goes as comes. */
const MOST_GROWTH = 1.1
const MIB = 1_048_576

interface Row {
  readonly day: number
  readonly heapMib: number
  readonly fileMib: number
  readonly flushes: number
  readonly ledgerLines: number
  readonly events: number
  readonly series: number
  readonly seconds: number
}

const folder = mkdtempSync(join(tmpdir(), 'headgate-days-'))
const file = join(folder, 'state.db')
const clock = manualClock()
if (days < 2 || TURNS % EPOCHS !== 0) {
  console.error(
    `two days or more, and turns that ${EPOCHS} epochs a day divide: got ${days} and ${TURNS}`,
  )
  process.exit(2)
}

const rows: Row[] = []
for (let day = 1; day <= days; day++) {
  const startedMs = performance.now()
  const stores = openSqliteStores<FlushRecord>({ file })
  const loop = await startControlLoop(stores, clock, `day-${day}`)
  let sent = 0
  for (let turn = 1; turn <= TURNS; turn++) {
    const due = Math.floor((calls * turn) / TURNS)
    loop.observe(due - sent)
    sent = due
    clock.advance(turnS * 1_000)
    await loop.turn()
    if (turn % (TURNS / EPOCHS) === 0) await loop.again()
  }
  global.gc?.()
  const heapMib = process.memoryUsage().heapUsed / MIB
  const series = loop.series()
  await loop.close()
  await stores.close()
  rows.push({ day, heapMib, ...inFile(), series, seconds: (performance.now() - startedMs) / 1_000 })
  console.error(`day ${day}: ${rows.at(-1)?.seconds.toFixed(0)} s`)
}
rmSync(folder, { recursive: true })

const [before, last] = [rows.at(-2), rows.at(-1)]
const grown =
  before === undefined || last === undefined
    ? []
    : (['heapMib', 'fileMib', 'flushes', 'series'] as const).filter(
        (what) => last[what] > before[what] * MOST_GROWTH + (what === 'heapMib' ? 5 : 0),
      )
const verdict = grown.length === 0 ? 'flat' : `grew: ${grown.join(', ')}`
const report = reportOf()
console.log(report)
if (values.write !== undefined) writeFileSync(values.write, report)
process.exitCode = grown.length === 0 ? 0 : 1

function inFile(): Pick<Row, 'fileMib' | 'flushes' | 'ledgerLines' | 'events'> {
  const bytes = readdirSync(folder).map((name) => statSync(join(folder, name)).size)
  const database = new DatabaseSync(file, { readOnly: true })
  const count = (table: string) =>
    Number(database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows'])
  const found = {
    fileMib: bytes.reduce((sum, size) => sum + size, 0) / MIB,
    flushes: count('evidence'),
    ledgerLines: count('ledger'),
    events: count('events'),
  }
  database.close()
  return found
}

function reportOf(): string {
  const whole = (value: number) => Math.round(value).toLocaleString('en')
  const table = rows.map(
    ({ day, heapMib, fileMib, flushes, ledgerLines, events, series }) =>
      `| ${day} | ${whole(calls * day)} | ${heapMib.toFixed(1)} | ${fileMib.toFixed(1)} | ${whole(flushes)} | ${whole(ledgerLines)} | ${events} | ${series} |`,
  )
  return `# Days of many calls

After this page you know what days of ${whole(calls)} calls leave in memory and on disk.

\`\`\`
npm run soak:days -- --days ${days} --calls ${calls} --turn ${turnS}
\`\`\`

| day | calls so far | heap, MiB | file, MiB | flushes | lines of the ledger | events | series |
| --- | --- | --- | --- | --- | --- | --- | --- |
${table.join('\n')}

From the last day but one to the last: ${verdict}.

Observations that nobody made go through the ledger, the budgets of a canary and of a caller, the evidence, the judge and the metrics of money, over a file of
SQLite, on a clock that does not wait: ${whole(TURNS)} turns a day. One in 50 asks for a model that nobody has heard of, each for another. Each
day begins anew over the same file, from its checkpoint; an epoch lasts six hours, and \`evidence.keep\` is a day, so that from the second day on as much goes as
comes. Heap is what is left after a collection, at the end of a day, before it is closed; beside it the memory of units takes 4 MiB an epoch, whatever comes.

- **Flushes** are by time, not by calls: one a turn, for as long as an epoch lasts and is kept.
- **Lines of the ledger** grow by a day's, which do not depend on its calls, for 400 days; the file grows by them and by the audit log alone. Those here are of six models that have a price, forty names that have none, and the rest as \`other\`.
- **The file** does not shrink: what becomes free is used again.
`
}
