import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventView } from '../api/views/event.ts'
import type { RolloutView } from '../api/views/rollout.ts'
import { HeadgateError } from '../errors.ts'
import { observedPercentOf, unitsOf } from './checks.ts'
import { jsonOf, type Line, textOf, wordsOf } from './lines.ts'
import type { LoadRecord } from './load.ts'
import type { DemoOptions } from './options.ts'
import { PLAN_CONFIG, PLAN_NOTE, PLAN_WORDS, SHADOW_CONFIG } from './plan.ts'
import { type Scene, type ScenePorts, setScene } from './scene.ts'
import { Ears, type Telling, tell } from './story.ts'
import { type DemoSnapshot, lineOf, type Moment, render } from './view.ts'

/** `headgate demo`: no keys and no network; everything outside Headgate itself is simulated, and says so. */

const REDRAW_MS = 250
const LINE_MS = 3_000
const RECENT_MS = 5_000
const DEFAULT_PORT = 8_787
const DEFAULT_SEED = 1

/**
 * Runs the demo until Ctrl-C, and headless until its story is over.
 * @returns the exit code: 0 when all went as promised, 1 with the reason on stderr, 130 when the story was cut short
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { start, stderr, seed = DEFAULT_SEED } = options
  const headless = options.headless || options.json
  const said = new Set<string>()
  const complain = (message: string): void => {
    if (!said.has(message)) stderr.write(`headgate demo: ${message}\n`)
    said.add(message)
  }
  const ears = new Ears()
  const set = (ports: ScenePorts): Promise<Scene> =>
    setScene({
      start,
      seed,
      ports,
      percent: 100,
      plan: `${PLAN_CONFIG}${SHADOW_CONFIG}`,
      onEvent: ears.hear,
      onError: complain,
    })
  let scene: Scene
  try {
    scene = headless ? await set(portsFrom(options.port ?? 0)) : await openScene(set, options.port)
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error))
    return 1
  }
  const interrupt = interruption()
  try {
    const show = headless ? print : play
    const failures = await show(scene, ears, options, interrupt.signal)
    for (const failure of failures) complain(failure)
    if (!headless) await served(scene, options, interrupt.signal)
    return failures.length === 0 ? 0 : 1
  } catch (error) {
    if (interrupt.signal.aborted) return 130
    complain(error instanceof Error ? error.message : String(error))
    return 1
  } finally {
    interrupt.forget()
    await scene.close()
  }
}

function portsFrom(data: number): ScenePorts {
  return { data, control: data === 0 ? 0 : data + 1 }
}

/** The usual ports where they are free, so that the URLs on the page are those of the documents. */
async function openScene(
  set: (ports: ScenePorts) => Promise<Scene>,
  asked: number | undefined,
): Promise<Scene> {
  try {
    return await set(portsFrom(asked ?? DEFAULT_PORT))
  } catch (error) {
    const taken = error instanceof HeadgateError && error.code === 'listen_failed'
    if (!taken || asked !== undefined) throw error
    return set(portsFrom(0))
  }
}

/** The story as lines. @returns why not all was as promised */
async function print(
  scene: Scene,
  ears: Ears,
  { stdout, json, seed = DEFAULT_SEED }: DemoOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const startedAt = performance.now()
  if (!json) stdout.write(introduction(scene))
  const say = (line: Line): void => {
    const t = Math.round(performance.now() - startedAt)
    stdout.write(`${json ? jsonOf(line, t) : textOf(line, t)}\n`)
  }
  const { failures } = await tell(scene, ears, { seed, signal, say }).told
  return failures
}

/** The story as a page, or with a line now and then where there is no terminal. @returns as `print` does */
async function play(
  scene: Scene,
  ears: Ears,
  { stdout, seed = DEFAULT_SEED }: DemoOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const terminal = stdout.isTTY === true && process.env.TERM !== 'dumb'
  const color = (process.env.NO_COLOR ?? '') === ''
  const { calendar } = scene
  const startedAt = performance.now()
  const lines: Said[] = []
  let recent: Recent[] = []
  stdout.write(introduction(scene))
  if (terminal) stdout.write(ENTER)
  const telling = tell(scene, ears, {
    seed,
    signal,
    say: (line) => {
      const t = Math.round(performance.now() - startedAt)
      lines.push({ line, t, day: calendar.dayOf(calendar.wallMs()) })
      if (!terminal) stdout.write(`${textOf(line, t)}\n`)
    },
    onRecord: (record) => recent.push({ at: performance.now(), record }),
  })
  let over = false
  telling.told.then(
    () => {
      over = true
    },
    () => {
      over = true
    },
  )

  let reading: RolloutView | null = null
  let events: readonly EventView[] = []
  const snapshot = (): DemoSnapshot => {
    const since = performance.now() - RECENT_MS
    recent = recent.filter(({ at }) => at >= since)
    const elapsedMs = performance.now() - startedAt
    return snapshotOf({ scene, seed, telling, elapsedMs, reading, events, lines, recent })
  }
  const page = (): string => {
    const { columns = 80, rows = 24 } = stdout
    return render(snapshot(), { columns, rows, color })
  }
  try {
    while (!over && !signal.aborted) {
      // A page that misses a reading shows the last one; the next comes in a moment.
      reading = await scene.rollout().catch(() => reading)
      events = await scene.events().catch(() => events)
      if (terminal) {
        stdout.write(`${HOME}${page().replaceAll('\n', `${CLEAR_LINE}\r\n`)}${CLEAR_REST}`)
      } else {
        stdout.write(`${lineOf(snapshot())}\n`)
      }
      const redraw = sleep(terminal ? REDRAW_MS : LINE_MS, undefined, { signal }).catch(() => {})
      await Promise.race([redraw, telling.told.catch(() => {})])
    }
  } finally {
    if (terminal) stdout.write(LEAVE)
  }
  if (terminal) stdout.write(`${page()}\n\n`)
  const { failures } = await telling.told
  const last = lines.at(-1)
  if (terminal && last !== undefined) stdout.write(`${textOf(last.line, last.t)}\n`)
  stdout.write('Now with your keys: npx headgate init\n')
  return failures
}

