import type { EdgeConfig } from './edge-config.ts'
import { type FlagDocument, parseDocument } from './flag/document.ts'
import { staticFlagSource } from './flag-sources/static.ts'
import type { Clock, FlagSource, Log } from './ports.ts'
import { type EdgeBindings, KV_READ } from './worker-bindings.ts'

/** Where an object has its flags from: bundled, or KV. It hands them on; isolates evaluate them. */

export interface EdgeFlags {
  readonly source: FlagSource<FlagDocument>
  /** How old a document may grow; milliseconds. */
  readonly maxAgeMs: number
  /** How often `refresh` wants to be called; milliseconds. */
  readonly refreshMs: number
  /** Asks anew, where there is somebody to ask. Never rejects. */
  refresh(): Promise<void>
}

/** Null where the configuration names none. */
export function edgeFlags(
  { config, flags: bundled }: EdgeConfig,
  { HEADGATE_KV: kv }: EdgeBindings,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): EdgeFlags | null {
  const { flags } = config
  if (flags === undefined || !('file' in flags)) return null
  const source = staticFlagSource({ document: bundled, clock })
  let taken: string | null = null
  return {
    source,
    maxAgeMs: Number.POSITIVE_INFINITY,
    refreshMs: kv === undefined ? Number.POSITIVE_INFINITY : KV_READ.cacheTtl * 1_000,
    async refresh() {
      const text = (await kv?.get(flags.file, KV_READ).catch(() => null)) ?? null
      if (text === null || text === taken) return
      taken = text
      const parsed = parseDocument(text)
      if (parsed.ok) source.set(parsed.document)
      else log.warn('flags in KV not taken', { key: flags.file, fault: parsed.faults.join('; ') })
    },
  }
}
