/**
 * A file that others replace while we run: watched through its directory, since Kubernetes swaps a symlink and editors
 * rename over the file, and polled as well, since some file systems report nothing.
 */
import { type FSWatcher, readFileSync, type Stats, statSync, watch } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'

/** What one look at a file gave: its text, or why there is none, in words that name no secret. */
export type FileRead =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly fault: string }

export interface WatchOptions {
  /** How often to look without being told. Default 500, so that a change is read within a second of its write. */
  readonly pollMs?: number
  /** How long the directory must be quiet before a look, so that a file is not read half-written. Default 50. */
  readonly quietMs?: number
  /** A larger file is a fault. Default 8,000,000. */
  readonly maxBytes?: number
  /** Called after each look that found what was there before. */
  readonly onUnchanged?: () => void
}

const DEFAULT_MAX_BYTES = 8_000_000
/** However busy the directory is, a look is not put off for longer than this many quiet times. */
const MOST_QUIET_TIMES = 5

/** Looks at a file once, at start-up; blocks. Never throws: what is wrong is in `fault`. */
export function readFileNow(file: string, maxBytes: number = DEFAULT_MAX_BYTES): FileRead {
  try {
    const fault = faultOf(statSync(file), maxBytes)
    return fault === null ? textOf(readFileSync(file)) : { ok: false, fault }
  } catch (error) {
    return unreadable(error)
  }
}

/**
 * Calls back whenever a look at the file gives another text or another fault than the last one did; first against
 * `last`, which the caller read itself, so nothing written in between is lost. An empty or half-written text is a text:
 * the caller judges it. Missing files and directories are faults, and are waited for.
 *
 * It never keeps the process alive, and calls nobody after `close()`. `onChange` must not throw.
 */
export function watchFile(
  file: string,
  last: FileRead,
  onChange: (read: FileRead) => void,
  options: WatchOptions = {},
): { close(): void } {
  const { pollMs = 500, quietMs = 50, maxBytes = DEFAULT_MAX_BYTES, onUnchanged } = options
  const directory = dirname(file)
  const name = basename(file)
  let known = last
  let closed = false
  let looking = false
  let lookAgain = false
  let watcher: FSWatcher | null = null
  let quietTimer: NodeJS.Timeout | null = null
  let firstEventAtMs = 0

  async function look(): Promise<void> {
    // One look at a time, so that an older read never comes after a newer one.
    if (looking) {
      lookAgain = true
      return
    }
    looking = true
    try {
      do {
        lookAgain = false
        const read = await readSoon(file, maxBytes)
        if (closed) return
        if (isSame(read, known)) {
          onUnchanged?.()
        } else {
          known = read
          onChange(read)
        }
      } while (lookAgain && !closed)
    } finally {
      looking = false
    }
  }

  function onEvent(changed: string | null): void {
    // Kubernetes renames `..data`, which the file's own name links through.
    if (changed !== null && changed !== name && !changed.startsWith('..')) return
    const nowMs = performance.now()
    if (quietTimer === null) firstEventAtMs = nowMs
    else clearTimeout(quietTimer)
    const latestMs = firstEventAtMs + quietMs * MOST_QUIET_TIMES
    quietTimer = setTimeout(
      () => {
        quietTimer = null
        void look()
      },
      Math.max(0, Math.min(quietMs, latestMs - nowMs)),
    ).unref()
  }

  /** Without a watcher (no such directory yet, no inotify handles left) the poll alone finds changes. */
  function startWatcher(): void {
    try {
      watcher = watch(directory, { persistent: false }, (_event, changed) => onEvent(changed))
      watcher.on('error', stopWatcher)
    } catch {
      watcher = null
    }
  }

  function stopWatcher(): void {
    watcher?.close()
    watcher = null
  }

  startWatcher()
  const poll = setInterval(() => {
    if (watcher === null) startWatcher()
    void look()
  }, pollMs).unref()
  void look()

  return {
    close() {
      closed = true
      clearInterval(poll)
      if (quietTimer !== null) clearTimeout(quietTimer)
      stopWatcher()
    },
  }
}

async function readSoon(file: string, maxBytes: number): Promise<FileRead> {
  try {
    const fault = faultOf(await stat(file), maxBytes)
    return fault === null ? textOf(await readFile(file)) : { ok: false, fault }
  } catch (error) {
    return unreadable(error)
  }
}

/** Before it is opened: reading a pipe would wait for ever, and `/dev/zero` has no end. */
function faultOf(stats: Stats, maxBytes: number): string | null {
  if (!stats.isFile()) return 'is not a file'
  if (stats.size > maxBytes) return `must be at most ${maxBytes} bytes, got ${stats.size}`
  return null
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function textOf(bytes: Uint8Array): FileRead {
  try {
    return { ok: true, text: decoder.decode(bytes) }
  } catch {
    return { ok: false, fault: 'is not UTF-8' }
  }
}

function unreadable(error: unknown): FileRead {
  const code = (error as NodeJS.ErrnoException).code
  return { ok: false, fault: code === 'ENOENT' ? 'does not exist' : `cannot be read: ${code}` }
}

function isSame(a: FileRead, b: FileRead): boolean {
  return a.ok ? b.ok && a.text === b.text : !b.ok && a.fault === b.fault
}
