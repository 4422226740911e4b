/** Writers that are killed, and what must be there afterwards. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { LoggedBatch, Stores } from '../../src/ports.ts'
import { recordFault } from '../../src/rollout/state.ts'
import type { RolloutEvent } from '../../src/types.ts'

export const ROLLOUTS = ['relay', 'messages'] as const
/** Batches that a writer appends at once. */
export const GROUP = 3

/** What a writer was told is safe. */
export type Ack =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'event'
      readonly rollout: string
      readonly id: string
      readonly version: number
    }
  | {
      readonly kind: 'dwell'
      readonly rollout: string
      readonly version: number
      readonly ms: number
    }
  | { readonly kind: 'counts'; readonly process: string; readonly turn: number }
  | { readonly kind: 'fault'; readonly code: string; readonly message: string }

/** Told by the process and the sequence alone, so that half a batch can be seen. */
export interface Counts {
  readonly process: string
  readonly sequence: number
  readonly counts: readonly number[]
}

export function countsOf(process: string, sequence: number): Counts {
  return {
    process,
    sequence,
    counts: Array.from({ length: 40 }, (_, index) => ((sequence + 1) * (index + 7)) % 1_009),
  }
}

export interface Running {
  readonly acks: Ack[]
  /** Resolves with the first acknowledgement: the store is open. */
  readonly opened: Promise<void>
  /** Resolves when the process is gone and all it said was read. */
  readonly gone: Promise<void>
  kill(): void
  stderr(): string
}

export interface WriterOptions {
  readonly turns?: number
  /** Wraps the command line, such as with a limit. */
  readonly through?: readonly string[]
  /** Runs as this user, which takes root. */
  readonly uid?: number
  /** V8's cache of compiled code: a writer starts twice as fast. */
  readonly cache?: string
}

/** Starts a writer. */
export function startWriter(
  file: string,
  name: string,
  seed: string,
  { turns, through = [], uid, cache }: WriterOptions = {},
): Running {
  const script = fileURLToPath(new URL('./writer.ts', import.meta.url))
  const line = [...through, process.execPath, script, file, name, seed]
  if (turns !== undefined) line.push(String(turns))
  const [program, ...words] = line as [string, ...string[]]
  const env = {
    PATH: process.env['PATH'],
    ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }),
  }
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  const acks: Ack[] = []
  let rest = ''
  let errors = ''
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const each of lines) acks.push(JSON.parse(each) as Ack)
    open()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const gone = new Promise<void>((resolve) => {
    child.on('close', () => {
      open()
      resolve()
    })
  })
  return { acks, opened, gone, kill: () => child.kill('SIGKILL'), stderr: () => errors }
}

/** All that a store holds. */
export interface Found {
  readonly events: readonly RolloutEvent[]
  readonly batches: readonly LoggedBatch<Counts>[]
}

/** Everything acknowledged is there, and nothing is there by half. */
export async function expectWhole(stores: Stores<Counts>, acks: readonly Ack[]): Promise<Found> {
  const events = await stores.state.events({ limit: 1e9 })
  if (events === 'unknown_event') throw new Error(events)
  for (const rollout of ROLLOUTS) {
    const stored = await stores.state.read(rollout)
    const own = events.filter((event) => event.rollout === rollout)
    expect(own.map(({ version }) => version)).toEqual(own.map((_, index) => index + 1))
    for (const [index, event] of own.entries()) {
      if (index > 0) same(event.before, own[index - 1]?.after)
    }
    expect(stored?.record).toEqual(own.at(-1)?.after)
    if (stored !== null) expect(recordFault(stored.record)).toBeNull()
    const served = acks
      .filter((ack) => ack.kind === 'dwell' && ack.rollout === rollout)
      .filter((ack) => ack.kind === 'dwell' && ack.version === stored?.record.version)
      .at(-1)
    if (served?.kind === 'dwell') expect(stored?.dwell.ms).toBeGreaterThanOrEqual(served.ms)
  }
  const ids = new Map(events.map(({ id, rollout, version }) => [id, `${rollout} ${version}`]))
  const batches: LoggedBatch<Counts>[] = []
  for (const rollout of ROLLOUTS) {
    batches.push(...(await stores.evidence.read({ rollout, limit: 1e9 })))
  }
  const groups = new Map<string, number>()
  for (const { process, sequence, counts } of batches) {
    same(counts, countsOf(process, sequence))
    const group = `${process} ${Math.floor(sequence / GROUP)}`
    groups.set(group, (groups.get(group) ?? 0) + 1)
  }
  expect([...groups.values()].filter((size) => size !== GROUP)).toEqual([])
  for (const ack of acks) {
    if (ack.kind === 'event') same(ids.get(ack.id), `${ack.rollout} ${ack.version}`)
    if (ack.kind === 'counts') same(groups.get(`${ack.process} ${ack.turn}`), GROUP)
  }
  return { events, batches }
}

/** `expect` is too slow for what is compared a hundred thousand times. */
function same(found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) expect(found).toEqual(wanted)
}
