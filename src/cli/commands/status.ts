import type { EventView } from '../../api/views/event.ts'
import type { RolloutView } from '../../api/views/rollout.ts'
import { duration } from '../../config/schema/values.ts'
import { HeadgateError } from '../../errors.ts'
import type { RolloutState } from '../../types.ts'
import type { ControlClient } from '../client.ts'
import type { Action, Context } from '../command.ts'
import { type ConnectOptions, connect } from '../connect.ts'
import { EXIT } from '../exit.ts'
import { Failure } from '../failure.ts'
import { spanText, timeText } from '../format.ts'
import { interruption, pause } from '../interrupt.ts'
import { liveLines } from '../live-text.ts'
import { newest } from '../newest.ts'
import { type Screen, screenOf } from '../screen.ts'
import { changeLine, nextText, standingText, statusLines } from '../status-text.ts'

/** `headgate status`: where rollouts stand, once, again and again, or until one stands where it should. */

export interface StatusOptions extends ConnectOptions {
  readonly rollout?: string | undefined
  readonly watch?: true
  readonly requireVerdict?: true
  readonly wait?: RolloutState
  readonly timeout: string
  readonly every: string
}

export const run: Action<StatusOptions> = async (options, context) => {
  const client = connect(options, context)
  if (options.wait !== undefined) return waitFor(options.wait, client, options, context)
  if (options.watch) return watch(client, options, context)
  const rollouts = await read(client, options.rollout)
  show(rollouts, context)
  return exitOf(rollouts, options)
}

async function read(
  client: ControlClient,
  name: string | undefined,
  signal?: AbortSignal,
): Promise<readonly RolloutView[]> {
  return name === undefined ? client.rollouts(signal) : [await client.rollout(name, signal)]
}

function show(rollouts: readonly RolloutView[], { output, self }: Context): void {
  output.document({ ok: true, rollouts })
  for (const line of pageOf(rollouts, self, output.paint)) output.line(line)
}

function pageOf(
  rollouts: readonly RolloutView[],
  self: string,
  paint: Context['output']['paint'],
): string[] {
  if (rollouts.length === 0) return ['no rollouts: add one to headgate.yaml']
  const now = Date.now()
  return rollouts.flatMap((rollout, at) => [
    ...(at === 0 ? [] : ['']),
    ...statusLines(rollout, now, paint),
    `  next      ${nextText(rollout, self)}`,
  ])
}

function exitOf(rollouts: readonly RolloutView[], { requireVerdict }: StatusOptions): number {
  if (rollouts.some(({ state }) => state === 'rolled_back')) return EXIT.rolledBack
  if (!requireVerdict) return EXIT.ok
  const known = rollouts.length > 0 && rollouts.every((one) => one.verdict.value !== 'inconclusive')
  return known ? EXIT.ok : EXIT.notEnoughData
}

/** Looks again and again; what is away is waited for, once it was there. */
async function look(
  client: ControlClient,
  name: string | undefined,
  everyMs: number,
  signal: AbortSignal,
  each: {
    /** @returns true when that was enough */
    readonly seen: (rollouts: readonly RolloutView[]) => boolean
    readonly lost: (error: HeadgateError) => void
    readonly found: () => void
  },
): Promise<void> {
  let met = false
  let lost = false
  while (!signal.aborted) {
    try {
      const rollouts = await read(client, name, signal)
      if (lost) each.found()
      met = true
      lost = false
      if (each.seen(rollouts)) return
    } catch (error) {
      if (signal.aborted) return
      const away = error instanceof HeadgateError && error.code === 'control_unreachable'
      if (!away || !met) throw error
      if (!lost) each.lost(error)
      lost = true
    }
    await pause(everyMs, signal)
  }
}

async function watch(
  client: ControlClient,
  options: StatusOptions,
  context: Context,
): Promise<number> {
  const interrupt = interruption(context)
  const everyMs = durationOf('--every', options.every)
  const screen = screenOf(context)
  try {
    await (screen === null
      ? watchChanges(client, options, everyMs, interrupt.signal, context)
      : watchScreen(client, options, everyMs, interrupt.signal, { ...context, screen }))
  } finally {
    interrupt.forget()
  }
  return EXIT.ok
}

async function watchChanges(
  client: ControlClient,
  { rollout }: StatusOptions,
  everyMs: number,
  signal: AbortSignal,
  context: Context,
): Promise<void> {
  const { output } = context
  const told = new Map<string, string>()
  await look(client, rollout, everyMs, signal, {
    seen(rollouts) {
      tellChanges(rollouts, told, context)
      return false
    },
    lost({ message }) {
      output.document({ type: 'lost', message })
      output.say(`lost: ${message}. Trying again.`)
    },
    found() {
      output.document({ type: 'found' })
      output.say(`found: the control plane at ${client.url} answers again.`)
    },
  })
}

