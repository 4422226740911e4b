/** What `scripts/edge-config.ts` writes before a Worker is built: `proxy/pairing.ts` where its configuration has shadows. */
import type { Embedder } from './ports.ts'
import type { Pairs } from './proxy/pairs.ts'

export declare const Pairing: (new (embedder: () => Embedder | null) => Pairs) | null
