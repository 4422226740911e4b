import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'

/**
 * `docs/reference/faults.md`: what goes wrong, what happens then, and the test that shows it. Made from the titles of the
 * tests: one that begins with the id of a fault (`A7: …`, `B3, B4: …`) is a row of it.
 */

const ROOT = join(import.meta.dirname, '..')
const FILE = join(ROOT, 'docs/reference/faults.md')

const FAULTS: Readonly<Record<string, string>> = {
  A1: 'An upstream refuses, or its name is not known',
  A2: 'An upstream does not accept the connection',
  A3: 'It accepts and never answers',
  A4: 'Its first byte takes minutes',
  A5: 'It is gone without a word',
  A6: 'It resets before its head',
  A7: 'It resets in the middle of a stream',
  A8: 'It sends less than it said',
  A9: 'Its stream is garbled',
  A10: 'It sends a line without an end',
  A11: 'It does not speak HTTP',
  A12: 'It sends more than its answer',
  A13: '429 with retry-after',
  A14: '429 without, 529, 503 in bursts',
  A15: '400, 401, 403, 404, 413, 422',
  A16: 'An error in a 200',
  A17: 'It drips',
  A18: 'A portal page with status 200',
  A19: 'A redirect',
  A20: 'A compressed answer',
  A21: 'Interim answers, empty answers, trailers',
  A22: 'A pooled connection that is closed',
  A23: 'An arm that is dead for an hour',
  B1: 'A caller leaves',
  B2: 'A caller leaves while a shadow runs',
  B3: 'A caller does not read',
  B4: 'A caller is slow with its head, its body, or reading',
  B5: 'A huge head or URL',
  B6: 'A body over the limit',
  B7: 'A compressed body, or a bomb',
  B8: 'A body that is no JSON object',
  B9: 'Names twice in a body',
  B10: 'Nesting without end, and names of prototypes',
  B11: 'Expect',
  B12: 'Framing that two readers take apart differently',
  B13: 'Host, twice or malformed; absolute targets',
  B14: 'Other methods, tunnels, upgrades',
  B15: 'A flood of requests',
  B16: 'One caller against the others',
  C1: 'Paths that climb, hide or name a host',
  C2: 'Fields that steer',
  C3: 'A key at the other arm',
  C4: 'A caller’s own credentials',
  C5: 'Keys that are none',
  C6: 'An upstream quotes our key',
  C7: 'Fields of an upstream that are for browsers',
  C8: 'Hop-by-hop fields, both ways',
  C9: 'Line ends written into values',
  C10: 'Secrets in logs, the API, the store, errors',
  C11: 'Secrets at rest; documents that are wrong',
  C12: 'Upstreams that config should not name; TLS',
  D1: 'No token, a wrong one, a caller’s',
  D2: 'Ways around the token',
  D3: 'A page of another site',
  D4: 'Guessing the token',
  D5: 'Timing',
  D6: 'Markup in names and texts',
  D7: 'Who did what, and why',
  D8: 'Two who write at once',
  D9: 'Frames and caches',
  E1: 'The flag server is away at the start',
  E2: 'The flag server fails, hangs or is slow',
  E3: 'The flag server answers 401 or 403',
  E4: 'A flag document that is wrong',
  E5: 'A flag that is gone, archived or off',
  E6: 'A backup that is damaged',
  E7: 'A ramp: who is in stays in',
  E8: 'The kill switch',
  E9: 'No flag call a request; no storm of polls',
  E10: 'An older document after a newer one',
  F1: 'Killed around the latch',
  F2: 'Killed in the middle of a step',
  F3: 'Two replicas disagree',
  F4: 'Redis is away, slow or wrong',
  F5: 'A Durable Object is evicted or overloaded',
  F6: 'The clock jumps',
  F7: 'The disk is full or read-only',
  F8: 'The state file is damaged, newer or shared',
  F9: 'SIGTERM',
  F10: 'Killed in the middle of a stream',
  F11: 'A long run',
  G1: 'A shadow repeats a side effect',
  G2: 'A shadow leaks',
  G3: 'A shadow costs',
  G4: 'A retry bills twice',
  G5: 'A storm of retries',
  G6: 'A rollback floods control',
  G7: 'A rollback without a reason',
  G8: 'One caller poisons the judge',
  G9: 'A relay tampers with answers',
  G10: 'A caller chooses its own arm',
  G11: 'No data',
  H1: 'Labels without end',
  H2: 'The collector is away',
  H3: 'OTLP',
  H4: 'Trace context',
  H5: 'Lines written into a log',
  H6: 'Health',
}

