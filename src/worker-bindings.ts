import bundled from 'headgate-config'
import { type EdgeConfig, edgeConfigOf } from './edge-config.ts'

/** What a Worker is bound to, and the configuration that comes of it. */

/** A namespace of Workers KV: of it, what is used here. */
export interface KeyValues {
  get(key: string, options: { readonly cacheTtl: number }): Promise<string | null>
}

/** By name: variables and secrets are text. */
export interface EdgeBindings {
  /** Where there is one, the configuration and the flags in it go before the bundled ones. */
  readonly HEADGATE_KV?: KeyValues
  readonly [name: string]: unknown
}

/** Of the configuration in KV, which is JSON there; flags are under the name that `flags.file` has. */
const CONFIG_KEY = 'headgate.json'

/** For how long a place may answer from what it read before, in seconds: the least KV takes (developers.cloudflare.com/kv/api/read-key-value-pairs). */
export const KV_READ = { cacheTtl: 30 }

/** @throws {HeadgateError} `config_invalid`, with every fault */
export async function loadEdge(bindings: EdgeBindings): Promise<EdgeConfig> {
  const kept = (await bindings.HEADGATE_KV?.get(CONFIG_KEY, KV_READ)) ?? null
  if (kept === null) return edgeConfigOf(bundled, bindings)
  return edgeConfigOf({ file: `KV ${CONFIG_KEY}`, config: kept, flags: bundled.flags }, bindings)
}
