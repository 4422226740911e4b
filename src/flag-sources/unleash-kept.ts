import { type FlagDocument, parseDocument } from '../flag/document.ts'
import type { Clock, FlagBackup, FlagRevision, KeptFlags, Log } from '../ports.ts'
import { CONFIRM_MS, keptAgeMs } from './kept-age.ts'

/** The last good answer of an Unleash server, in the storage of an object that may begin anew at any time. */

/** Of an object's storage, what is used here: values of 2 MB at most. */
export interface KeptValues {
  get(key: string): unknown
  put(key: string, value: unknown): void
}

/** Whose flags they are: those of another server, or of another environment, are not taken up. */
export interface KeptPlace {
  readonly url: string
  readonly environment: string | null
}

interface Kept extends KeptPlace {
  /** Milliseconds since the epoch. */
  readonly confirmedAt: number
  readonly revision: FlagRevision | null
  readonly document: string
}

const KEY = 'flags'

/** Null for what is missing, of another place, or no document. */
export function keptIn(
  storage: KeptValues,
  { url, environment }: KeptPlace,
  clock: Clock,
): KeptFlags<FlagDocument> | null {
  const kept = storage.get(KEY) as Kept | undefined
  if (kept === undefined || kept.url !== url || kept.environment !== environment) return null
  const parsed = parseDocument(kept.document)
  if (!parsed.ok) return null
  const ageMs = keptAgeMs(kept.confirmedAt, clock.wallMs())
  const { revision } = kept
  return { document: parsed.document, ageMs, words: 'what the object kept', revision }
}

export function backupIn(
  storage: KeptValues,
  place: KeptPlace,
  { clock, log }: { clock: Clock; log: Log },
): FlagBackup<FlagDocument> {
  let last: FlagDocument | null = null
  let keptAt = Number.NEGATIVE_INFINITY
  return {
    keep(document, revision = null) {
      const confirmedAt = clock.wallMs()
      if (document === last && confirmedAt - keptAt < CONFIRM_MS) return
      last = document
      keptAt = confirmedAt
      try {
        const kept: Kept = { ...place, confirmedAt, revision, document: JSON.stringify(document) }
        storage.put(KEY, kept)
      } catch (error) {
        log.warn('flags not kept', { fault: error instanceof Error ? error.message : 'no error' })
      }
    },
    async close() {},
  }
}
