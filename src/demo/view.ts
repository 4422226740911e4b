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
  /** Of the calendar's fourteen. */
  readonly day: number
  readonly state: string
  readonly epoch: number
  /** Index into `plan`; null when it is at none of them. */
  readonly step: number | null
  /** The shares of the plan's steps, in percent. */
  readonly plan: readonly number[]
  /** How the plan differs from the one that ships, in few words. */
  readonly planNote: string
  readonly killed: boolean
  /** Injected by the demo; null while the relay is well. */
  readonly fault: string | null
  /** From the fault to a share of 0; null where there was none. */
  readonly detectMs: number | null
  /** Percent; null where not known yet. */
  readonly share: {
    readonly flag: number | null
    readonly target: number | null
    /** Of the draws of the last seconds. */
    readonly observed: number | null
  }
  readonly verdict: { readonly value: string; readonly words: string }
  readonly need: { readonly canaryRequests: number | null; readonly days: number | null }
  readonly waits: readonly string[]
  readonly probes: {
    readonly answered: number
    readonly failed: number
    readonly wanted: number
  } | null
  readonly arms: { readonly control: ArmSnapshot; readonly canary: ArmSnapshot }
  /** Requests that each arm answered in the last seconds: what the bars show. */
  readonly recent: {
    readonly seconds: number
    readonly control: number
    readonly canary: number
  }
  /** In their order. */
  readonly moments: readonly Moment[]
  readonly callers: {
    readonly requests: number
    readonly errorsBeforeFirstByte: number
    readonly cutStreams: number
  }
  readonly dataUrl: string
  /** With the token that lets in. */
  readonly pageUrl: string
  readonly flagFile: string
}

/** Something that happened: an event of the audit log, or what the demo did itself. */
export interface Moment {
  readonly day: number
  readonly kind: 'plain' | 'good' | 'bad' | 'demo'
  readonly words: string
}

export interface Screen {
  readonly columns: number
  /** Lines past it are left out, of the timeline the oldest first; 24 unless given. */
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
  const { columns, rows = 24 } = screen
  const { above, below } = columns < 60 ? narrow(snapshot, columns) : wide(snapshot, columns)
  const room = Math.max(0, rows - above.length - below.length)
  const timeline = snapshot.moments.flatMap((moment) => momentLines(moment, columns))
  const shown = timeline.slice(Math.max(0, timeline.length - room))
  return [...above, ...shown, ...below]
    .slice(0, rows)
    .map((line) => paint(line, columns, screen.color))
    .join('\n')
}

/** One line for where there is no terminal. */
export function lineOf(snapshot: DemoSnapshot): string {
  const { share, arms, callers } = snapshot
  return [
    `${clock(snapshot.elapsedMs)} ${dayWords(snapshot)}: ${standingWords(snapshot)}`,
    `share target ${percent(share.target)} observed ${percent(share.observed)} flag ${percent(share.flag)}`,
    needWords(snapshot),
    `control ${arms.control.requests} canary ${arms.canary.requests}`,
    `callers ${callers.requests}, errors ${callers.errorsBeforeFirstByte}, cut ${callers.cutStreams}`,
  ].join(' | ')
}

interface Page {
  readonly above: readonly Span[][]
  readonly below: readonly Span[][]
}

function wide(snapshot: DemoSnapshot, columns: number): Page {
  const { share, arms, verdict } = snapshot
  const bar = Math.max(10, Math.min(40, columns - 40))
  const { p50, p95 } = arms.control.firstByteMs
  const canary = arms.canary.firstByteMs
  return {
    above: [
      heading(snapshot, columns),
      [
        [dayWords(snapshot), 'bold'],
        [`   ${snapshot.planNote}`, 'dim'],
      ],
      faultLine(snapshot),
      [['state    ', 'dim'], ...standing(snapshot)],
      [['plan     ', 'dim'], ...ladder(snapshot)],
      [
        ['share    ', 'dim'],
        ['target '],
        [percent(share.target), 'bold'],
        ['   observed '],
        [percent(share.observed), 'bold'],
        [` in ${snapshot.recent.seconds} s`, 'dim'],
        ['   flag '],
        [percent(share.flag), 'bold'],
      ],
      ...(['control', 'canary'] as const).map((arm): Span[] => {
        const part = partOf(arm, snapshot.recent)
        return [
          [arm.padEnd(9), arm],
          ...barOf(arm, part, bar),
          [` ${percent(part).padStart(7)}`],
          [`${String(arms[arm].requests).padStart(8)} answered`],
        ]
      }),
      [['canary   ', 'canary'], ...outcomes(arms.canary)],
      [
        ['first ms ', 'dim'],
        [`p50 ${millis(p50)} and ${millis(canary.p50)}, `],
        [`p95 ${millis(p95)} and ${millis(canary.p95)}`],
        [' (control and canary, in real time)', 'dim'],
      ],
      [['verdict  ', 'dim'], [verdict.value, inkOf(verdict.value)], [after(verdict.words)]],
      [['need     ', 'dim'], [needWords(snapshot)]],
      callersLine(snapshot),
      [],
    ],
    below: [
      [],
      [['data     ', 'dim'], [snapshot.dataUrl]],
      [['page     ', 'dim'], [snapshot.pageUrl]],
      [['flags    ', 'dim'], [snapshot.flagFile], ['  Ctrl-C ends', 'dim']],
    ],
  }
}

