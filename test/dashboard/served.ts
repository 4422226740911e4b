import { freePort } from '../fakes/free-port.ts'
import { type Served, type ServeSetup, startServe } from '../node/process.ts'

/** `headgate serve` with a plan, on a control port that stays the same over a restart. */

const TOKEN = 'control-token-0123456789'
export const VIEWER = 'viewer-token-0123456789'

const ROLLOUT = `    plan: { steps: [5%, 50%, 99%], over: 14d }
    guard: { alpha: 0.01 }
`
const CONTROL = 'control: { token: { env: HEADGATE_TOKEN }, viewer: { env: VIEWER_TOKEN } }\n'

export async function startPlanned(setup: ServeSetup = {}): Promise<Served> {
  return startServe({
    percent: 100,
    top: CONTROL,
    rollout: ROLLOUT,
    ...setup,
    env: { VIEWER_TOKEN: VIEWER, HEADGATE_CONTROL_PORT: String(await freePort()), ...setup.env },
  })
}

/** The page's address with a token. */
export function signedIn({ controlUrl }: Served, token: string = TOKEN): string {
  return `${controlUrl}#token=${token}`
}