/** The story is over; what came of it can be looked at for as long as somebody wants to. */
async function served(scene: Scene, { stdout }: DemoOptions, signal: AbortSignal): Promise<void> {
  stdout.write(`the page stays at ${scene.pageUrl} until Ctrl-C\n`)
  if (!signal.aborted) await once(signal, 'abort')
}

interface Said {
  readonly line: Line
  readonly t: number
  readonly day: number
}

interface Recent {
  readonly at: number
  readonly record: LoadRecord
}

interface Known {
  readonly scene: Scene
  readonly seed: number | string
  readonly telling: Telling
  readonly elapsedMs: number
  readonly reading: RolloutView | null
  readonly events: readonly EventView[]
  readonly lines: readonly Said[]
  readonly recent: readonly Recent[]
}

function snapshotOf(known: Known): DemoSnapshot {
  const { scene, seed, telling, elapsedMs, reading, events, lines, recent } = known
  const { calendar } = scene
  const { done, errorsBeforeFirstByte, cutStreams } = telling.load.totals()
  const answeredBy = (wanted: string): number =>
    recent.filter(({ record }) => record.arm === wanted).length
  const eta = reading?.need.eta ?? null
  return {
    elapsedMs,
    seed,
    day: calendar.dayOf(calendar.wallMs()),
    state: reading?.state ?? 'starting',
    epoch: reading?.epoch ?? 1,
    step: reading?.step ?? null,
    plan: reading?.plan.map(({ share }) => share) ?? [],
    planNote: PLAN_NOTE,
    killed: reading?.killed ?? false,
    fault: telling.fault(),
    detectMs: detectMsOf(lines),
    share: {
      flag: reading?.share.flag ?? null,
      target: reading?.share.target ?? null,
      // The API's looks back a minute, which is the whole story.
      observed: observedPercentOf(unitsOf(recent.map(({ record }) => record))),
    },
    verdict: {
      value: reading?.verdict.value ?? 'inconclusive',
      words: reading?.verdict.reasons.join('; ') ?? '',
    },
    need: {
      canaryRequests: reading?.need.canaryRequests ?? null,
      days: eta === null ? null : (Date.parse(eta) - calendar.wallMs()) / 86_400_000,
    },
    waits: reading?.waits.map(({ words }) => words) ?? [],
    probes: reading?.probes ?? null,
    arms: reading?.arms ?? { control: NOTHING, canary: NOTHING },
    recent: {
      seconds: RECENT_MS / 1_000,
      control: answeredBy('control'),
      canary: answeredBy('canary'),
    },
    moments: momentsOf(events, lines, calendar.dayOf),
    callers: { requests: done, errorsBeforeFirstByte, cutStreams },
    dataUrl: scene.dataUrl,
    pageUrl: scene.pageUrl,
    flagFile: scene.flagFile,
  }
}

/** The audit log, and beside it what the demo did, which no audit log can know. */
function momentsOf(
  events: readonly EventView[],
  lines: Known['lines'],
  dayOf: (atMs: number) => number,
): Moment[] {
  const logged = events.map(({ at, type, by, reason, before, after }): Moment => {
    return {
      day: dayOf(Date.parse(at)),
      kind: KINDS[type] ?? 'plain',
      words: `${type} ${before.share === after.share ? 'at' : `${before.share} →`} ${after.share} % by ${by}: ${reason}`,
    }
  })
  const own = lines.flatMap(({ line, day }): Moment[] =>
    line.type === 'fault' || line.type === 'killed'
      ? [{ day, kind: line.type === 'fault' ? 'demo' : 'bad', words: wordsOf(line) }]
      : [],
  )
  return [...logged, ...own].sort((one, other) => one.day - other.day)
}

function detectMsOf(lines: readonly Said[]): number | null {
  for (const { line } of lines) {
    if ((line.type === 'suspended' || line.type === 'rolled_back') && line.detectMs !== null) {
      return line.detectMs
    }
  }
  return null
}

const KINDS: Readonly<Partial<Record<EventView['type'], Moment['kind']>>> = {
  suspended: 'bad',
  rolled_back: 'bad',
  completed: 'good',
  advanced: 'good',
}

const NOTHING = {
  requests: 0,
  outcomes: {},
  firstByteMs: { p50: null, p95: null, p99: null },
}

/** The other screen, without a cursor; and back. */
const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const HOME = '\x1b[H'
const CLEAR_LINE = '\x1b[K'
const CLEAR_REST = '\x1b[K\x1b[J'

function introduction(scene: Scene): string {
  return [
    'Headgate demo: both upstreams and all traffic are simulated.',
    ...PLAN_WORDS,
    `page ${scene.pageUrl}`,
    `data plane ${scene.dataUrl}`,
    `control plane ${scene.rolloutUrl}`,
    `flags ${scene.flagFile}`,
    '',
  ].join('\n')
}

/** Ctrl-C and SIGTERM as a signal; the second one ends the process as usual. */
function interruption(): { readonly signal: AbortSignal; forget(): void } {
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return {
    signal: controller.signal,
    forget: () => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
    },
  }
}
