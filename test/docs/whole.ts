import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { ROOT } from '../house/tree.ts'

/** Pages show parts of a configuration: what stands around them, so that the whole can be read as `check` reads it. */

type Map = Record<string, unknown>

const BASE = `version: 1
control: { token: { env: HEADGATE_TOKEN } }
upstreams:
  official: { baseUrl: "https://api.openai.com/v1", auth: { bearer: { env: OPENAI_API_KEY } } }
  relay:
    baseUrl: "https://relay.example/v1"
    auth: { bearer: { env: RELAY_API_KEY } }
    models: { "gpt-5.2": "gpt-5.2" }
    price: { ratio: 0.15 }
flags: { file: flags/relay.json }
rollouts:
  relay:
    match: { paths: ["/v1/chat/completions"] }
    control: official
    canary: relay
    flag: headgate-relay
    kill: headgate-kill
    guard: { errors: { margin: 0.1pp }, latency: { p95: { margin: 10% } } }
`

const schema = JSON.parse(readFileSync(join(ROOT, 'schema/headgate.v1.json'), 'utf8'))
const KEYS = new Set<string>(Object.keys(schema.properties))

/** Named things: what a part says of one is added to what there is. */
const NAMED = ['upstreams', 'rollouts'] as const

/**
 * @param part YAML of a page: a whole configuration, some of its keys, or keys of a rollout, indented as they stand there
 * @param around what it is put into, where it is no whole one
 * @returns the whole; null where it is no part of a configuration
 */
export function wholeOf(part: string, around: string = BASE): string | null {
  // A page leaves out what is secret or long.
  const text = part.replaceAll(/(?<=: )…/g, '0a'.repeat(32))
  const inside = /^ {4}\w/.test(text)
  const read = parse(inside ? `rollouts:\n  relay:\n${text}` : text) as Map | null
  if (read === null || typeof read !== 'object' || Array.isArray(read)) return null
  if (!Object.keys(read).every((key) => KEYS.has(key))) return null
  // Its own words, so that a fault is found where it stands.
  if ('version' in read) return text
  const whole = { ...(parse(around) as Map), ...read }
  for (const key of NAMED) {
    const base = (parse(around) as Record<string, Record<string, Map>>)[key] ?? {}
    const given = (read[key] ?? {}) as Record<string, Map>
    whole[key] = Object.fromEntries(
      [...new Set([...Object.keys(base), ...Object.keys(given)])].map((name) => [
        name,
        { ...base[name], ...given[name] },
      ]),
    )
  }
  return stringify(whole)
}
