/** The demo's terminal page, as a pure function of what is known at one moment. */

/** One arm, as the control API shows it; milliseconds, null where nothing was measured. */
export interface ArmSnapshot {
  readonly requests: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly firstByteMs: Quantiles
}

export interface Quantiles {
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
}

export interface DemoSnapshot {
  readonly elapsedMs: number
  readonly seed: number | string
  /** Percent; null where not known yet. */
  readonly share: {
    readonly flag: number | null
    readonly target: number | null
    readonly observed: number | null
  }
  readonly state: string
  readonly killed: boolean
  readonly arms: { readonly control: ArmSnapshot; readonly canary: ArmSnapshot }
  /** Requests that each arm answered in the last seconds: what the bars show. */
  readonly recent: {
    readonly seconds: number
    readonly control: number
    readonly canary: number
  }
  /** Requests by `x-headgate-reason`. */
  readonly reasons: Readonly<Record<string, number>>
  readonly callers: {
    readonly requests: number
    readonly errorsBeforeFirstByte: number
    readonly cutStreams: number
  }
  readonly dataUrl: string
  readonly controlUrl: string | null
  readonly flagFile: string
}

export interface Screen {
  readonly columns: number
  /** Lines past it are left out; all are shown unless given. */
  readonly rows?: number
  readonly color: boolean
}

type Ink = 'plain' | 'dim' | 'bold' | 'control' | 'canary' | 'good' | 'bad'

type Span = readonly [text: string, ink?: Ink]

const CODES: Readonly<Record<Exclude<Ink, 'plain'>, number>> = {
  dim: 2,
  bold: 1,
  control: 36,
  canary: 33,
  good: 32,
  bad: 31,
}

/** The whole page; no line is wider than the screen, and none ends in a line break. */
export function render(snapshot: DemoSnapshot, screen: Screen): string {
  const { columns } = screen
  const lines = columns < 60 ? narrow(snapshot, columns) : wide(snapshot, columns)
  return lines
    .slice(0, screen.rows)
    .map((line) => paint(line, columns, screen.color))
    .join('\n')
}

/** One line for where there is no terminal. */
export function lineOf(snapshot: DemoSnapshot): string {
  const { share, arms, callers } = snapshot
  return [
    `${clock(snapshot.elapsedMs)} share flag ${percent(share.flag)} target ${percent(share.target)} observed ${percent(share.observed)}`,
    ...(snapshot.killed ? ['KILLED'] : []),
    `control ${arms.control.requests} canary ${arms.canary.requests}`,
    `p95 first byte ${millis(arms.control.firstByteMs.p95)} / ${millis(arms.canary.firstByteMs.p95)} ms`,
    `callers ${callers.requests}, errors ${callers.errorsBeforeFirstByte}, cut ${callers.cutStreams}`,
    `reasons ${counts(snapshot.reasons)}`,
  ].join(' | ')
}

function wide(snapshot: DemoSnapshot, columns: number): Span[][] {
  const { share, arms } = snapshot
  const bar = Math.max(10, Math.min(40, columns - 44))
  return [
    heading(snapshot, columns),
    [],
    [
      ['share   ', 'dim'],
      ['flag '],
      [percent(share.flag), 'bold'],
      ['   target '],
      [percent(share.target), 'bold'],
      ['   observed '],
      [percent(share.observed), 'bold'],
      ['   '],
      ...standing(snapshot),
    ],
    [],
    [[`answered in the last ${snapshot.recent.seconds} s`, 'dim']],
    ...(['control', 'canary'] as const).map((arm): Span[] => {
      const part = partOf(arm, snapshot.recent)
      return [
        [arm.padEnd(8), arm],
        ...barOf(arm, part, bar),
        [` ${percent(part).padStart(8)}`],
        [`${String(arms[arm].requests).padStart(9)} in all`],
      ]
    }),
    [],
    [
      ['first byte, ms          '.padEnd(24), 'dim'],
      ['     p50     p95     p99', 'dim'],
    ],
    ...(['control', 'canary'] as const).map((arm): Span[] => {
      const { p50, p95, p99 } = arms[arm].firstByteMs
      const cells = [p50, p95, p99].map((value) => millis(value).padStart(8)).join('')
      return [[arm.padEnd(24), arm], [cells]]
    }),
    [],
    [['outcomes', 'dim']],
    ...(['control', 'canary'] as const).map((arm): Span[] => [
      [arm.padEnd(8), arm],
      ...outcomes(arms[arm]),
    ]),
    [],
    [['reasons ', 'dim'], [counts(snapshot.reasons)]],
    callersLine(snapshot),
    [],
    [['data    ', 'dim'], [snapshot.dataUrl]],
    [['control ', 'dim'], [snapshot.controlUrl ?? 'off']],
    [
      ['flags   ', 'dim'],
      [snapshot.flagFile, 'bold'],
    ],
    [['        edit this file: set "rollout" to "25", save, watch the split follow;', 'dim']],
    [['        set "enabled" of headgate-kill to true to drop to 0 %. Ctrl-C ends', 'dim']],
  ]
}

