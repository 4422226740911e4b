import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { shownPath } from '../load-config.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'

/**
 * What was already done, one JSON line each, so that a run that was killed goes on where it was. A line is written in one piece
 * before its work counts as done; a last line that was cut is as if it had never been begun.
 */

/** The first line: what this is the journal of. */
export interface JournalHeader {
  readonly headgate: string
  readonly version: 1
  /** Changes with everything that makes records of two runs incomparable. */
  readonly plan: string
}

export interface Journal<Kept> {
  /** Those of earlier runs, in their order. */
  readonly before: readonly Kept[]
  append(record: Kept): void
  close(): void
  /** Closes it, and puts it aside as `.old`: the next run begins anew. */
  finish(): void
}

/**
 * Opens a journal, or begins it; blocks. Holds it for this process alone.
 * @param fresh begin anew; what was there is kept beside it as `.old`
 * @throws {Failure} where it is another plan's, another process writes it, or it holds what nobody can have written
 */
export function openJournal<Kept extends { readonly type: string }>(
  file: string,
  header: JournalHeader,
  fresh: boolean,
): Journal<Kept> {
  mkdirSync(dirname(file), { recursive: true })
  const release = locked(`${file}.lock`, file)
  try {
    if (fresh && existsSync(file)) renameSync(file, `${file}.old`)
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    const before = whole === '' ? [] : readBefore<Kept>(whole, file, header)
    const handle = openSync(file, 'a', 0o600)
    ftruncateSync(handle, Buffer.byteLength(whole))
    const write = (value: unknown): void => {
      writeSync(handle, `${JSON.stringify(value)}\n`)
    }
    if (whole === '') write(header)
    return {
      before,
      append: write,
      close() {
        closeSync(handle)
        release()
      },
      finish() {
        closeSync(handle)
        renameSync(file, `${file}.old`)
        release()
      },
    }
  } catch (error) {
    release()
    throw error
  }
}

function readBefore<Kept extends { readonly type: string }>(
  whole: string,
  file: string,
  header: JournalHeader,
): Kept[] {
  const [first, ...rest] = whole.trimEnd().split('\n').map(parsed)
  const is = first as Partial<JournalHeader> | undefined
  const fix = 'Name another file, or begin anew with --fresh.'
  if (is?.headgate !== header.headgate || is.version !== header.version) {
    throw new Failure(EXIT.usage, `${shownPath(file)} is not of headgate ${header.headgate}`, fix)
  }
  if (is.plan !== header.plan) {
    const words = `${shownPath(file)} is of another plan: other prompts, models, rubric or seed`
    throw new Failure(EXIT.usage, words, fix)
  }
  const broken = rest.findIndex((value) => typeof value?.['type'] !== 'string')
  if (broken >= 0) {
    throw new Failure(EXIT.failed, `${shownPath(file)}:${broken + 2} is no record`, fix)
  }
  return rest as unknown as Kept[]
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** @returns what lets it go. A lock whose process is gone is nobody's. */
function locked(lock: string, file: string): () => void {
  for (let left = 1; ; left--) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      return () => rmSync(lock, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const owner = Number(readFileSync(lock, 'utf8'))
      if (left <= 0 || isRunning(owner)) {
        throw new Failure(
          EXIT.failed,
          `process ${owner} is writing ${shownPath(file)}`,
          `Wait for it, or name another file. If it is gone, remove ${shownPath(lock)}.`,
        )
      }
      rmSync(lock, { force: true })
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return pid !== process.pid
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
