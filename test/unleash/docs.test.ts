import { expect, inject, it } from 'vitest'
import { flagsText } from '../../src/cli/starter.ts'
import { play, playsOf } from '../docs/play.ts'
import type { Stage } from '../docs/stage.ts'
import { adminOf, done, flagAt } from './flags.ts'

/** Pages whose commands want a real Unleash, run beside one. */

const CONFIG = `version: 1
control: { token: { env: HEADGATE_TOKEN } }
upstreams:
  official: { baseUrl: "https://api.openai.com/v1", auth: { bearer: { env: OPENAI_API_KEY } } }
  relay: { baseUrl: "https://relay.example/v1", auth: { bearer: { env: RELAY_API_KEY } } }
flags:
  unleash:
    url: "https://unleash.example/api"
    token: { env: UNLEASH_TOKEN }
    interval: 1s
    writeBack: { token: { env: UNLEASH_ADMIN_TOKEN } }
rollouts:
  relay:
    match: { paths: ["/v1/chat/completions"] }
    control: official
    canary: relay
    flag: headgate-relay
    kill: headgate-kill
    guard: {}
`

/** Both flags as the page asks for them, and a configuration that follows them. */
async function besideUnleash(stage: Stage): Promise<void> {
  const { url, admin, tokens } = inject('unleash')
  await flagAt('headgate-relay', 1)
  await done(
    adminOf().createFlag('headgate-kill', {
      type: 'kill-switch',
      description: '',
      impressionData: false,
    }),
  )
  await served(url, tokens.development, ['headgate-relay', 'headgate-kill'])
  stage.place('https://unleash.example/api', url, () => {})
  stage.write('headgate.yaml', CONFIG)
  stage.write('flags/relay.json', flagsText(1))
  await stage.run(
    `export UNLEASH_TOKEN='${tokens.development}' UNLEASH_ADMIN_TOKEN='${admin}' HEADGATE_TOKEN=control-token OPENAI_API_KEY=sk-1 RELAY_API_KEY=sk-2`,
  )
}

/** The server notices what was written to it at its next tick, once a second. */
async function served(url: string, token: string, names: readonly string[]): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/client/features`, { headers: { authorization: token } })
    const { features } = (await answer.json()) as { features: readonly { name: string }[] }
    const known = new Set(features.map(({ name }) => name))
    if (names.every((name) => known.has(name))) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const SETTINGS = { 'a real Unleash': besideUnleash }

it.each(playsOf(SETTINGS))(
  '%s: its commands do what it says',
  { timeout: 180_000 },
  async (path) => {
    expect(await play(path, SETTINGS)).toEqual([])
  },
)
