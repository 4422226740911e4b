import type { EdgeConfig } from './edge-config.ts'
import { type FlagDocument, parseDocument } from './flag/document.ts'
import { staticFlagSource } from './flag-sources/static.ts'
import { unleashFlagSource } from './flag-sources/unleash.ts'
import { backupIn, type KeptValues, keptIn } from './flag-sources/unleash-kept.ts'
import type { Clock, FlagSource, Log } from './ports.ts'
import { environmentOf } from './unleash/environment.ts'
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

/** How long an object that begins may wait for the first word of the server. */
const FIRST_WORD_MS = 1_000

function fromUnleash(
  { reveal }: EdgeConfig,
  { unleash, maxAge }: UnleashFlags,
  { storage, clock, log, random, instanceId }: EdgeFlagParts,
): EdgeFlags {
  const { url, appName, interval } = unleash
  const token = reveal(unleash.token)
  const place = { url, environment: unleash.environment ?? environmentOf(token.reveal()) }
  const source = unleashFlagSource({
    server: { url, token, appName, instanceId, intervalMs: interval },
    fetch: (address, init) => fetch(address, init),
    clock,
    log,
    random,
    kept: keptIn(storage, place, clock),
    backup: backupIn(storage, place, { clock, log }),
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
