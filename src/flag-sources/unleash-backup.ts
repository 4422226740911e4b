import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type FlagDocument, parseDocument } from '../flag/document.ts'
import type { Clock, FlagBackup, FlagRevision, KeptFlags, Log } from '../ports.ts'
import { CONFIRM_MS, keptAgeMs } from './kept-age.ts'

/**
 * The last good answer of an Unleash server, on disk. The file is itself a client-features document that `flags.file` and
 * people can read; what Headgate adds stands under `headgate`. Node only.
 */

export interface BackupPlace {
  readonly file: string
  /** Whose flags they are: those of another server, or of another environment, are not taken up. */
  readonly url: string
  readonly environment: string | null
}

/** What Headgate adds. */
interface Mark {
  readonly url: string
  readonly environment: string | null
  /** ISO 8601: when the server last confirmed them, to a minute. */
  readonly confirmedAt: string
  /** Null where the server does not say; not there in a file of an older Headgate. */
  readonly revision?: FlagRevision | null
  /** Of the document without this mark, as JSON. */
  readonly sha256: string
}

/** Two sources may write for a moment, at a reload: never beside each other in one file. */
let written = 0

/**
 * Reads what was kept; blocks. Never throws.
 * @param nowMs milliseconds since the epoch
 * @returns null, and a line in the log, for what is missing, damaged, or of another server
 */
export function readBackup(
  place: BackupPlace,
  nowMs: number,
  log: Log,
): KeptFlags<FlagDocument> | null {
  const { file, url, environment } = place
  const reject = (why: string): null => {
    log.warn('the backup of the flags is not used', { file, why })
    return null
  }
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? null : reject(`it cannot be read (${code ?? 'unknown error'})`)
  }
  const parsed = parseDocument(text)
  if (!parsed.ok) return reject(parsed.faults.join('; '))
  const { headgate, ...rest } = parsed.document as FlagDocument & { headgate?: unknown }
  const document = rest as FlagDocument
  if (!isMark(headgate)) return reject('Headgate did not write it')
  if (headgate.sha256 !== sumOf(document)) return reject('its checksum is another one')
  if (headgate.url !== url || headgate.environment !== environment) {
    return reject('it is of another server, or of another environment')
  }
  return {
    document,
    ageMs: keptAgeMs(Date.parse(headgate.confirmedAt), nowMs),
    words: `the backup of ${headgate.confirmedAt}`,
    revision: headgate.revision ?? null,
  }
}

/** Keeps documents in a file: whole or not at all, also against a loss of power. What fails is in the log, once. */
export function fileBackup(
  place: BackupPlace,
  { clock, log }: { clock: Clock; log: Log },
): FlagBackup<FlagDocument> {
  const { file, url, environment } = place
  let kept: FlagDocument | null = null
  let keptMs = Number.NEGATIVE_INFINITY
  let writing: Promise<void> = Promise.resolve()
  let fault: string | null = null

  async function write(text: string): Promise<void> {
    const beside = `${file}.${process.pid}.${written++}.tmp`
    try {
      await mkdir(dirname(file), { recursive: true })
      const handle = await open(beside, 'w', 0o600)
      try {
        await handle.writeFile(text)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(beside, file)
      fault = null
    } catch (error) {
      await rm(beside, { force: true }).catch(() => undefined)
      const next = (error as NodeJS.ErrnoException).code ?? 'unknown error'
      if (next !== fault) log.warn('the backup of the flags is not written', { file, fault: next })
      fault = next
    }
  }

  return {
    keep(document, revision = null) {
      const nowMs = clock.monotonicMs()
      if (document === kept && nowMs - keptMs < CONFIRM_MS) return
      kept = document
      keptMs = nowMs
      const confirmedAt = new Date(clock.wallMs()).toISOString()
      const mark: Mark = { url, environment, confirmedAt, revision, sha256: sumOf(document) }
      const text = `${JSON.stringify({ ...document, headgate: mark }, null, 2)}\n`
      writing = writing.then(() => write(text))
    },
    close: () => writing,
  }
}

function sumOf(document: FlagDocument): string {
  return hash('sha256', JSON.stringify(document))
}

function isMark(value: unknown): value is Mark {
  const { url, environment, confirmedAt, revision, sha256 } = (value ?? {}) as Partial<Mark>
  return (
    typeof url === 'string' &&
    (typeof environment === 'string' || environment === null) &&
    typeof confirmedAt === 'string' &&
    !Number.isNaN(Date.parse(confirmedAt)) &&
    (revision === undefined || revision === null || isRevision(revision)) &&
    typeof sha256 === 'string'
  )
}

function isRevision({ query, number }: Partial<FlagRevision>): boolean {
  return typeof query === 'string' && typeof number === 'number'
}