/** How many events are worth keeping for a page. */
const EVENTS = 20

async function watchScreen(
  client: ControlClient,
  { rollout }: StatusOptions,
  everyMs: number,
  signal: AbortSignal,
  { output, self, screen }: Context & { readonly screen: Screen },
): Promise<void> {
  let last: readonly RolloutView[] = []
  let events: readonly EventView[] = []
  let versions = ''
  let remark = ''
  let reading = false
  const draw = (): void => {
    const { columns, rows } = screen
    const head = `${timeText(Date.now())}  ${client.url}  Ctrl-C ends${remark}`
    const page = { columns, rows: rows - 2, now: Date.now(), self, paint: output.paint }
    const lines =
      last.length === 0 ? ['no rollouts: add one to headgate.yaml'] : liveLines(last, events, page)
    screen.draw([head, '', ...lines])
  }
  /** What happened since, where something did; a log that cannot be read is no reason to end. */
  const catchUp = async (): Promise<void> => {
    const now = last.map(({ name, version }) => `${name} ${version}`).join()
    if (now === versions || reading) return
    reading = true
    try {
      const fresh = await newest(client, rollout, EVENTS, events.at(-1)?.id)
      events = [...events, ...fresh].slice(-EVENTS)
      versions = now
      if (!signal.aborted) draw()
    } catch {
      // Asked again at the next look.
    } finally {
      reading = false
    }
  }
  screen.onResize(draw)
  try {
    await look(client, rollout, everyMs, signal, {
      seen(rollouts) {
        last = rollouts
        draw()
        void catchUp()
        return false
      },
      lost({ message }) {
        remark = `  LOST: ${message}. What is shown is from before; trying again`
        draw()
      },
      found() {
        remark = ''
      },
    })
  } finally {
    screen.leave()
  }
  for (const one of last) output.line(changeLine(one))
}

/** A line for each rollout of which something is to be told, and for each that is gone. */
function tellChanges(
  rollouts: readonly RolloutView[],
  told: Map<string, string>,
  { output }: Context,
): void {
  for (const rollout of rollouts) {
    const line = changeLine(rollout)
    if (told.get(rollout.name) === line) continue
    told.set(rollout.name, line)
    output.document({ type: 'status', rollout })
    output.line(`${new Date().toISOString()} ${line}`)
  }
  const names = new Set(rollouts.map(({ name }) => name))
  for (const name of [...told.keys()].filter((one) => !names.has(one))) {
    told.delete(name)
    output.document({ type: 'gone', rollout: name })
    output.line(`${new Date().toISOString()} ${name} is no longer in the config`)
  }
}

async function waitFor(
  state: RolloutState,
  client: ControlClient,
  options: StatusOptions,
  context: Context,
): Promise<number> {
  const { output, self } = context
  const timeoutMs = durationOf('--timeout', options.timeout)
  const everyMs = durationOf('--every', options.every)
  const { name } = await client.one(options.rollout)
  const interrupt = interruption(context)
  const signal = AbortSignal.any([interrupt.signal, AbortSignal.timeout(timeoutMs)])
  let last: RolloutView | undefined
  let there = false
  try {
    await look(client, name, everyMs, signal, {
      seen([rollout]) {
        last = rollout
        there = rollout?.state === state
        return there || rollout?.state === 'rolled_back'
      },
      lost: ({ message }) => output.say(`lost: ${message}. Trying again.`),
      found: () => output.say(`found: the control plane at ${client.url} answers again.`),
    })
  } finally {
    interrupt.forget()
  }
  if (interrupt.signal.aborted) return EXIT.interrupted
  const stands = last === undefined ? `${name} was not seen` : `${name}: ${standingText(last)}`
  if (there && last !== undefined) {
    output.document({ ok: true, rollouts: [last] })
    output.line(stands)
    return EXIT.ok
  }
  const rolledBack = last?.state === 'rolled_back'
  throw new Failure(
    rolledBack ? EXIT.rolledBack : EXIT.timedOut,
    rolledBack
      ? `${stands}; ${state} is not reached from there`
      : `${name} was not ${state} within ${spanText(timeoutMs)}: ${last === undefined ? 'not seen' : standingText(last)}`,
    last === undefined ? '' : nextText(last, self),
    { version: last?.version },
  )
}

function durationOf(option: string, text: string): number {
  const parsed = duration.safeParse(text)
  if (parsed.success && parsed.data >= 1) return parsed.data
  throw new Failure(
    EXIT.usage,
    `${option} must be a duration such as 250ms, 3s, 10m or 2h, got ${text}`,
    '',
  )
}
