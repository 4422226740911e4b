import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { CostsView } from '../api/views/costs.ts'
import type { EventView } from '../api/views/event.ts'
import type { RolloutView } from '../api/views/rollout.ts'
import { HeadgateError } from '../errors.ts'
import type { Log } from '../ports.ts'
import type { RolloutEvent } from '../types.ts'
import { type DemoCalendar, startCalendar } from './clock.ts'
import type { Start } from './options.ts'
import { type SimulatedUpstream, startUpstream } from './upstreams.ts'

/** The demo's stage: two simulated upstreams, a folder with configuration and flags, and Headgate started from it. */

/** Who asks for a command, and why. */
export interface Signature {
  readonly by: string
  readonly reason: string
}

export interface Scene {
  readonly official: SimulatedUpstream
  readonly relay: SimulatedUpstream
  readonly calendar: DemoCalendar
  /** The origin of the data plane and `/v1`. */
  readonly dataUrl: string
  /** The page, with the token that lets in: this token is of this run alone. */
  readonly pageUrl: string
  /** The rollout in the control API. */
  readonly rolloutUrl: string
  readonly flagFile: string
  /** Writes the flag file as one piece, as an editor or `mv` does. */
  setFlags(flags: Flags): void
  /** What the control API says now. @throws when it does not answer with a rollout */
  rollout(): Promise<RolloutView>
  /** A person's command, through the control API. @throws with what it answered when that is not 200 */
  command(name: 'start' | 'rearm', signature: Signature): Promise<RolloutView>
  /** The audit log, through the control API. @throws as `rollout` does */
  events(): Promise<readonly EventView[]>
  /** What the canary saved, in dollars, as the ledger has it; null where nothing tells. @throws as `rollout` does */
  savedUsd(): Promise<number | null>
  /** Ends everything and removes the folder. */
  close(): Promise<void>
}

export interface Flags {
  readonly percent: number
  readonly kill: boolean
}

/** Free ports are 0. */
export interface ScenePorts {
  readonly data: number
  readonly control: number
}

export interface SceneOptions {
  readonly start: Start
  readonly seed: number | string
  /** What the relay's answers are drawn from; the same as official's unless given: one model behind both. */
  readonly relaySeed?: number | string
  readonly ports: ScenePorts
  /** What the flag file begins with; the kill is off. */
  readonly percent: number
  /** The rollout's `plan`, `guard` and `probe` as `headgate.yaml` has them; without them the flag alone decides. */
  readonly plan?: string
  readonly onEvent?: (event: RolloutEvent) => void
  readonly onError: (message: string) => void
}

/** Often enough that a step begins within a few hours of the calendar of being due. */
const TURN_MS = 200

/** Sets the stage. @throws {HeadgateError} `listen_failed` when a port cannot be had; nothing is left running then */
export async function setScene(options: SceneOptions): Promise<Scene> {
  const { start, seed, ports, percent, plan = '', onEvent, onError } = options
  const { relaySeed = seed } = options
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
      seed: `${seed}/answers`,
      latency: { firstByteMs: 45, perChunkMs: 6, jitter: 0.25 },
      keys: [keys.official],
      journalLimit: 0,
    })
    closers.push(official.close)
    const relay = await startUpstream({
      name: 'relay',
      seed: `${relaySeed}/answers`,
      latency: { firstByteMs: 50, perChunkMs: 6, jitter: 0.25 },
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
    setFlags({ percent, kill: false })
    writeFileSync(configFile, configText(official.baseUrl, relay.baseUrl, ports, plan))

    const quiet = (): void => {}
    const log: Log = { info: quiet, warn: quiet, error: (message) => onError(message) }
    const calendar = startCalendar(Date.now(), () => performance.now())
    const node = await start({
      configFile,
      env: {
        HEADGATE_TOKEN: token,
        DEMO_OFFICIAL_KEY: keys.official,
        DEMO_RELAY_KEY: keys.relay,
      },
      log,
      calendar,
      turnMs: TURN_MS,
      onEvent: onEvent ?? quiet,
    })
    closers.push(() => node.close())
    if (node.controlUrl === null) {
      throw new HeadgateError('control_unreachable', 'the demo started without a control plane')
    }
    const ask = askOf(new URL('/-/api/v1/', node.controlUrl).href, token)
    return {
      official,
      relay,
      calendar,
      dataUrl: new URL('/v1', node.dataUrl).href,
      pageUrl: `${node.controlUrl}#token=${token}`,
      rolloutUrl: new URL('/-/api/v1/rollouts/relay', node.controlUrl).href,
      flagFile,
      setFlags,
      rollout: async () => (await ask('rollouts/relay')) as RolloutView,
      command: async (name, signature) =>
        (await ask(`rollouts/relay/${name}`, signature)) as RolloutView,
      events: async () => {
        const page = (await ask('events?rollout=relay&limit=200')) as { items: EventView[] }
        return page.items
      },
      savedUsd: async () => ((await ask('costs?rollout=relay')) as CostsView).total.savedUsd,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Asks the control API; with a body it is a POST. */
function askOf(api: string, token: string): (path: string, body?: Signature) => Promise<unknown> {
  return async (path, body) => {
    const response = await fetch(`${api}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (response.ok) return response.json()
    throw new HeadgateError(
      response.status === 401 ? 'control_unauthorised' : 'control_unreachable',
      `${api}${path} must answer 200, got ${response.status} ${await response.text()}`,
    )
  }
}

function secret(): string {
  return randomBytes(18).toString('base64url')
}

function configText(
  officialUrl: string,
  relayUrl: string,
  ports: ScenePorts,
  plan: string,
): string {
  return `version: 1
server: { host: 127.0.0.1, port: ${ports.data} }
control: { host: 127.0.0.1, port: ${ports.control}, token: { env: HEADGATE_TOKEN } }
state: { memory: true }
upstreams:
  # Both are simulated, and both speak OpenAI's and Anthropic's dialects.
  official:
    baseUrl: "${officialUrl}"
    auth: { bearer: { env: DEMO_OFFICIAL_KEY } }
    price: { ratio: 1 }
  relay:
    baseUrl: "${relayUrl}"
    auth: { bearer: { env: DEMO_RELAY_KEY } }
    models:
      "gpt-5.2": "gpt-5.2"
      "claude-opus-4.6": "claude-opus-4.6"
      "text-embedding-3-small": "text-embedding-3-small"
    price: { ratio: 0.15 }
    timeouts: { connect: 2s, firstByte: 4s, idle: 4s, total: 5s }
default: { openai: official, anthropic: official }
flags: { file: flags/relay.json }
rollouts:
  relay:
    match: { paths: ["/v1/chat/completions", "/v1/embeddings", "/v1/messages"] }
    control: official
    canary: relay
    flag: headgate-relay
    kill: headgate-kill
${plan}`
}

/** Unleash's client-features document, as FIELD.md i has it. */
function flagDocument({ percent, kill }: Flags) {
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
