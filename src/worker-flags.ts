import type { EdgeConfig } from './edge-config.ts'
import { type FlagDocument, parseDocument } from './flag/document.ts'
import { staticFlagSource } from './flag-sources/static.ts'
import { unleashFlagSource } from './flag-sources/unleash.ts'
import type { Clock, FlagBackup, FlagSource, KeptFlags, Log } from './ports.ts'
import { type EdgeBindings, KV_READ } from './worker-bindings.ts'

/** Where an object has its flags from: bundled, KV, or an Unleash server. It hands them on; isolates evaluate them. */

export interface EdgeFlags {
  readonly source: FlagSource<FlagDocument>
  /** How old a document may grow; milliseconds. */
  readonly maxAgeMs: number
  /** How often `refresh` wants to be called; milliseconds. */
  readonly refreshMs: number
  /** Asks anew, where it is for others to say when. Never rejects. */
  refresh(): Promise<void>
}

/** Of an object's storage, what is used here: values of 2 MB at most. */
export interface KeptValues {
  get(key: string): unknown
  put(key: string, value: unknown): void
}

export interface EdgeFlagParts {
  readonly bindings: EdgeBindings
  readonly storage: KeptValues
  readonly clock: Clock
  readonly log: Log
  /** In 0..1, below 1. */
  readonly random: () => number
  /** One object from its start to its end. */
  readonly instanceId: string
}

/** Null where the configuration names none. */
export function edgeFlags(edge: EdgeConfig, parts: EdgeFlagParts): EdgeFlags | null {
  const { flags } = edge.config
  if (flags === undefined) return null
  if ('file' in flags) return fromFile(edge, flags.file, parts)
  // A provider's module is code of one's own, which Node loads: `workersFaults` refuses it.
  return 'unleash' in flags ? fromUnleash(edge, flags, parts) : null
}

function fromFile(
  { flags: bundled }: EdgeConfig,
  key: string,
  { bindings: { HEADGATE_KV: kv }, clock, log }: EdgeFlagParts,
): EdgeFlags {
  const source = staticFlagSource({ document: bundled, clock })
  let taken: string | null = null
  return {
    source,
    maxAgeMs: Number.POSITIVE_INFINITY,
    refreshMs: kv === undefined ? Number.POSITIVE_INFINITY : KV_READ.cacheTtl * 1_000,
    async refresh() {
      const text = (await kv?.get(key, KV_READ).catch(() => null)) ?? null
      if (text === null || text === taken) return
      taken = text
      const parsed = parseDocument(text)
      if (parsed.ok) source.set(parsed.document)
      else log.warn('flags in KV not taken', { key, fault: parsed.faults.join('; ') })
    },
  }
}

type UnleashFlags = Extract<NonNullable<EdgeConfig['config']['flags']>, { unleash: unknown }>

/** Where the last good answer is kept. */
const KEPT_KEY = 'flags'
/** A document that stays the same is kept again this often, for the sake of its age. */
const CONFIRM_MS = 60_000
/** How long an object that begins may wait for the first word of the server. */
const FIRST_WORD_MS = 1_000

interface Kept {
  readonly url: string
  /** Milliseconds since the epoch. */
  readonly confirmedAt: number
  readonly document: string
}

function fromUnleash(
  { reveal }: EdgeConfig,
  { unleash, maxAge }: UnleashFlags,
  { storage, clock, log, random, instanceId }: EdgeFlagParts,
): EdgeFlags {
  const { url, appName, interval } = unleash
  const source = unleashFlagSource({
    server: { url, token: reveal(unleash.token), appName, instanceId, intervalMs: interval },
    fetch: (address, init) => fetch(address, init),
    clock,
    log,
    random,
    kept: keptIn(storage, url, clock),
    backup: backupIn(storage, url, clock, log),
    usage: null,
    doorbell: null,
  })
  const waited = new Promise<void>((resolve) => {
    clock.setTimer(resolve, FIRST_WORD_MS)
  })
  return {
    source,
    maxAgeMs: maxAge,
    // The source asks by itself, as long as its object is awake.
    refreshMs: interval,
    refresh: () => Promise.race([source.asked, waited]),
  }
}

/** Of another server, or no document: none. */
function keptIn(storage: KeptValues, url: string, clock: Clock): KeptFlags<FlagDocument> | null {
  const kept = storage.get(KEPT_KEY) as Kept | undefined
  if (kept === undefined || kept.url !== url) return null
  const parsed = parseDocument(kept.document)
  if (!parsed.ok) return null
  const ageMs = Math.max(0, clock.wallMs() - kept.confirmedAt)
  return { document: parsed.document, ageMs, words: 'what the object kept' }
}

function backupIn(
  storage: KeptValues,
  url: string,
  clock: Clock,
  log: Log,
): FlagBackup<FlagDocument> {
  let last: FlagDocument | null = null
  let keptAt = Number.NEGATIVE_INFINITY
  return {
    keep(document) {
      const confirmedAt = clock.wallMs()
      if (document === last && confirmedAt - keptAt < CONFIRM_MS) return
      last = document
      keptAt = confirmedAt
      try {
        const kept: Kept = { url, confirmedAt, document: JSON.stringify(document) }
        storage.put(KEPT_KEY, kept)
      } catch (error) {
        log.warn('flags not kept', { fault: error instanceof Error ? error.message : 'no error' })
      }
    },
    async close() {},
  }
}
