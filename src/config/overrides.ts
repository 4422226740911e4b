import { type Finding, looksLikeKey } from './fault.ts'
import type { Env } from './interpolate.ts'
import { controlPlane } from './schema/listeners.ts'
import type { Config } from './schema.ts'

/** What the environment says over the file: ports, and whether there is a control plane at all. */

export interface Overridden {
  readonly config: Config
  readonly faults: readonly Finding[]
  readonly notes: readonly Finding[]
}

/**
 * HEADGATE_PORT and HEADGATE_CONTROL_PORT (0..65535) win over the file. Without `control` in the file, the control
 * plane is on with its defaults where HEADGATE_TOKEN is set, and off elsewhere: `config.control` is then undefined.
 * An empty variable counts as unset. `config` is not changed; a new one is returned.
 */
export function applyOverrides(config: Config, env: Env): Overridden {
  const faults: Finding[] = []
  const notes: Finding[] = []
  const portOf = (variable: string, plane: 'server' | 'control'): number | null => {
    const value = textOf(env, variable)
    if (value === null) return null
    if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value)
    faults.push({ path: [plane, 'port'], ...portFault(variable, value) })
    return null
  }

  const port = portOf('HEADGATE_PORT', 'server')
  const controlPort = portOf('HEADGATE_CONTROL_PORT', 'control')
  const implied = textOf(env, 'HEADGATE_TOKEN') === null ? undefined : controlPlane.parse({})
  const control = config.control ?? implied
  const server = port === null ? config.server : { ...config.server, port }
  const { control: _, ...rest } = config
  if (control === undefined) {
    if (controlPort !== null) {
      notes.push({
        path: ['control'],
        message:
          'is off, and HEADGATE_CONTROL_PORT does nothing: set HEADGATE_TOKEN, or add control',
      })
    }
    return { config: { ...rest, server }, faults, notes }
  }
  const both = { server, control: { ...control, port: controlPort ?? control.port } }
  if (sameListener(both.server, both.control)) {
    faults.push({
      path: ['control', 'port'],
      message: `must differ from server.port, got ${both.control.port} for both`,
    })
  }
  return { config: { ...rest, ...both }, faults, notes }
}

interface Listener {
  readonly host: string
  readonly port: number
}

function sameListener(one: Listener, other: Listener): boolean {
  if (one.port !== other.port || one.port === 0) return false
  const any = (host: string) => host === '0.0.0.0' || host === '::'
  return one.host === other.host || any(one.host) || any(other.host)
}

function portFault(variable: string, value: string): { message: string; suggestion: string } {
  const got = looksLikeKey(value) ? '' : `, got ${JSON.stringify(value.slice(0, 60))}`
  return {
    message: `comes from ${variable}, which must be a whole number in 0..65535${got}`,
    suggestion: /^tcp:/.test(value)
      ? 'Kubernetes sets it for a service of that name: write enableServiceLinks: false in the pod'
      : `unset ${variable}, or set it to a port`,
  }
}

function textOf(env: Env, variable: string): string | null {
  const value = env[variable]
  return typeof value === 'string' && value !== '' ? value : null
}
