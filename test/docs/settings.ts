import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { configText, flagsText } from '../../src/cli/starter.ts'
import type { Faults } from '../../src/demo/faults.ts'
import type { RolloutState } from '../../src/types.ts'
import { startOfrepServer } from '../fakes/ofrep-server.ts'
import { ROOT } from '../house/tree.ts'
import { KEYS, type Stage } from './stage.ts'

/** What a page's marks ask for, in the words that stand on the page. */

export type Act = (stage: Stage) => Promise<unknown>

const ENV = `OPENAI_API_KEY=${KEYS.official}
ANTHROPIC_API_KEY=${KEYS.official}
RELAY_API_KEY=${KEYS.relay}
HEADGATE_TOKEN=${KEYS.control}
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

/** Half the traffic on a canary that has been well until now, and then has this fault, until it is rolled back. */
async function failing(stage: Stage, fault: Faults): Promise<void> {
  await served(stage, 100, true)
  await command(stage, 'start relay --reason "change 4711 is approved"')
  await command(stage, 'set relay 50% --reason "a closer look"')
  await callers(stage, 60)
  await stage.relay.setFault(fault)
  // A few at a time, each judged before the next come: the guard is always the first to be sure.
  for (let state = ''; state !== 'rolled_back'; ) {
    await callers(stage, 4)
    await until(stage, 'rollouts/relay', (rollout) => {
      state = rollout.state
      const [failures] = rollout.verdict.monitors
      return state === 'rolled_back' || failures?.counts.canary === rollout.arms.canary.requests
    })
  }
}

/** A canary that costs more in a minute than it may, and probes that do not come to an end. */
async function suspended(stage: Stage): Promise<void> {
  await configured(stage, 100, true)
  await stage.change('headgate.yaml', (before = '') =>
    before
      .replace('guard: {', 'guard: { spend: { perMinute: 0.0001 },')
      .replace('interval: 500ms', 'interval: 10m'),
  )
  await serve(stage)
  await command(stage, 'start relay --reason "change 4711 is approved"')
  await command(stage, 'set relay 50% --reason "a closer look"')
  await callers(stage, 60)
  await inState(stage, 'suspended')
}

/** Starts both planes, and waits until they accept. */
export async function serve(stage: Stage, command = 'headgate serve'): Promise<void> {
  await stage.start(command, (output) => /^control +http/m.test(output))
}

async function command(stage: Stage, words: string): Promise<void> {
  const { exit, output } = await stage.run(`headgate ${words}`)
  if (exit !== 0) throw new Error(`headgate ${words} ended with ${exit}: ${output}`)
}

/** Callers with a conversation each, the same ones each time: of the first hundred three are in at 1 %. */
async function callers(stage: Stage, count: number): Promise<void> {
  for (let index = 0; index < count; index += 20) {
    const some = Array.from({ length: Math.min(20, count - index) }, async (_, more) => {
      const content = `Item ${stage.callers + index + more}`
      const answer = await stage.ask('/v1/chat/completions', {
        model: 'gpt-5.2',
        messages: [{ role: 'user', content }],
      })
      await answer.arrayBuffer()
    })
    await Promise.all(some)
  }
  stage.callers += count
}

/** Until the control plane answers so. */
async function until(
  stage: Stage,
  path: string,
  // biome-ignore lint/suspicious/noExplicitAny: what the API answers, read as a script would.
  is: (answer: any) => boolean,
): Promise<void> {
  for (const deadline = performance.now() + 30_000; ; await sleep(100)) {
    const answer = await stage.control(path)
    if (is(answer)) return
    if (performance.now() > deadline) throw new Error(`in vain: ${JSON.stringify(answer)}`)
  }
}

/** Until the rollout is in this state. */
function inState(stage: Stage, state: RolloutState): Promise<void> {
  return until(stage, 'rollouts/relay', (rollout) => rollout.state === state)
}

/** A flag server that speaks OFREP and says 20 %. */
async function ofrep(stage: Stage): ReturnType<typeof startOfrepServer> {
  const flags = await startOfrepServer()
  stage.place('https://flags.example', flags.url, flags.close)
  await stage.run(
    `export FLAGS_URL=${flags.url} FLAGS_TOKEN=flags-token HEADGATE_VIEWER_TOKEN=viewer-token`,
  )
  return flags
}

const OFREP_MODULE = `import { OFREPProvider } from '@openfeature/ofrep-provider'
export default () => new OFREPProvider({ baseUrl: process.env.FLAGS_URL })
`

export const SETTINGS: Readonly<Record<string, Act>> = {
  'a fresh checkout': async () => {},
  'a configuration': (stage) => configured(stage, 1, false),
  'a configuration for Workers': async (stage) => {
    const example = readFileSync(join(ROOT, 'deploy/workers/headgate.yaml'), 'utf8')
    stage.write('headgate.yaml', example)
    stage.write('flags/relay.json', flagsText(1))
  },
  'a rollout at 5 %': (stage) => served(stage, 5, false),
  'a rollout whose shadows keep texts': async (stage) => {
    await configured(stage, 5, false)
    await stage.change('headgate.yaml', (before = '') =>
      before.replace(
        /^( {4})guard:/m,
        '$1shadow: { rate: 100%, content: { capture: true } }\n$1guard:',
      ),
    )
    await serve(stage)
  },
  'a rollout that a flag server leads': async (stage) => {
    await ofrep(stage)
    await served(stage, 20, false)
  },
  'a rollout with a plan': (stage) => served(stage, 100, true),
  'a rollout on its way': async (stage) => {
    await served(stage, 100, true)
    await command(stage, 'start relay --reason "change 4711 is approved"')
    await callers(stage, 100)
    await until(stage, 'rollouts/relay', ({ verdict }) => verdict.monitors.length > 0)
  },
  'a rolled back rollout': (stage) => failing(stage, { kind: 'status', status: 503 }),
  'a relay that refuses its key': (stage) => failing(stage, { kind: 'status', status: 401 }),
  'a relay that answers 429': (stage) => failing(stage, { kind: 'status', status: 429 }),
  'a suspended rollout': suspended,
  'a rollout whose flag server is gone': async (stage) => {
    const flags = await ofrep(stage)
    await configured(stage, 20, false)
    await stage.change('headgate.yaml', (before = '') =>
      before.replace(/^flags: .*$/m, 'flags: { openFeature: { module: flags.mjs, interval: 1s } }'),
    )
    stage.write('flags.mjs', OFREP_MODULE)
    await serve(stage)
    await until(stage, 'health', ({ flags }) => flags.fault === null && flags.hash !== null)
    await flags.close()
    await until(stage, 'health', ({ flags }) => flags.fault !== null)
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
  'shadows are compared': (stage) => until(stage, 'pairs', ({ items }) => items.length >= 3),
  'the relay fails': (stage) => stage.relay.setFault({ kind: 'status', status: 503 }),
  'the relay is well': (stage) => stage.relay.setFault(null),
}
