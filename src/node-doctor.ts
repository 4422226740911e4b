import { hash } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { existsSync, mkdtempSync, readFileSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { connect } from 'node:tls'
import { Agent, fetch as undiciFetch } from 'undici'
import { inspectSecrets } from './config/secrets.ts'
import { adviceOn } from './doctor/advice.ts'
import type { Check } from './doctor/check.ts'
import { networkOf } from './doctor/network.ts'
import { otlpChecks } from './doctor/otlp.ts'
import type { DoctorParts, FlagsWord, Serving, StoreWord } from './doctor/parts.ts'
import { round } from './doctor/round.ts'
import { parseDocument } from './flag/document.ts'
import { besideConfig, type ReadConfig, secretReader } from './load-config.ts'
import type { Clock, Fetch } from './ports.ts'
import type { Env } from './telemetry/environment.ts'
import { askFeatures } from './unleash/features.ts'

/** A part of the entry on Node: what `doctor` asks with, and what it sees of this machine. */

export interface NodeDoctorOptions {
  readonly read: ReadConfig
  readonly env: Env
  readonly clock: Clock
  /** Where a `.env` file may lie that nothing has loaded. */
  readonly folders: readonly string[]
  readonly cross: boolean
  /** What a process that serves knows already; asked anew unless given. */
  readonly serving?: Serving | undefined
}

/** To the end of a handshake or a look-up. */
const NETWORK_MS = 5_000
const BUSY_MS = 1_000

/** Sends what the table of docs/guides/doctor.md says, and writes nothing. Never rejects. */
export async function nodeChecks(options: NodeDoctorOptions): Promise<readonly Check[]> {
  const { read, env, clock, folders, cross, serving } = options
  const { config, file, prices } = read
  const reader = secretReader(config, file, env)
  // Said outright, NODE_TLS_REJECT_UNAUTHORIZED=0 does not undo it; as on the request path no proxy is gone through.
  const agent = new Agent({ connect: { rejectUnauthorized: true, timeout: NETWORK_MS } })
  const parts: DoctorParts = {
    config,
    advise: adviceOn(config, prices),
    secrets: inspectSecrets(config, reader),
    read: reader,
    dotenv: dotenvNames(folders),
    env,
    fetch: (url, init) =>
      undiciFetch(url, { ...init, dispatcher: agent } as Parameters<
        typeof undiciFetch
      >[1]) as unknown as Promise<Response>,
    clock,
    sha256: (text) => hash('sha256', text),
    network: networkOf({ resolve: resolveHost, handshake, wallMs: clock.wallMs }),
    telemetry: (asking) => otlpChecks(env, asking),
    flags: async () => serving?.flags ?? flagsWord(read, env, clock),
    store: async () => serving?.store ?? storeWord(read),
    cross,
    refusing: serving?.refusing ?? [],
  }
  try {
    return await round(parts)
  } finally {
    void agent.destroy()
  }
}

async function resolveHost(host: string): Promise<number | string> {
  try {
    return (await bounded(lookup(host, { all: true }))).length
  } catch (error) {
    return codeOf(error)
  }
}

function handshake(host: string, port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, servername: host, rejectUnauthorized: true })
    const end = (seen: number | string): void => {
      socket.destroy()
      resolve(seen)
    }
    socket.setTimeout(NETWORK_MS, () => end('timeout'))
    socket.once('secureConnect', () => end(Date.parse(socket.getPeerCertificate().valid_to)))
    socket.once('error', (error) => end(codeOf(error)))
  })
}

/** A look-up cannot be called off: it is not waited for. */
function bounded<Value>(asked: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('timeout')), NETWORK_MS)
  return Promise.race([asked, late]).finally(() => clearTimeout(timer))
}

/** Names only: what they hold is not ours to read. */
function dotenvNames(folders: readonly string[]): ReadonlySet<string> {
  const names = folders.flatMap((folder) => {
    try {
      const text = readFileSync(join(folder, '.env'), 'utf8')
      return [...text.matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*\S/gm)].map(
        ([, name]) => name,
      )
    } catch {
      return []
    }
  })
  return new Set(names.filter((name) => name !== undefined))
}

async function flagsWord(read: ReadConfig, env: Env, clock: Clock): Promise<FlagsWord> {
  const { flags } = read.config
  const word = (source: string | null, more: Partial<FlagsWord> = {}): FlagsWord => ({
    source,
    document: null,
    fault: null,
    ageMs: null,
    ...more,
  })
  if (flags === undefined) return word(null)
  if ('file' in flags) {
    const source = `file:${flags.file}`
    try {
      const parsed = parseDocument(readFileSync(besideConfig(read.file, flags.file), 'utf8'))
      return parsed.ok
        ? word(source, { document: parsed.document })
        : word(source, { fault: parsed.faults.join('; ') })
    } catch (error) {
      return word(source, { fault: `cannot be read (${codeOf(error)})` })
    }
  }
  if ('openFeature' in flags) {
    const source = `module:${flags.openFeature.module}`
    const there = existsSync(besideConfig(read.file, flags.openFeature.module))
    return word(source, there ? {} : { fault: 'the module is not there' })
  }
  const { url, token, appName, interval } = flags.unleash
  const source = `unleash:${url}`
  const value = secretReader(read.config, read.file, env)(token)
  if (!value) return word(source, { fault: 'its token is not set' })
  const server = {
    url,
    token: { reveal: () => value },
    appName,
    instanceId: 'headgate-doctor',
    intervalMs: interval,
  }
  const ask: Fetch = (to, init) => fetch(to, init)
  const followed = Object.values(read.config.rollouts).flatMap(({ flag, kill }) => [flag, kill])
  const answer = await askFeatures(server, null, {
    fetch: ask,
    clock,
    needs: () => new Set(followed),
  })
  if (answer.kind === 'document') return word(source, { document: answer.document, ageMs: 0 })
  return word(source, { fault: answer.kind === 'fault' ? answer.words : 'said nothing' })
}

function storeWord({ config: { state }, file }: ReadConfig): StoreWord {
  if (!('sqlite' in state)) return { kind: 'memory', fault: null, fix: null, busy: false }
  const path = besideConfig(file, state.sqlite)
  const kind = `sqlite:${state.sqlite}`
  try {
    if (existsSync(path)) tryWriting(path)
    else tryMaking(dirname(path))
    return { kind, fault: null, fix: null, busy: false }
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    const busy = /locked|busy/i.test(words)
    const fix = busy
      ? 'a process that serves may be writing; ask again'
      : `make ${path} and its folder writable for whoever runs headgate serve, on a local disk`
    return { kind, fault: `cannot be written (${words})`, fix, busy }
  }
}

/** Looks first on a connection that cannot write: closing one that can would move a write-ahead log into a damaged file. */
function tryWriting(path: string): void {
  const reading = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS })
  try {
    reading.prepare('SELECT schema FROM headgate').get()
  } finally {
    reading.close()
  }
  const writing = new DatabaseSync(path, { timeout: BUSY_MS })
  try {
    writing.exec('BEGIN IMMEDIATE; UPDATE headgate SET schema = schema; ROLLBACK')
  } finally {
    writing.close()
  }
}

/** In the nearest folder that is there; nothing stays. */
function tryMaking(folder: string): void {
  let at = folder
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at)
  if (!statSync(at).isDirectory()) throw new Error(`${at} is no folder`)
  rmdirSync(mkdtempSync(join(at, '.headgate-doctor-')))
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.message : 'unknown'
}
