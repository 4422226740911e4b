import { HeadgateError } from '../errors.ts'
import { type Finding, type Path, pathText } from './fault.ts'
import type { SecretRef } from './schema/values.ts'
import type { Config } from './schema.ts'
import { Secret } from './secret.ts'

/** References to secrets, and the secrets they lead to. No finding holds a value. */

/** One place of the configuration that wants a secret. */
export interface SecretUse {
  readonly path: Path
  readonly ref: SecretRef
  /**
   * `token` is sent as a bearer or an API key; `header` is a header's whole value; `webhook` signs and is never sent;
   * `planted` opens nothing.
   */
  readonly kind: 'token' | 'header' | 'webhook' | 'planted'
}

/** How one use stands: `set` when something is there, and what is wrong with it, absent included. */
export interface SecretStatus extends SecretUse {
  readonly set: boolean
  readonly fault: Finding | null
}

/** Which references lead somewhere: `binding` on Workers only, `file` on Node only. */
export type SecretRuntime = 'node' | 'workers'

/** Reads one reference; undefined when nothing is there. It does not throw. */
export type SecretReader = (ref: SecretRef) => string | undefined

/** The secret behind a reference of this configuration. @throws {HeadgateError} `secret_missing` for any other */
export type Reveal = (ref: SecretRef) => Secret

/** @returns every reference of the configuration with its path, in a fixed order */
export function secretUses(config: Config): SecretUse[] {
  const uses: SecretUse[] = []
  const use = (path: Path, ref: SecretRef, kind: SecretUse['kind']) => {
    uses.push({ path, ref, kind })
  }
  const each = (
    path: Path,
    keys: SecretRef | readonly SecretRef[],
    kind: SecretUse['kind'],
  ): void => {
    if (!isList(keys)) use(path, keys, kind)
    else for (const [index, ref] of keys.entries()) use([...path, index], ref, kind)
  }
  if (config.control) use(['control', 'token'], config.control.token, 'token')
  if (config.control?.viewer) use(['control', 'viewer'], config.control.viewer, 'token')
  for (const [name, { auth, headers }] of Object.entries(config.upstreams)) {
    const path = ['upstreams', name]
    if (typeof auth !== 'string') {
      if ('bearer' in auth) each([...path, 'auth', 'bearer'], auth.bearer, 'token')
      else if ('apiKey' in auth) each([...path, 'auth', 'apiKey'], auth.apiKey, 'token')
      else each([...path, 'auth', 'header', 'value'], auth.header.value, 'header')
    }
    for (const [header, value] of Object.entries(headers)) {
      if (typeof value !== 'string') use([...path, 'headers', header], value, 'header')
    }
  }
  if (config.flags && 'unleash' in config.flags) {
    const { token, writeBack } = config.flags.unleash
    use(['flags', 'unleash', 'token'], token, 'token')
    if (writeBack) use(['flags', 'unleash', 'writeBack', 'token'], writeBack.token, 'token')
  }
  if (config.embeddings && 'key' in config.embeddings && config.embeddings.key) {
    use(['embeddings', 'key'], config.embeddings.key, 'token')
  }
  for (const [name, { shadow }] of Object.entries(config.rollouts)) {
    for (const [index, { secret }] of (shadow?.planted ?? []).entries()) {
      use(['rollouts', name, 'shadow', 'planted', index, 'secret'], secret, 'planted')
    }
  }
  for (const [index, { secret }] of config.webhooks.entries()) {
    use(['webhooks', index, 'secret'], secret, 'webhook')
  }
  return uses
}

/** Every use with how it stands, for `check`, which lists what is set and prints none of it. */
export function inspectSecrets(
  config: Config,
  read: SecretReader,
  runtime: SecretRuntime = 'node',
): SecretStatus[] {
  return secretUses(config).map((use) => {
    const misplaced = placeFault(use.ref, runtime)
    const value = misplaced === null ? read(use.ref) : undefined
    const wrong = misplaced ?? (value ? valueFault(value, use) : absentFault(use.ref, value))
    const fault = wrong === null ? null : { path: use.path, ...wrong }
    return { ...use, set: value !== undefined && value !== '', fault }
  })
}

/**
 * Resolves every reference of the configuration, or says everything that is wrong with them.
 * @param runtime where this runs; `node` unless given
 */
export function resolveSecrets(
  config: Config,
  read: SecretReader,
  runtime: SecretRuntime = 'node',
):
  | { readonly ok: true; readonly reveal: Reveal }
  | { readonly ok: false; readonly findings: readonly Finding[] } {
  const values = new Map<string, Secret>()
  const findings: Finding[] = [...openingFindings(config, read)]
  for (const { ref, fault } of inspectSecrets(config, read, runtime)) {
    if (fault !== null) findings.push(fault)
    else values.set(refText(ref), new Secret(read(ref) ?? ''))
  }
  if (findings.length > 0) return { ok: false, findings }
  const reveal: Reveal = (ref) => {
    const secret = values.get(refText(ref))
    if (secret === undefined) {
      throw new HeadgateError('secret_missing', `${refText(ref)} is not of this configuration`)
    }
    return secret
  }
  return { ok: true, reveal }
}

