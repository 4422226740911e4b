import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SimulatedUpstream, startUpstream } from '../../src/demo/upstreams.ts'
import { documentOf } from '../fakes/gateway.ts'

/** `headgate serve` as a process of its own, in a folder of its own, between two simulated upstreams. */

const CONTROL_TOKEN = 'control-token-0123456789'

export interface Served {
  readonly folder: string
  readonly official: SimulatedUpstream
  readonly relay: SimulatedUpstream
  readonly child: ChildProcess
  /** `http://127.0.0.1:PORT/v1`, from the line the process printed. */
  readonly dataUrl: string
  readonly controlUrl: string | null
  stderr(): string
  writeConfig(text: string): void
  writeFlags(percent: number, killed?: boolean): void
  writeFlagsText(text: string): void
  /** Waits until a line of the log holds all of these. */
  logged(...parts: string[]): Promise<void>
  /** The rollout as the control API gives it. */
  rollout(): Promise<{ share: { target: number; flag: number | null }; killed: boolean }>
  stop(): Promise<void>
}

export interface ServeSetup {
  readonly env?: Record<string, string>
  readonly server?: string
  readonly percent?: number
}

export async function startServe(setup: ServeSetup = {}): Promise<Served> {
  const latency = { firstByteMs: 1, perChunkMs: 2, jitter: 0 }
  const official = await startUpstream({ name: 'official', seed: 1, latency })
  const relay = await startUpstream({ name: 'relay', seed: 1, latency })
  const folder = mkdtempSync(join(tmpdir(), 'headgate-test-'))
  mkdirSync(join(folder, 'flags'))
  const writeConfig = (text: string): void => writeFileSync(join(folder, 'headgate.yaml'), text)
  const writeFlagsText = (text: string): void =>
    writeFileSync(join(folder, 'flags/relay.json'), text)
  const writeFlags = (percent: number, killed = false): void =>
    writeFlagsText(JSON.stringify(documentOf(percent, killed)))
  writeConfig(configOf(official.baseUrl, relay.baseUrl, setup.server))
  writeFlags(setup.percent ?? 0)
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '../../src/cli/main.ts'), 'serve'],
    {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        OFFICIAL_KEY: 'official-key-0123',
        RELAY_KEY: 'relay-key-0123',
        HEADGATE_TOKEN: CONTROL_TOKEN,
        HEADGATE_PORT: '0',
        HEADGATE_CONTROL_PORT: '0',
        ...setup.env,
      },
    },
  )
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
  const urlOf = (name: string): string | null =>
    new RegExp(`^${name} +(http\\S+)`, 'm').exec(out)?.[1] ?? null
  const controlUrl = urlOf('control')
  return {
    folder,
    official,
    relay,
    child,
    dataUrl: urlOf('data') ?? '',
    controlUrl,
    stderr: () => err,
    writeConfig,
    writeFlags,
    writeFlagsText,
    async logged(...parts) {
      const found = (): boolean =>
        err.split('\n').some((line) => parts.every((part) => line.includes(part)))
      while (!found()) await once(child.stderr as NodeJS.ReadableStream, 'data')
    },
    async rollout() {
      const answer = await fetch(`${controlUrl}api/v1/rollouts/relay`, {
        headers: { authorization: `Bearer ${CONTROL_TOKEN}` },
      })
      return (await answer.json()) as Awaited<ReturnType<Served['rollout']>>
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      await Promise.all([official.close(), relay.close()])
      rmSync(folder, { recursive: true })
    },
  }
}

export function configOf(official: string, relay: string, server = '{}'): string {
  return `version: 1
server: ${server}
upstreams:
  official: { baseUrl: "${official}", auth: { bearer: { env: OFFICIAL_KEY } } }
  relay: { baseUrl: "${relay}", auth: { bearer: { env: RELAY_KEY } } }
flags: { file: flags/relay.json }
rollouts:
  relay:
    match: { paths: ["/v1/chat/completions", "/v1/messages"] }
    control: official
    canary: relay
    flag: headgate-relay
`
}

export function ask(dataUrl: string, body: Record<string, unknown> = {}): Promise<Response> {
  return fetch(`${dataUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body }),
  })
}
