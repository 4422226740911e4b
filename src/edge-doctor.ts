import { inspectSecrets } from './config/secrets.ts'
import type { Check } from './doctor/check.ts'
import type { DoctorParts, Serving } from './doctor/parts.ts'
import { round } from './doctor/round.ts'
import { type EdgeConfig, type EdgeEnv, readerOf } from './edge-config.ts'

/** A round of checks at the edge: what its fetch can tell. Names and certificates it does not show. Never rejects. */
export function edgeChecks(
  { config, flags }: EdgeConfig,
  bindings: EdgeEnv,
  serving: Serving,
  own: Pick<DoctorParts, 'fetch' | 'clock' | 'sha256'>,
): Promise<readonly Check[]> {
  const read = readerOf(bindings)
  return round({
    ...own,
    config,
    advise: null,
    secrets: inspectSecrets(config, read, 'workers'),
    read,
    dotenv: new Set(),
    // A Worker goes through no proxy.
    env: {},
    network: null,
    telemetry: null,
    flags: async () => ({ ...serving.flags, document: serving.flags.document ?? flags }),
    store: async () => serving.store,
    cross: false,
    refusing: serving.refusing,
  })
}
