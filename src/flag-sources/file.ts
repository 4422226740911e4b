import { type FlagDocument, hashOf, parseDocument } from '../flag/document.ts'
import type { Clock, FlagSnapshot, FlagSource, Log } from '../ports.ts'
import { type FileRead, readFileNow, watchFile } from '../watch-file.ts'
import { Listeners } from './listeners.ts'

/** `watchFile` looks at least this often. */
const REFRESH_MS = 1_000

export interface FileFlagOptions {
  /** Path of an Unleash client-features document. */
  readonly file: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * Flags from a file, followed while it changes: a new document is `current()` within a second of its write. A file that
 * is missing, half-written or refused changes nothing but `status().fault`; the last good document stays, for as long
 * as it takes. Each distinct fault is logged once.
 *
 * The file is read once before this returns, so a good one is `current()` at once. `readAtMs` moves on while the file
 * stays readable and unchanged. Node only.
 */
export function fileFlagSource({ file, clock, log }: FileFlagOptions): FlagSource<FlagDocument> {
  const source = `file:${file}`
  const listeners = new Listeners(source, log)
  let snapshot: FlagSnapshot<FlagDocument> | null = null
  let fault: string | null = null

  function take(read: FileRead): void {
    const parsed = read.ok ? parseDocument(read.text) : { ok: false as const, faults: [read.fault] }
    if (parsed.ok) {
      const hash = hashOf(parsed.document)
      if (hash !== snapshot?.hash || fault !== null) log.info('flags read', { source, hash })
      snapshot = { document: parsed.document, hash, readAtMs: clock.monotonicMs() }
      fault = null
    } else {
      const next = parsed.faults.join('; ')
      if (next !== fault) {
        const kept = snapshot?.hash ?? null
        log.warn('flags not read: the last good document stays', { source, fault: next, kept })
      }
      fault = next
    }
  }

  const first = readFileNow(file)
  take(first)
  const watching = watchFile(
    file,
    first,
    (read) => {
      take(read)
      listeners.tell()
    },
    {
      onUnchanged() {
        if (snapshot !== null && fault === null) {
          snapshot = { ...snapshot, readAtMs: clock.monotonicMs() }
        }
      },
    },
  )

  return {
    current: () => snapshot,
    status: () => ({ source, hash: snapshot?.hash ?? null, fault, refreshMs: REFRESH_MS }),
    onChange(listener) {
      listeners.add(listener)
    },
    close: () => watching.close(),
  }
}
