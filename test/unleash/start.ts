import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../fakes/free-port.ts'

/** A real unleash-server on a real PostgreSQL. Both end with the process that started them. */

const HERE = import.meta.dirname
const SERVER = join(HERE, 'node_modules/unleash-server/dist/server.js')
const BOOT_MS = 90_000

export interface RunningPostgres {
  /** Without a database. */
  readonly url: string
  stop(): Promise<void>
}

export interface RunningUnleash {
  /** `http://127.0.0.1:PORT/api`: what `flags.unleash.url` takes. */
  readonly url: string
  readonly admin: string
  /** Backend tokens, by environment. */
  readonly tokens: Readonly<Record<'development' | 'production', string>>
  /** Ends the server, its database stays. Until `start`, its port refuses connections. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** The same server on the same port and database again. */
  start(): Promise<void>
}

/** What `globalSetup` hands to every test file of the project. */
export interface UnleashPlace {
  readonly url: string
  readonly admin: string
  readonly tokens: RunningUnleash['tokens']
  readonly postgres: string
}

const TOKENS = {
  admin: '*:*.headgate-test-admin-0123456789',
  development: '*:development.headgate-test-backend-0123456789',
  production: '*:production.headgate-test-backend-9876543210',
}

export async function startPostgres(): Promise<RunningPostgres> {
  const child = spawn(process.execPath, [join(HERE, 'postgres.mjs')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const url = await firstLine(child, 'PostgreSQL')
  return {
    url,
    async stop() {
      child.stdin?.end()
      await exitOf(child)
    },
  }
}

/** @param postgres as `startPostgres` gives it @param database made by the server's first start */
export async function startUnleash(postgres: string, database: string): Promise<RunningUnleash> {
  if (!existsSync(SERVER)) {
    throw new Error(`there is no unleash-server: run node scripts/test-parts.ts`)
  }
  await createDatabase(postgres, database)
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  let child = await boot()

  async function boot(): Promise<ChildProcess> {
    const started = spawn(process.execPath, [SERVER], {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        DATABASE_URL: `${postgres}/${database}`,
        DATABASE_SSL: 'false',
        DATABASE_POOL_MAX: '8',
        CHECK_VERSION: 'false',
        SEND_TELEMETRY: 'false',
        LOG_LEVEL: 'warn',
        HTTP_HOST: '127.0.0.1',
        HTTP_PORT: String(port),
        INIT_ADMIN_API_TOKENS: TOKENS.admin,
        INIT_BACKEND_API_TOKENS: `${TOKENS.development},${TOKENS.production}`,
      },
    })
    const said: string[] = []
    started.stderr?.on('data', (chunk: Buffer) => said.push(String(chunk)))
    const end = Date.now() + BOOT_MS
    while (!(await isHealthy(origin))) {
      if (started.exitCode !== null || Date.now() > end) {
        throw new Error(`unleash-server did not come up:\n${said.join('')}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return started
  }

  return {
    url: `${origin}/api`,
    admin: TOKENS.admin,
    tokens: { development: TOKENS.development, production: TOKENS.production },
    async stop(signal = 'SIGKILL') {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      await exitOf(child)
    },
    async start() {
      child = await boot()
    },
  }
}

async function createDatabase(postgres: string, database: string): Promise<void> {
  const { default: pg } = await import(join(HERE, 'node_modules/pg/lib/index.js'))
  const client = new pg.Client({ connectionString: `${postgres}/postgres` })
  await client.connect()
  try {
    await client.query(`create database "${database}"`)
  } finally {
    await client.end()
  }
}

async function isHealthy(origin: string): Promise<boolean> {
  try {
    return (await fetch(`${origin}/health`)).ok
  } catch {
    return false
  }
}

async function firstLine(child: ChildProcess, what: string): Promise<string> {
  if (child.stdout === null) throw new Error(`${what} has no stdout`)
  const lines = createInterface({ input: child.stdout })
  const exited = once(child, 'exit').then(() => {
    throw new Error(`${what} did not come up: run node scripts/test-parts.ts`)
  })
  const [line] = (await Promise.race([once(lines, 'line'), exited])) as [string]
  exited.catch(() => {})
  return line
}

async function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
