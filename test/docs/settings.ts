import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { configText, flagsText } from '../../src/cli/starter.ts'
import { startOfrepServer } from '../fakes/ofrep-server.ts'
import { ROOT } from '../house/tree.ts'
import { KEYS, type Stage } from './stage.ts'

/** What a page's marks ask for, in the words that stand on the page. */

export type Act = (stage: Stage) => Promise<unknown>

const ENV = `OPENAI_API_KEY=${KEYS.official}
ANTHROPIC_API_KEY=${KEYS.official}
RELAY_API_KEY=${KEYS.relay}
HEADGATE_TOKEN=control-token-0123456789abcdef
`

const ANSWERS = {
  official: 'openai',
  relayUrl: 'https://relay.example/v1',
  models: [{ asked: 'gpt-5.2', there: 'gpt-5.2' }],
} as const

const PLAN = `    plan: { steps: [1%, 2%, 5%, 10%, 25%, 50%, 75%, 99%], over: 14d }
    guard: { errors: { margin: 0.1pp }, latency: { p95: { margin: 10% } } }
    probe: { interval: 500ms }
`

/** A configuration as `headgate init` writes it, with its keys in the environment. */
async function configured(stage: Stage, percent: number, planned: boolean): Promise<void> {
  const [before = ''] = configText(ANSWERS, {
    template: 'node',
    schemaPath: './schema/headgate.v1.json',
    callerSha256: '',
  }).split(/^ {4}# Rolls back/m)
  const price = before.replace(/^( {4}models:)/m, '    price: { ratio: 0.15 }\n$1')
  stage.write('headgate.yaml', `${price}${planned ? PLAN : PLAN.replace(/^.*plan:.*\n/, '')}`)
  stage.write('flags/relay.json', flagsText(percent))
  stage.write('.env', ENV)
  await stage.run('set -a; . ./.env; set +a')
}

async function served(stage: Stage, percent: number, planned: boolean): Promise<void> {
  await configured(stage, percent, planned)
  await serve(stage)
}

/** Starts both planes, and waits until they accept. */
export async function serve(stage: Stage, command = 'headgate serve'): Promise<void> {
  await stage.start(command, (output) => /^control +http/m.test(output))
}

async function command(stage: Stage, words: string): Promise<void> {
  const { exit, output } = await stage.run(`headgate ${words}`)
  if (exit !== 0) throw new Error(`headgate ${words} ended with ${exit}: ${output}`)
}

/** Callers with a conversation each. */
async function callers(stage: Stage, count: number): Promise<void> {
  for (let index = 0; index < count; index += 20) {
    const some = Array.from({ length: Math.min(20, count - index) }, async (_, more) => {
      const content = `Question ${performance.now()} of ${index + more}`
      const answer = await stage.ask('/v1/chat/completions', {
        model: 'gpt-5.2',
        messages: [{ role: 'user', content }],
      })
      await answer.arrayBuffer()
    })
    await Promise.all(some)
  }
}

/** Until `headgate status` says this state. */
async function until(stage: Stage, state: string): Promise<void> {
  const { exit, output } = await stage.run(`headgate status relay --wait ${state} --every 200ms`)
  if (exit !== 0 && state !== 'rolled_back') throw new Error(`not ${state}: ${output}`)
}

/** 20 %, as a flag server says that speaks OFREP. */
async function askedByOfrep(stage: Stage): Promise<void> {
  const flags = await startOfrepServer()
  stage.place('https://flags.example', flags.url, flags.close)
  await stage.run(
    `export FLAGS_URL=${flags.url} FLAGS_TOKEN=flags-token HEADGATE_VIEWER_TOKEN=viewer-token`,
  )
  await served(stage, 20, false)
}

export const SETTINGS: Readonly<Record<string, Act>> = {
  'a fresh checkout': async () => {},
  'a configuration': (stage) => configured(stage, 1, false),
  'a configuration for Workers': async (stage) => {
    const example = readFileSync(join(ROOT, 'deploy/workers/headgate.yaml'), 'utf8')
    stage.write('headgate.yaml', example)
    stage.write('flags/relay.json', flagsText(1))
  },
  'a rollout at 5 %': (stage) => served(stage, 5, false),
  'a rollout that a flag server leads': askedByOfrep,
  'a rollout with a plan': (stage) => served(stage, 100, true),
  'a rollout on its way': async (stage) => {
    await served(stage, 100, true)
    await command(stage, 'start relay --reason "change 4711 is approved"')
    await callers(stage, 100)
  },
  'a rolled back rollout': async (stage) => {
    await served(stage, 100, true)
    await command(stage, 'start relay --reason "change 4711 is approved"')
    await command(stage, 'set relay 50% --reason "a closer look"')
    await callers(stage, 60)
    await stage.relay.setFault({ kind: 'status', status: 503 })
    await callers(stage, 60)
    await until(stage, 'rolled_back')
  },
}

export const HAPPENINGS: Readonly<Record<string, Act>> = {
  'keys are put into .env': async (stage) => {
    stage.write('.env', ENV)
    await stage.run('set -a; . ./.env; set +a')
  },
  'a caller remembers the id of an answer': async (stage) => {
    const answer = await stage.ask('/v1/chat/completions', {
      model: 'gpt-5.2',
      messages: [{ role: 'user', content: 'What is a headgate?' }],
    })
    await stage.run(`ID=${answer.headers.get('x-headgate-request-id')}`)
  },
  'callers come': (stage) => callers(stage, 100),
  'the relay fails': (stage) => stage.relay.setFault({ kind: 'status', status: 503 }),
  'the relay is well': (stage) => stage.relay.setFault(null),
}
