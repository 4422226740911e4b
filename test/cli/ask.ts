import { PassThrough, Writable } from 'node:stream'
import { onTestFinished } from 'vitest'
import { run } from '../../src/cli/program.ts'
import { FakeControl, TOKEN } from './fake-control.ts'
import { folderWith } from './run.ts'

/** The command line in this process, so that what it speaks to may live here as well. */

export interface Asking {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** A person at a terminal of 100 columns and 60 rows. */
  readonly terminal?: boolean
}

export interface Asked {
  readonly code: Promise<number>
  readonly stdout: Heard
  readonly stderr: Heard
  /** What the person types. */
  readonly type: (text: string) => void
  /** Ctrl-C. */
  readonly interrupt: () => void
}

/** A stream that is remembered. */
class Heard extends Writable {
  text = ''
  readonly isTTY: boolean
  columns = 100
  rows = 60
  readonly #waiting = new Set<() => void>()

  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += String(chunk)
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
    done()
  }

  /** Waits until this was said, so often. */
  async said(words: string, times = 1): Promise<void> {
    while (this.text.split(words).length <= times) {
      await new Promise<void>((wake) => this.#waiting.add(wake))
    }
  }
}

export function begin(args: readonly string[], asking: Asking = {}): Asked {
  const { cwd = folderWith(), env = {}, terminal = false } = asking
  const stdout = new Heard(terminal)
  const stderr = new Heard(terminal)
  const stdin = Object.assign(new PassThrough(), { isTTY: terminal, setRawMode: () => stdin })
  const listeners = new Set<() => void>()
  const code = run({
    args,
    env,
    cwd,
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    onInterrupt(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  })
  return {
    code,
    stdout,
    stderr,
    type: (text) => void stdin.write(text),
    interrupt: () => {
      for (const listener of listeners) listener()
    },
  }
}

export interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs to its end. */
export async function ask(args: readonly string[], asking: Asking = {}): Promise<Answer> {
  const asked = begin(args, asking)
  const code = await asked.code
  return { code, stdout: asked.stdout.text, stderr: asked.stderr.text }
}

/** A control plane for one test, and what the environment says of it. */
export async function controlled(): Promise<{
  readonly control: FakeControl
  readonly env: Readonly<Record<string, string>>
}> {
  const control = new FakeControl()
  await control.up()
  onTestFinished(() => control.down().catch(() => {}))
  const env = { HEADGATE_URL: control.url, HEADGATE_TOKEN: TOKEN, HEADGATE_BY: 'alice' }
  return { control, env }
}

export function documentsOf(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
