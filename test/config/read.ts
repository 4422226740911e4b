import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault, Note } from '../../src/config/fault.ts'
import { type ParsedConfig, parseConfig } from '../../src/config/parse.ts'
import type { Config } from '../../src/config/schema.ts'

/** The example of PRODUCT.md, letter by letter. */
export const PRODUCT = readFileSync(join(import.meta.dirname, 'product.yaml'), 'utf8')

/** A small configuration without a fault or a note; `more` goes below it. */
export const small = (more = ''): string => `version: 1
upstreams:
  official: { baseUrl: "https://api.openai.com/v1", auth: { bearer: { env: OPENAI_API_KEY } } }
  relay: { baseUrl: "https://relay.example/v1", models: {}, auth: { bearer: { env: RELAY_API_KEY } } }
flags: { file: flags/relay.json }
rollouts:
  relay: { match: { paths: ["/v1/chat/completions"] }, control: official, canary: relay, flag: f, guard: {} }
${more}`

export function read(text: string, env: Readonly<Record<string, string>> = {}): ParsedConfig {
  return parseConfig(text, { file: 'headgate.yaml', env })
}

export function configOf(text: string, env: Readonly<Record<string, string>> = {}): Config {
  const parsed = read(text, env)
  if (!parsed.ok) throw new Error(parsed.faults.join('\n'))
  return parsed.config
}

export function faultsOf(
  text: string,
  env: Readonly<Record<string, string>> = {},
): readonly Fault[] {
  const parsed = read(text, env)
  return parsed.ok ? [] : parsed.faults
}

export function notesOf(text: string): readonly Note[] {
  return read(text).notes
}

/** As a person reads them, without the file: `7:51 rollouts.relay.control names no upstream, …`. */
export function linesOf(text: string, env: Readonly<Record<string, string>> = {}): string[] {
  return faultsOf(text, env).map((fault) => String(fault).replace('headgate.yaml:', ''))
}
