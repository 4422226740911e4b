import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { Fault, type Finding, Note } from './config/fault.ts'
import type { Env } from './config/interpolate.ts'
import { nodeFaults } from './config/node.ts'
import { applyOverrides } from './config/overrides.ts'
import { type Locate, parseConfig } from './config/parse.ts'
import { parsePrices } from './config/price-file.ts'
import type { Config } from './config/schema.ts'
import type { Secret } from './config/secret.ts'
import {
  type Reveal,
  refText,
  resolveSecrets,
  type SecretReader,
  secretUses,
} from './config/secrets.ts'
import type { PriceFile } from './cost/price-list.ts'

/** Finding, reading and resolving the config file, on Node. Both the CLI and the server come through here. */

export type FoundConfig =
  | {
      readonly ok: true
      /** Absolute. */
      readonly file: string
      /** Why this one: `--config`, `HEADGATE_CONFIG`, or the folder it was found in. */
      readonly foundBy: string
      /** Files that were found too, and lose. Absolute. */
      readonly others: readonly string[]
    }
  | { readonly ok: false; readonly looked: readonly string[]; readonly message: string }

const NAMES = ['headgate.yaml', 'headgate.yml', 'headgate.json']

/** `--config` > `HEADGATE_CONFIG` > `./headgate.{yaml,yml,json}` > `./config/` > `/etc/headgate/`. Never throws. */
export function findConfig(explicit: string | undefined, env: Env, cwd: string): FoundConfig {
  const { HEADGATE_CONFIG } = env
  const named: readonly [string, unknown][] = [
    ['--config', explicit],
    ['HEADGATE_CONFIG', HEADGATE_CONFIG],
  ]
  for (const [foundBy, name] of named) {
    if (typeof name !== 'string' || name === '') continue
    const file = resolve(cwd, name)
    if (isFile(file)) return { ok: true, file, foundBy, others: [] }
    return { ok: false, looked: [file], message: `${foundBy} names ${name}, which is no file` }
  }
  const looked = [cwd, join(cwd, 'config'), '/etc/headgate'].flatMap((folder) =>
    NAMES.map((name) => join(folder, name)),
  )
  const [file, ...others] = looked.filter(isFile)
  if (file === undefined) {
    return { ok: false, looked, message: 'no headgate.yaml here, in config/ or in /etc/headgate/' }
  }
  return { ok: true, file, foundBy: dirname(file), others }
}

/** A file that was read and holds up; its secrets were not looked at. */
export interface ReadConfig {
  readonly ok: true
  readonly file: string
  /** The first 12 hex digits of the SHA-256 of the file's bytes. */
  readonly hash: string
  /** With the overrides of the environment; `control` is undefined where there is no control plane. */
  readonly config: Config
  /** What the file of `prices` holds; null where none is named. */
  readonly prices: PriceFile | null
  readonly notes: readonly Note[]
  readonly locate: Locate
}

export interface BadConfig {
  readonly ok: false
  readonly faults: readonly Fault[]
  readonly notes: readonly Note[]
}

/** The configuration with its secrets at hand. */
export interface LoadedConfig extends ReadConfig {
  readonly reveal: Reveal
  /** Null where there is no control plane. */
  readonly controlToken: Secret | null
  /** Null where there is none. */
  readonly viewerToken: Secret | null
}

/** Reads one file and the environment's overrides; blocks. Never throws: an unreadable file is a fault as well. */
export function readConfig(file: string, env: Env): ReadConfig | BadConfig {
  const shown = shownPath(file)
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const message = `cannot be read (${codeOf(error)})`
    const fault = new Fault({ file: shown, line: 1, column: 1 }, { path: [], message })
    return { ok: false, faults: [fault], notes: [] }
  }
  const parsed = parseConfig(new TextDecoder().decode(bytes), { file: shown, env })
  if (!parsed.ok) return parsed
  const { config, faults, notes: more } = applyOverrides(parsed.config, env)
  const notes = [
    ...parsed.notes,
    ...more.map((finding) => new Note(parsed.locate(finding.path), finding)),
  ]
  if (faults.length > 0) return { ok: false, faults: placed(faults, parsed.locate), notes }
  const { prices, faults: priceFaults } = pricesOf(config, file)
  if (priceFaults.length > 0) {
    return { ok: false, faults: placed(priceFaults, parsed.locate), notes }
  }
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  return { ok: true, file, hash, config, prices, notes, locate: parsed.locate }
}