function narrow(snapshot: DemoSnapshot, columns: number): Page {
  const { share } = snapshot
  const bar = Math.max(6, columns - 20)
  return {
    above: [
      heading(snapshot, columns),
      [[dayWords(snapshot), 'bold']],
      faultLine(snapshot),
      standing(snapshot),
      ladder(snapshot),
      [['target '], [percent(share.target), 'bold'], [' observed '], [percent(share.observed)]],
      ...(['control', 'canary'] as const).map((arm): Span[] => {
        const part = partOf(arm, snapshot.recent)
        return [[arm.padEnd(8), arm], ...barOf(arm, part, bar), [` ${percent(part)}`]]
      }),
      [[needWords(snapshot)]],
      callersLine(snapshot),
    ],
    below: slicesOf(snapshot.pageUrl, columns).map((part): Span[] => [[part, 'dim']]),
  }
}

function heading(snapshot: DemoSnapshot, columns: number): Span[] {
  const left = columns < 60 ? 'Headgate, simulated' : 'Headgate demo: everything here is simulated'
  const right = `${columns < 60 ? '' : `seed ${snapshot.seed}  `}${clock(snapshot.elapsedMs)}`
  const gap = ' '.repeat(Math.max(1, columns - left.length - right.length))
  return [[left, 'bold'], [gap], [right, 'dim']]
}

function dayWords({ day }: DemoSnapshot): string {
  return `day ${day.toFixed(1)} of 14`
}

/** In words first: colour only underlines them. */
function standing(snapshot: DemoSnapshot): Span[] {
  const { state, killed } = snapshot
  const ink = killed || DOWN.has(state) ? 'bad' : state === 'complete' ? 'good' : 'bold'
  return [[standingWords(snapshot), ink]]
}

function faultLine({ fault }: DemoSnapshot): Span[] {
  return fault === null ? [] : [[`FAULT INJECTED BY DEMO: the relay answers ${fault}`, 'bad']]
}

const DOWN: ReadonlySet<string> = new Set(['suspended', 'rolled_back'])

function standingWords({ state, killed, epoch, detectMs, probes }: DemoSnapshot): string {
  const found =
    DOWN.has(state) && detectMs !== null
      ? `, ${(detectMs / 1_000).toFixed(1)} s after the fault`
      : ''
  const asked = probes === null ? '' : `, ${probes.failed} of ${probes.answered} probes failed`
  return `${killed ? 'KILLED by the flag, ' : ''}${state}, epoch ${epoch}${found}${asked}`
}

/** The steps, with the one it stands on in brackets. */
function ladder({ plan, step }: DemoSnapshot): Span[] {
  if (plan.length === 0) return [['?']]
  return plan.flatMap((share, index): Span[] => {
    const here = index === step
    const rung: Span = [here ? `[${percent(share)}]` : percent(share), here ? 'bold' : 'dim']
    return index === 0 ? [rung] : [[' ─ ', 'dim'], rung]
  })
}

function needWords({ need, waits, state, killed }: DemoSnapshot): string {
  if (killed) return 'the kill flag turned off'
  if (state !== 'ramping' && state !== 'holding') return NEEDS[state] ?? 'nothing'
  const { canaryRequests, days } = need
  if (canaryRequests !== null) {
    const wait = days === null ? '' : `, about ${Math.max(0, days).toFixed(1)} days`
    return `${canaryRequests} more canary requests${wait}`
  }
  return waits.length === 0 ? 'nothing more' : waits.join('; ')
}

const NEEDS: Readonly<Partial<Record<string, string>>> = {
  idle: 'a person to start it',
  paused: 'a person to resume it',
  suspended: 'its probes: clean ones resume it, failed ones roll it back',
  rolled_back: 'a person to rearm it, with a reason',
  complete: 'nothing: the plan is done',
}

/** A moment, over as many lines as its reason takes: half of a reason is of no use. */
function momentLines({ day, kind, words }: Moment, columns: number): Span[][] {
  const ink: Ink = kind === 'demo' ? 'canary' : kind
  const label = `day ${day.toFixed(1).padStart(4)}  `
  const parts = wrapped(words, Math.max(10, columns - label.length))
  return parts.map((part, index): Span[] => [
    [index === 0 ? label : ' '.repeat(label.length), 'dim'],
    [part, ink],
  ])
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

function inkOf(verdict: string): Ink {
  return verdict === 'fail' ? 'bad' : verdict === 'pass' ? 'good' : 'plain'
}

function after(words: string): string {
  return words === '' ? '' : `: ${words}`
}

function callersLine({ callers }: DemoSnapshot): Span[] {
  const errors = callers.errorsBeforeFirstByte
  return [
    ['callers  ', 'dim'],
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