const HEAD = `# Faults and attacks

After this page you know what Headgate does when an upstream breaks, a caller is careless or hostile, or a person presses the wrong
button, and where to see it done: each line is a test (\`npx vitest run FILE\`). \`…\` stands for each of a table of cases. It is made from
the titles of the tests (\`npm run faults\`).

## Limits that are known

- A key that an upstream quotes is taken out of header fields and of error bodies up to 64 KiB that are not compressed. It is not looked for in answers
  of status 200 or in streams: they pass byte for byte as they come.
- Node reads 300 s for a whole request, body included: a slower upload is cut.
- Guessing from loopback is answered with 429 and not stopped, so that a stranger behind the same proxy keeps nobody from a rollback:
  choose a control token of 32 random bytes, and let the proxy limit what it lets through.
- A caller who may name its units, or who begins many conversations, counts as many: with requests that the canary alone fails it can
  suspend a rollout or roll it back, and raise no share; with many that go well it can outweigh what others meet.
  \`callers[].unit: caller\` makes it one unit: one outcome at a share for the judge, two failures in a row for the tripwires. Plain
  thresholds (\`guard.absolute\`) count every request of everybody all the same.
- Node accepts one connection in a turn of its event loop, however many wait: under a flood that keeps opening them, a new caller waits two
  seconds for its turn ([measured](../benchmarks/faults.md)), and one who keeps its connection does not. Let a proxy in front hold the
  connections and limit who floods.
- What takes minutes is measured, not tested: \`npm run soak\` (memory and descriptors under faults), \`npm run soak:days\` (memory and
  rows over days of 2.3 million calls) and \`npm run bench:faults\` (junk at the door beside admitted requests).
- Over the fetch transport the platform's own front door decides on framing, deadlines and dot segments
  ([what differs](../../ARCHITECTURE.md#what-differs-over-fetch)).

`

interface Row {
  readonly id: string
  readonly title: string
  readonly file: string
}

const TITLE = /^((?:[A-H]-?\d+)(?:, [A-H]-?\d+)*): (.+)$/s

/** @throws when a title has an id that is none */
export function faultsText(rows: readonly Row[] = testFiles().flatMap(rowsOf)): string {
  const unknown = rows.filter(({ id }) => !Object.hasOwn(FAULTS, id))
  if (unknown.length > 0)
    throw new Error(`no such fault: ${unknown.map(({ id }) => id).join(', ')}`)
  const shown = Object.entries(FAULTS).filter(([id]) => rows.some((row) => row.id === id))
  const missing = Object.entries(FAULTS).filter(([id]) => !rows.some((row) => row.id === id))
  const parts = shown.map(([id, name]) => {
    const own = rows.filter((row) => row.id === id)
    const lines = [...new Set(own.map(({ title, file }) => `| ${cell(title)} | \`${file}\` |`))]
    return `## ${id} ${name}\n\n| what happens | test |\n| --- | --- |\n${lines.join('\n')}\n`
  })
  const left = missing.map(([id, name]) => `- ${id} ${name}`).join('\n')
  const tail =
    missing.length === 0 ? '' : `\n## Not built yet, or shown by no test of that name\n\n${left}\n`
  return `${HEAD}${parts.join('\n')}${tail}`
}

function testFiles(): readonly string[] {
  return readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(ROOT, 'test', name))
    .sort()
}

function rowsOf(path: string): readonly Row[] {
  return rowsIn(relative(ROOT, path), readFileSync(path, 'utf8'))
}

/** The rows that the tests of one file are. */
export function rowsIn(file: string, text: string): readonly Row[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  const rows: Row[] = []
  const visit = (node: ts.Node, around: readonly string[]): void => {
    const title = titleOf(node)
    const found = title === null ? null : TITLE.exec(title.text)
    if (found !== null) {
      const [, ids = '', said = ''] = found
      const whole = [...around, said].map(plain).join(': ')
      for (const id of ids.split(', ')) rows.push({ id: id.replace('-', ''), title: whole, file })
    }
    const inside = title?.kind === 'describe' ? [...around, found?.[2] ?? title.text] : around
    ts.forEachChild(node, (child) => visit(child, inside))
  }
  visit(source, [])
  return rows
}

/** The title of a call of `it`, `test` or `describe`, with `.each(…)` and the like or without. */
function titleOf(node: ts.Node): { kind: 'describe' | 'test'; text: string } | null {
  if (!ts.isCallExpression(node)) return null
  const [first] = node.arguments
  if (first === undefined || !ts.isStringLiteralLike(first)) return null
  let callee: ts.Expression = node.expression
  while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee))
    callee = callee.expression
  if (!ts.isIdentifier(callee) || !['it', 'test', 'describe'].includes(callee.text)) return null
  return { kind: callee.text === 'describe' ? 'describe' : 'test', text: first.text }
}

function plain(title: string): string {
  return title.replace(/%[sijdo]|\$\w+/g, '…').replace(/,? over …/, '')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;')
}

if (import.meta.main) {
  const text = faultsText()
  if (process.argv.includes('--check')) {
    const same = readFileSync(FILE, 'utf8') === text
    console.log(
      `faults: ${same ? 'up to date' : 'docs/reference/faults.md is not what the tests say'}`,
    )
    if (!same) console.error('faults: run `npm run faults` and commit what it writes')
    process.exitCode = same ? 0 : 1
  } else {
    writeFileSync(FILE, text)
    console.log('faults: wrote docs/reference/faults.md')
  }
}