function narrow(snapshot: DemoSnapshot, columns: number): Span[][] {
  const { share, arms } = snapshot
  const bar = Math.max(6, columns - 20)
  return [
    heading(snapshot, columns),
    [['flag '], [percent(share.flag), 'bold'], [' target '], [percent(share.target), 'bold']],
    [['observed '], [percent(share.observed), 'bold'], ['  '], ...standing(snapshot)],
    ...(['control', 'canary'] as const).map((arm): Span[] => {
      const part = partOf(arm, snapshot.recent)
      return [[arm.padEnd(8), arm], ...barOf(arm, part, bar), [` ${percent(part)}`]]
    }),
    [['first byte p50/p95/p99 ms', 'dim']],
    ...(['control', 'canary'] as const).map((arm): Span[] => {
      const { p50, p95, p99 } = arms[arm].firstByteMs
      return [[arm.padEnd(8), arm], [[p50, p95, p99].map(millis).join(' / ')]]
    }),
    ...(['control', 'canary'] as const).map((arm): Span[] => [
      [arm.padEnd(8), arm],
      ...outcomes(arms[arm]),
    ]),
    [[counts(snapshot.reasons)]],
    callersLine(snapshot),
    [[snapshot.dataUrl]],
    ...slicesOf(snapshot.flagFile, columns).map((part): Span[] => [[part, 'bold']]),
    [['edit: "rollout": "25"; headgate-kill', 'dim']],
    [['"enabled": true = 0 %; Ctrl-C ends', 'dim']],
  ]
}

function heading(snapshot: DemoSnapshot, columns: number): Span[] {
  const left = columns < 60 ? 'Headgate, simulated' : 'Headgate demo: everything here is simulated'
  const right = `${columns < 60 ? '' : `seed ${snapshot.seed}  `}${clock(snapshot.elapsedMs)}`
  const gap = ' '.repeat(Math.max(1, columns - left.length - right.length))
  return [[left, 'bold'], [gap], [right, 'dim']]
}

function standing(snapshot: DemoSnapshot): Span[] {
  return snapshot.killed ? [['KILLED', 'bad']] : [[snapshot.state, 'dim']]
}

function callersLine({ callers }: DemoSnapshot): Span[] {
  const errors = callers.errorsBeforeFirstByte
  return [
    ['callers ', 'dim'],
    [`${callers.requests} answered, `],
    [`${errors} errors`, errors === 0 ? 'good' : 'bad'],
    [`, ${callers.cutStreams} cut`],
  ]
}

function outcomes({ outcomes: byOutcome }: ArmSnapshot): Span[] {
  const { ok = 0, ...rest } = byOutcome
  const failed = counts(rest)
  return failed === '-'
    ? [[`ok ${ok}`, 'good']]
    : [
        [`ok ${ok}`, 'good'],
        [` ${failed}`, 'bad'],
      ]
}

function barOf(arm: 'control' | 'canary', part: number | null, width: number): Span[] {
  const full = part === null ? 0 : Math.round((part / 100) * width)
  return [
    // Arms differ by mark as well as by colour.
    [(arm === 'control' ? '█' : '▓').repeat(full), arm],
    ['·'.repeat(width - full), 'dim'],
  ]
}

function partOf(arm: 'control' | 'canary', recent: DemoSnapshot['recent']): number | null {
  const total = recent.control + recent.canary
  return total === 0 ? null : (recent[arm] / total) * 100
}

function counts(byWord: Readonly<Record<string, number>>): string {
  const entries = Object.entries(byWord).filter(([, count]) => count > 0)
  if (entries.length === 0) return '-'
  return entries
    .sort(([, left], [, right]) => right - left)
    .map(([word, count]) => `${word} ${count}`)
    .join(' · ')
}

function percent(value: number | null): string {
  if (value === null) return '?'
  return `${Number.isInteger(value) ? value : value.toFixed(1)} %`
}

function millis(value: number | null): string {
  return value === null ? '-' : value.toFixed(value < 10 ? 1 : 0)
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`
}

/** A path whole, over as many lines as it takes: half of one is of no use. */
function slicesOf(text: string, width: number): string[] {
  return text.match(new RegExp(`.{1,${Math.max(1, width)}}`, 'gs')) ?? []
}

function paint(line: readonly Span[], columns: number, color: boolean): string {
  let left = columns
  let text = ''
  for (const [span, ink = 'plain'] of line) {
    const shown = span.slice(0, left)
    left -= shown.length
    if (shown === '') continue
    text += color && ink !== 'plain' ? `\x1b[${CODES[ink]}m${shown}\x1b[0m` : shown
  }
  return text.trimEnd()
}