/** A planted key that is in use somewhere opens something: whoever has it proves nothing, and may get in. */
function openingFindings(config: Config, read: SecretReader): Finding[] {
  const uses = secretUses(config)
  const inUse = uses.filter(({ kind }) => kind !== 'planted')
  return uses
    .filter(({ kind }) => kind === 'planted')
    .flatMap(({ path, ref }) => {
      const value = read(ref)
      const other = inUse.find((use) => value !== undefined && read(use.ref) === value)
      if (other === undefined) return []
      return [
        {
          path,
          message: `is the key of ${pathText(other.path)} too: a planted key opens nothing`,
          suggestion: 'make another, that nothing but this knows',
        },
      ]
    })
}

/** `env OPENAI_API_KEY`, `file /run/secrets/relay`, `binding RELAY_KEY`. */
export function refText(ref: SecretRef): string {
  if ('env' in ref) return `env ${ref.env}`
  return 'file' in ref ? `file ${ref.file}` : `binding ${ref.binding}`
}

/** Of a planted key. */
const LEAST_PLANTED = 20

interface Wrong {
  readonly message: string
  readonly suggestion: string
}

function placeFault(ref: SecretRef, runtime: SecretRuntime): Wrong | null {
  if (runtime === 'node' && 'binding' in ref) {
    return {
      message: `is kept in the Worker binding ${ref.binding}, which Node does not have`,
      suggestion: `write { env: ${ref.binding} }, or { file: PATH }`,
    }
  }
  if (runtime === 'workers' && 'file' in ref) {
    return {
      message: `is kept in the file ${ref.file}, and a Worker has no files`,
      suggestion: 'write { binding: NAME }',
    }
  }
  return null
}

function absentFault(ref: SecretRef, value: string | undefined): Wrong {
  const is = value === undefined ? 'is not set' : 'is empty'
  if ('env' in ref) {
    return {
      message: `needs the environment variable ${ref.env}, which ${is}`,
      suggestion: `set ${ref.env}, where this process starts`,
    }
  }
  if ('binding' in ref) {
    return {
      message: `needs the binding ${ref.binding}, which ${is}`,
      suggestion: `run wrangler secret put ${ref.binding}`,
    }
  }
  return value === undefined
    ? {
        message: `needs the file ${ref.file}, which is not there or cannot be read`,
        suggestion: 'check the path, seen from the folder of the config file, and its permissions',
      }
    : { message: `needs the file ${ref.file}, which is empty`, suggestion: 'put the key into it' }
}

function valueFault(value: string, { ref, kind }: SecretUse): Wrong | null {
  const place = 'env' in ref ? ref.env : refText(ref)
  const wrong = (is: string, suggestion: string) => ({
    message: `is in ${place}, ${is}`,
    suggestion,
  })
  const bare = value.trim()
  if (bare === '') return wrong('which is blank', `put the key into ${place}`)
  if (bare !== value) {
    return wrong('which has blanks around its value', 'take the spaces and line ends away')
  }
  if (/^(["'`]).*\1$/s.test(value)) {
    return wrong('which has quotes around its value', 'take the quotes away')
  }
  if (kind === 'token' && /^bearer(\s|$)/i.test(value)) {
    return wrong('which starts with "Bearer "', 'leave "Bearer " out: Headgate adds it')
  }
  if (/^\$(\{[^}]*\}|[A-Z_][A-Z0-9_]*)$/.test(value)) {
    return wrong('which holds the name of a variable that nobody filled in', 'set it to the key')
  }
  if (kind === 'webhook' && !isSigningSecret(value)) {
    return wrong(
      'which is no webhook secret',
      'put whsec_ and the base64 of 24..64 random bytes into it',
    )
  }
  if (kind === 'planted' && value.length < LEAST_PLANTED) {
    return wrong(
      `which has fewer than ${LEAST_PLANTED} characters: what can be guessed proves nothing`,
      'put a long random key into it, in the shape of a real one',
    )
  }
  const allowed = kind === 'token' || kind === 'planted' ? /^[\x21-\x7e]*$/ : /^[\t\x20-\x7e]*$/
  if (!allowed.test(value)) {
    return wrong('which has a character that no key has', 'copy the key again, without blanks')
  }
  return null
}

/** Standard Webhooks 1.0.0: base64 of 24..64 bytes (192..512 bits) behind `whsec_`. */
function isSigningSecret(value: string): boolean {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+)={0,2}$/.exec(value) ?? []
  if (encoded === undefined || encoded.length % 4 === 1) return false
  const bytes = Math.floor((encoded.length * 3) / 4)
  return bytes >= 24 && bytes <= 64
}

/** One key or several: `Array.isArray` does not tell them apart where the list is readonly. */
export function isList<One>(value: One | readonly One[]): value is readonly One[] {
  return Array.isArray(value)
}
