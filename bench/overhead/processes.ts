import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** Processes of the benchmark, each on its core, which speak to this one over Node's own channel. */

export interface Pinned<First> {
  readonly child: ChildProcess
  readonly pid: number
  /** The first thing it said: it is ready. */
  readonly first: First
}

export interface PinnedOptions {
  readonly file: string
  readonly core: number
  readonly args?: readonly string[]
  /** Node's own options. */
  readonly nodeOptions?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** @throws {Error} when it ends before it is ready */
export async function startPinned<First>(options: PinnedOptions): Promise<Pinned<First>> {
  const { file, core, args = [], nodeOptions = [], env = {} } = options
  const script = join(import.meta.dirname, file)
  const child = spawn(
    'taskset',
    ['-c', String(core), process.execPath, ...nodeOptions, script, ...args],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...env },
    },
  )
  return { child, pid: child.pid ?? 0, first: await answerOf<First>(child, file) }
}

/** Sends a message and waits for the one that answers it. */
export function ask<Answer>(child: ChildProcess, message: object): Promise<Answer> {
  const answer = answerOf<Answer>(child, child.spawnargs.join(' '))
  child.send(message)
  return answer
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}

function answerOf<Answer>(child: ChildProcess, what: string): Promise<Answer> {
  return new Promise((done, failed) => {
    const onExit = (code: number | null): void => {
      child.off('message', onMessage)
      failed(new Error(`${what} ended with ${code}`))
    }
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit)
      done(message as Answer)
    }
    child.once('exit', onExit)
    child.once('message', onMessage)
  })
}

/** Waits until the process answers there. @throws {Error} with its log when it has ended, or has not in 5 s */
export async function untilHeard(
  port: number,
  child: ChildProcess,
  log: () => string,
): Promise<void> {
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries > 50 || child.exitCode !== null) {
      throw new Error(`${child.spawnargs.join(' ')} does not start: ${log()}`)
    }
  }
}

/** @returns after 100 ms at most */
async function answers(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(100) })
    return true
  } catch {
    await new Promise((done) => setTimeout(done, 100))
    return false
  }
}
