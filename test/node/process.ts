import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import { type SimulatedUpstream, startUpstream } from '../../src/demo/upstreams.ts'
import { documentOf } from '../fakes/gateway.ts'

/** `headgate serve` as a process of its own, in a folder of its own, between two simulated upstreams. */

export const CONTROL_TOKEN = 'control-token-0123456789'

export interface Served {
  readonly folder: string
  readonly official: SimulatedUpstream
  readonly relay: SimulatedUpstream
  readonly child: ChildProcess
  /** `http://127.0.0.1:PORT/v1`, from the line the process printed. */
  readonly dataUrl: string
  readonly controlUrl: string | null
  stdout(): string
  stderr(): string
  /** As it was first written, without `top`. */
  configText(): string
  writeConfig(text: string): void
  writeFlags(percent: number, killed?: boolean): void
  writeFlagsText(text: string): void
  /** Waits until a line of the log holds all of these. */
  logged(...parts: string[]): Promise<void>
  /** The rollout as the control API gives it. */
  rollout(): Promise<RolloutView>
  /** GET, or POST with a body, below `/-/api/v1/`. @throws with what it answered when that is no success */
  api(path: string, body?: Record<string, unknown>): Promise<unknown>
  /** SIGKILL. */
  kill(): Promise<void>
  /** SIGKILL, and the same again in the same folder, on other ports. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface ServeSetup {
  readonly env?: Record<string, string>
  /** Node's own. */
  readonly nodeOptions?: readonly string[]
  readonly server?: string
  readonly percent?: number
  /** Lines of the rollout, indented by four. */
  readonly rollout?: string
  /** More of the official upstream. */
  readonly official?: string
  /** Lines at the top of the configuration. */
  readonly top?: string
  /** What the configuration says of flags; a file that `percent` and `writeFlags` fill unless given. */
  readonly flags?: string
  /** The rollout's flag; `headgate-relay` unless given. */
  readonly flag?: string
  /** What the relay's answers are drawn from: the same as official's unless given. */
  readonly relaySeed?: number
  /** More files of its folder, by name. */
  readonly files?: Readonly<Record<string, string>>
}

export async function startServe(setup: ServeSetup = {}): Promise<Served> {
  const latency = { firstByteMs: 1, perChunkMs: 2, jitter: 0 }
  const official = await startUpstream({ name: 'official', seed: 1, latency })
  const relay = await startUpstream({ name: 'relay', seed: setup.relaySeed ?? 1, latency })
  const folder = mkdtempSync(join(tmpdir(), 'headgate-test-'))
  mkdirSync(join(folder, 'flags'))
  const writeConfig = (text: string): void => writeFileSync(join(folder, 'headgate.yaml'), text)
  const writeFlagsText = (text: string): void =>
    writeFileSync(join(folder, 'flags/relay.json'), text)
  const writeFlags = (percent: number, killed = false): void =>
    writeFlagsText(JSON.stringify(documentOf(percent, killed)))
  const text = configOf(official.baseUrl, relay.baseUrl, setup)
  writeConfig((setup.top ?? '') + text)
  writeFlags(setup.percent ?? 0)
  for (const [name, text] of Object.entries(setup.files ?? {}))
    writeFileSync(join(folder, name), text)
  let running = await launch(folder, setup)
  const served: Served = {
    folder,
    official,
    relay,
    get child() {
      return running.child
    },
    get dataUrl() {
      return running.urlOf('data') ?? ''
    },
    get controlUrl() {
      return running.urlOf('control')
    },
    stdout: () => running.stdout(),
    stderr: () => running.stderr(),
    configText: () => text,
    writeConfig,
    writeFlags,
    writeFlagsText,
    async logged(...parts) {
      const { child, stderr } = running
      const found = (): boolean =>
        stderr()
          .split('\n')
          .some((line) => parts.every((part) => line.includes(part)))
      while (!found()) await once(child.stderr as NodeJS.ReadableStream, 'data')
    },
    async rollout() {
      return (await served.api('rollouts/relay')) as RolloutView
    },
    async api(path, body) {
      const answer = await fetch(`${running.urlOf('control')}api/v1/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          authorization: `Bearer ${CONTROL_TOKEN}`,
          'content-type': 'application/json',
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
      return answer.json()
    },
    async kill() {
      const { child } = running
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
    async restart() {
      await served.kill()
      running = await launch(folder, setup)
    },
    async stop() {
      await served.kill()
      await Promise.all([official.close(), relay.close()])
      rmSync(folder, { recursive: true })
    },
  }
  return served
}

interface Running {
  readonly child: ChildProcess
  urlOf(name: string): string | null
  stdout(): string
  stderr(): string
}

/** Resolves once the process has said where it listens. */
async function launch(
  folder: string,
  { env = {}, nodeOptions = [] }: ServeSetup,
): Promise<Running> {
  const main = join(import.meta.dirname, '../../src/cli/main.ts')
  const child = spawn(process.execPath, [...nodeOptions, main, 'serve'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      OFFICIAL_KEY: 'official-key-0123',
      RELAY_KEY: 'relay-key-0123',
      HEADGATE_TOKEN: CONTROL_TOKEN,
      HEADGATE_PORT: '0',
      HEADGATE_CONTROL_PORT: '0',
      ...env,
    },
  })
  let out = ''
  let err = ''
  child.stdout?.on('data', (text) => {
    out += text
  })
  child.stderr?.on('data', (text) => {
    err += text
  })
  while (!/control .*\n/.test(out) && child.exitCode === null) {
    await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), once(child, 'exit')])
  }
  if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}: ${err}`)
  return {
    child,
    urlOf: (name) => new RegExp(`^${name} +(http\\S+)`, 'm').exec(out)?.[1] ?? null,
    stdout: () => out,
    stderr: () => err,
  }
}

export function configOf(
  official: string,
  relay: string,
  {
    server = '{}',
    rollout = '',
    flags = '{ file: flags/relay.json }',
    flag = 'headgate-relay',
    official: more = '',
  }: ServeSetup = {},
): string {
  return `version: 1
server: ${server}
upstreams:
  official: { baseUrl: "${official}", auth: { bearer: { env: OFFICIAL_KEY } }, ${more} }
  relay: { baseUrl: "${relay}", auth: { bearer: { env: RELAY_KEY } } }
flags: ${flags}
rollouts:
  relay:
    match: { paths: ["/v1/chat/completions", "/v1/messages"] }
    control: official
    canary: relay
    flag: ${flag}
${rollout}`
}

export function ask(dataUrl: string, body: Record<string, unknown> = {}): Promise<Response> {
  return fetch(`${dataUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body }),
  })
}