function pricesOf(
  { prices: named }: Config,
  configFile: string,
): { readonly prices: PriceFile | null; readonly faults: readonly Finding[] } {
  if (named === undefined) return { prices: null, faults: [] }
  const faultsOf = (messages: readonly string[]) => ({
    prices: null,
    faults: messages.map((message) => ({ path: ['prices'], message })),
  })
  let text: string
  try {
    text = readFileSync(besideConfig(configFile, named), 'utf8')
  } catch (error) {
    return faultsOf([`names ${named}, which cannot be read (${codeOf(error)})`])
  }
  const parsed = parsePrices(text)
  if (!parsed.ok) return faultsOf(parsed.faults.map((fault) => `names ${named}, where ${fault}`))
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8)
  return { prices: { version: `${basename(named)}@${hash}`, models: parsed.models }, faults: [] }
}

/**
 * Everything a process needs to start, or every fault of the file, or, where the file holds up, every fault of its
 * secrets. Files of secrets are read anew at each call; blocks. Never throws.
 */
export function loadConfig(file: string, env: Env): LoadedConfig | BadConfig {
  const read = readConfig(file, env)
  if (!read.ok) return read
  const { config, notes, locate } = read
  const misplaced = nodeFaults(config)
  if (misplaced.length > 0) return { ok: false, faults: placed(misplaced, locate), notes }
  const resolved = resolveSecrets(config, secretReader(config, file, env))
  if (!resolved.ok) return { ok: false, faults: placed(resolved.findings, locate), notes }
  const { reveal } = resolved
  const controlToken = config.control ? reveal(config.control.token) : null
  const viewerToken = config.control?.viewer ? reveal(config.control.viewer) : null
  if (viewerToken !== null && viewerToken.reveal() === controlToken?.reveal()) {
    return { ok: false, faults: placed([SAME_TOKEN], locate), notes }
  }
  return { ...read, reveal, controlToken, viewerToken }
}

const SAME_TOKEN: Finding = {
  path: ['control', 'viewer'],
  message: 'holds the same token as control.token: who only reads could write',
  suggestion: 'make another: openssl rand -hex 32',
}

/** Reads the files of all `{file}` secrets now; what is returned answers from memory. One line end is taken off. */
export function secretReader(config: Config, file: string, env: Env): SecretReader {
  const files = new Map<string, string>()
  for (const { ref } of secretUses(config)) {
    if (!('file' in ref)) continue
    try {
      const text = readFileSync(besideConfig(file, ref.file), 'utf8')
      files.set(refText(ref), text.replace(/\r?\n$/, ''))
    } catch {
      // Absent from the map: whoever asks for it is told that the file cannot be read.
    }
  }
  return (ref) => {
    if ('file' in ref) return files.get(refText(ref))
    const value = 'env' in ref ? env[ref.env] : undefined
    return typeof value === 'string' ? value : undefined
  }
}

/** Every file that this configuration is read from besides: those of its secrets, and that of its prices; absolute. */
export function filesBeside(config: Config, file: string): readonly string[] {
  const secrets = secretUses(config).flatMap(({ ref }) => ('file' in ref ? [ref.file] : []))
  const files = config.prices === undefined ? secrets : [...secrets, config.prices]
  return [...new Set(files)].map((path) => besideConfig(file, path))
}

/** A path of the config file, as it is meant there: seen from the folder of that file. */
export function besideConfig(configFile: string, path: string): string {
  return resolve(dirname(configFile), path)
}

/** As people type it: from the current folder when it is below that, else absolute. */
export function shownPath(file: string): string {
  const near = relative(process.cwd(), file)
  return near === '' || near.startsWith('..') ? file : near
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}

function placed(findings: readonly Finding[], locate: Locate): Fault[] {
  return findings.map((finding) => new Fault(locate(finding.path), finding))
}
