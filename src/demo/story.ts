import { setTimeout as sleep } from 'node:timers/promises'
import { HeadgateError } from '../errors.ts'
import { type LoadRecord, startLoad } from './load.ts'
import type { DemoOptions, Start } from './options.ts'
import { type RolloutReading, type Scene, type ScenePorts, setScene } from './scene.ts'
import { type DemoSnapshot, lineOf, render } from './view.ts'
import { walk } from './walk.ts'

/** `headgate demo`: no keys and no network; everything outside Headgate itself is simulated, and says so. */

const RPS = 40
const REDRAW_MS = 250
const LINE_MS = 3_000
const RECENT_MS = 5_000
const DEFAULT_PORT = 8_787
const DEFAULT_SEED = 1

/**
 * Runs the demo until it is over: headless by itself, else by Ctrl-C.
 * @returns the exit code: 0 when all went as promised, 1 with the reason on stderr, 130 for a headless run cut short
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { start, stderr, seed = DEFAULT_SEED } = options
  const complain = (message: string): unknown => stderr.write(`headgate demo: ${message}\n`)
  let scene: Scene
  try {
    const onError = (message: string): void => void complain(message)
    scene =
      options.headless || options.json
        ? await setScene(start, seed, portsFrom(options.port ?? 0), onError)
        : await openScene(start, seed, options.port, onError)
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error))
    return 1
  }
  const interrupt = interruption()
  try {
    if (options.headless || options.json) return await walk(scene, options, interrupt.signal)
    await play(scene, options, interrupt.signal)
    return 0
  } catch (error) {
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
  start: Start,
  seed: number | string,
  asked: number | undefined,
  onError: (message: string) => void,
): Promise<Scene> {
  const port = asked ?? DEFAULT_PORT
  try {
    return await setScene(start, seed, portsFrom(port), onError)
  } catch (error) {
    const taken = error instanceof HeadgateError && error.code === 'listen_failed'
    if (!taken || asked !== undefined) throw error
    return setScene(start, seed, portsFrom(0), onError)
  }
}

/** The live page, or a line now and then, until the signal. */
async function play(scene: Scene, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const { stdout, seed = DEFAULT_SEED } = options
  const startedAt = performance.now()
  const reasons: Record<string, number> = {}
  let recent: { readonly at: number; readonly arm: string | null }[] = []
  const load = startLoad({
    baseUrl: scene.dataUrl,
    seed,
    rps: RPS,
    maxInFlight: 100,
    onRecord: ({ reason, arm }: LoadRecord) => {
      recent.push({ at: performance.now(), arm })
      const word = reason ?? 'none'
      reasons[word] = (reasons[word] ?? 0) + 1
    },
  })
  let reading: RolloutReading | null = null
  const snapshot = (): DemoSnapshot => {
    const { done, errorsBeforeFirstByte, cutStreams } = load.totals()
    const since = performance.now() - RECENT_MS
    recent = recent.filter(({ at }) => at >= since)
    const answeredBy = (wanted: string): number => recent.filter(({ arm }) => arm === wanted).length
    return {
      elapsedMs: performance.now() - startedAt,
      seed,
      share: reading?.share ?? { flag: null, target: null, observed: null },
      state: reading?.state ?? 'starting',
      killed: reading?.killed ?? false,
      arms: reading?.arms ?? { control: NOTHING, canary: NOTHING },
      recent: {
        seconds: RECENT_MS / 1_000,
        control: answeredBy('control'),
        canary: answeredBy('canary'),
      },
      reasons,
      callers: { requests: done, errorsBeforeFirstByte, cutStreams },
      dataUrl: scene.dataUrl,
      controlUrl: scene.rolloutUrl,
      flagFile: scene.flagFile,
    }
  }

  const terminal = stdout.isTTY === true && process.env.TERM !== 'dumb'
  const color = (process.env.NO_COLOR ?? '') === ''
  if (terminal) stdout.write(ENTER)
  else stdout.write(introduction(scene))
  try {
    while (!signal.aborted) {
      // A page that misses a reading shows the last one; the next comes in a moment.
      reading = await scene.rollout().catch(() => reading)
      if (terminal) {
        const screen = { columns: stdout.columns ?? 80, rows: stdout.rows ?? 24, color }
        stdout.write(
          `${HOME}${render(snapshot(), screen).replaceAll('\n', `${CLEAR_LINE}\r\n`)}${CLEAR_REST}`,
        )
      } else {
        stdout.write(`${lineOf(snapshot())}\n`)
      }
      await sleep(terminal ? REDRAW_MS : LINE_MS, undefined, { signal }).catch(() => {})
    }
  } finally {
    if (terminal) stdout.write(LEAVE)
    await load.stop()
  }
  reading = await scene.rollout().catch(() => reading)
  stdout.write(goodbye(snapshot()))
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
    `data plane ${scene.dataUrl}`,
    `control plane ${scene.rolloutUrl}`,
    `flags ${scene.flagFile}`,
    'Edit this file: set "rollout" to "25", save, watch the split follow; enable headgate-kill to drop to 0 %.',
    '',
  ].join('\n')
}

function goodbye(snapshot: DemoSnapshot): string {
  const { callers, arms } = snapshot
  return [
    `${callers.requests} simulated requests in ${Math.round(snapshot.elapsedMs / 1_000)} s: ${arms.control.requests} by control, ${arms.canary.requests} by the canary.`,
    `Callers saw ${callers.errorsBeforeFirstByte} errors before a first byte and ${callers.cutStreams} cut streams.`,
    'Now with your keys: npx headgate init',
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
