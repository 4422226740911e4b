import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { HeadgateError } from '../errors.ts'
import type { Log } from '../ports.ts'
import type { Start } from './options.ts'
import { type SimulatedUpstream, startUpstream } from './upstreams.ts'

/** The demo's stage: two simulated upstreams, a folder with configuration and flags, and Headgate started from it. */

/** A rollout as the control API reads it back; shares in percent. */
export interface RolloutReading {
  readonly state: string
  readonly killed: boolean
  readonly share: {
    readonly target: number | null
    readonly observed: number | null
    readonly flag: number | null
  }
  readonly arms: { readonly control: ArmReading; readonly canary: ArmReading }
}

export interface ArmReading {
  readonly requests: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly firstByteMs: {
    readonly p50: number | null
    readonly p95: number | null
    readonly p99: number | null
  }
}

export interface Scene {
  readonly official: SimulatedUpstream
  readonly relay: SimulatedUpstream
  /** The origin of the data plane and `/v1`. */
  readonly dataUrl: string
  /** The rollout in the control API. */
  readonly rolloutUrl: string
  readonly configFile: string
  readonly flagFile: string
  /** Writes the flag file as one piece, as an editor or `mv` does. */
  setFlags(flags: { readonly percent: number; readonly kill: boolean }): void
  /** What the control API says now. @throws when it does not answer with a rollout */
  rollout(): Promise<RolloutReading>
  /** Ends everything and removes the folder. */
  close(): Promise<void>
}

/** Free ports are 0. */
export interface ScenePorts {
  readonly data: number
  readonly control: number
}

/** Sets the stage. @throws {HeadgateError} `listen_failed` when a port cannot be had; nothing is left running then */
export async function setScene(
  start: Start,
  seed: number | string,
  ports: ScenePorts,
  onError: (message: string) => void,
): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-demo-'))
  const keys = { official: `sk-official-${secret()}`, relay: `sk-relay-${secret()}` }
  const token = secret()
  const flagFile = join(folder, 'flags', 'relay.json')
  const configFile = join(folder, 'headgate.yaml')
  const closers: (() => Promise<void>)[] = [
    async () => rmSync(folder, { recursive: true, force: true }),
  ]
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).reverse()) await end()
  }

  try {
    const official = await startUpstream({
      name: 'official',
      seed: `${seed}/official`,
      latency: { firstByteMs: 45, perChunkMs: 6, jitter: 0.25 },
      keys: [keys.official],
      journalLimit: 0,
    })
    closers.push(official.close)
    const relay = await startUpstream({
      name: 'relay',
      seed: `${seed}/relay`,
      latency: { firstByteMs: 60, perChunkMs: 6, jitter: 0.3 },
      keys: [keys.relay],
      journalLimit: 0,
    })
    closers.push(relay.close)

    const setFlags: Scene['setFlags'] = (flags) => {
      const made = `${flagFile}.new`
      writeFileSync(made, `${JSON.stringify(flagDocument(flags), null, 2)}\n`)
      renameSync(made, flagFile)
    }
    mkdirSync(dirname(flagFile))
    setFlags({ percent: 1, kill: false })
    writeFileSync(configFile, configText(official.baseUrl, relay.baseUrl, ports))

    const quiet = (): void => {}
    const log: Log = { info: quiet, warn: quiet, error: (message) => onError(message) }
    const node = await start({
      configFile,
      env: {
        HEADGATE_TOKEN: token,
        DEMO_OFFICIAL_KEY: keys.official,
        DEMO_RELAY_KEY: keys.relay,
      },
      log,
    })
    closers.push(() => node.close())
    if (node.controlUrl === null) {
      throw new HeadgateError('control_unreachable', 'the demo started without a control plane')
    }
    const rolloutUrl = new URL('/-/api/v1/rollouts/relay', node.controlUrl).href
    return {
      official,
      relay,
      dataUrl: new URL('/v1', node.dataUrl).href,
      rolloutUrl,
      configFile,
      flagFile,
      setFlags,
      rollout: async () => {
        const response = await fetch(rolloutUrl, { headers: { authorization: `Bearer ${token}` } })
        if (!response.ok) {
          throw new HeadgateError(
            response.status === 401 ? 'control_unauthorised' : 'control_unreachable',
            `GET ${rolloutUrl} must answer 200, got ${response.status}`,
          )
        }
        return (await response.json()) as RolloutReading
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function secret(): string {
  return randomBytes(18).toString('base64url')
}

function configText(officialUrl: string, relayUrl: string, ports: ScenePorts): string {
  return `version: 1
server: { host: 127.0.0.1, port: ${ports.data} }
control: { host: 127.0.0.1, port: ${ports.control}, token: { env: HEADGATE_TOKEN } }
state: { memory: true }
upstreams:
  # Both are simulated, and both speak OpenAI's and Anthropic's dialects.
  official:
    baseUrl: "${officialUrl}"
    auth: { bearer: { env: DEMO_OFFICIAL_KEY } }
  relay:
    baseUrl: "${relayUrl}"
    auth: { bearer: { env: DEMO_RELAY_KEY } }
    models:
      "gpt-5.2": "gpt-5.2"
      "claude-opus-4.6": "claude-opus-4.6"
      "text-embedding-3-small": "text-embedding-3-small"
    price: { ratio: 0.15 }
    timeouts: { connect: 1s, firstByte: 800ms, idle: 2s, total: 1500ms }
default: { openai: official, anthropic: official }
flags: { file: flags/relay.json }
rollouts:
  relay:
    match: { paths: ["/v1/chat/completions", "/v1/embeddings", "/v1/messages"] }
    control: official
    canary: relay
    flag: headgate-relay
    kill: headgate-kill
`
}

/** Unleash's client-features document, as FIELD.md i has it. */
function flagDocument({ percent, kill }: { readonly percent: number; readonly kill: boolean }) {
  return {
    version: 2,
    segments: [],
    features: [
      {
        name: 'headgate-relay',
        type: 'release',
        enabled: true,
        variants: [],
        strategies: [
          {
            name: 'flexibleRollout',
            constraints: [],
            segments: [],
            parameters: {
              rollout: String(percent),
              stickiness: 'default',
              groupId: 'headgate-relay',
            },
          },
        ],
      },
      {
        name: 'headgate-kill',
        type: 'kill-switch',
        enabled: kill,
        variants: [],
        strategies: [{ name: 'default', parameters: {}, constraints: [] }],
      },
    ],
  }
}
