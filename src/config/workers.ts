import type { Finding } from './fault.ts'
import type { Config } from './schema.ts'
import { inspectSecrets, type SecretReader } from './secrets.ts'

/** What a configuration lacks to run on Workers, where every door is open to the world and there are no files. */

/**
 * Faults that keep a Worker from starting. Whether secrets are set is looked at only with `read`: before a deployment
 * nobody can tell.
 */
export function workersFaults(config: Config, read: SecretReader | null): Finding[] {
  const misplaced = inspectSecrets(config, read ?? (() => 'unread'), 'workers')
  return [
    ...misplaced.flatMap(({ ref, fault }) =>
      fault !== null && (read !== null || 'file' in ref) ? [fault] : [],
    ),
    ...openDoors(config, read),
    ...providers(config),
  ]
}

function openDoors({ server, callers, control }: Config, read: SecretReader | null): Finding[] {
  if (server.open) return []
  const faults: Finding[] = []
  if (callers.length === 0) {
    faults.push({
      path: ['callers'],
      message: 'are missing, and a Worker is open to everybody: anyone would spend your keys',
      suggestion: 'name callers, or write server.open: true where something else keeps the door',
    })
  }
  if (control === undefined && read !== null) {
    faults.push({
      path: ['control'],
      message: 'has no token, and a Worker has no other door for its control plane',
      suggestion:
        'run wrangler secret put HEADGATE_TOKEN, or write server.open: true to do without',
    })
  }
  return faults
}

function providers({ flags }: Config): Finding[] {
  if (flags === undefined || !('openFeature' in flags)) return []
  return [
    {
      path: ['flags', 'openFeature'],
      message: 'names a module, and a Worker loads none',
      suggestion: 'write flags.file, or flags.unleash',
    },
  ]
}

/** Bindings that are no text, and not there. @param env what the Worker is bound to */
export function unboundFaults(
  { embeddings }: Config,
  env: Readonly<Record<string, unknown>>,
): Finding[] {
  if (embeddings === undefined || !('workersAi' in embeddings)) return []
  const { binding } = embeddings.workersAi
  if (typeof (env[binding] as { run?: unknown } | undefined)?.run === 'function') return []
  return [
    {
      path: ['embeddings', 'workersAi'],
      message: `needs the binding ${binding} of Workers AI, which is not there`,
      suggestion: `write binding = "${binding}" below [ai] in wrangler.toml`,
    },
  ]
}

/** What a Worker does not do as Node would. */
export function workersNotes(config: Config): Finding[] {
  const prices =
    config.prices === undefined
      ? []
      : [{ path: ['prices'], message: 'is not read there: write price.models of the upstreams' }]
  const upstreams = Object.entries(config.upstreams).flatMap(([name, { http2, timeouts }]) => [
    ...(http2
      ? [{ path: ['upstreams', name, 'http2'], message: 'is for the platform to choose there' }]
      : []),
    ...(timeouts.connect !== undefined
      ? [
          {
            path: ['upstreams', name, 'timeouts', 'connect'],
            message: 'has no effect there: fetch shows no moment of connection',
          },
        ]
      : []),
  ])
  return [...upstreams, ...prices]
}
