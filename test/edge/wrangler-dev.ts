import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { documentOf } from '../fakes/gateway.ts'

/** `wrangler dev`: the Worker with its assets and its objects, in workerd, as wrangler.toml has it. */

const ROOT = join(import.meta.dirname, '../..')

export interface WranglerDev {
  /** The same over a restart. */
  readonly url: string
  /** Until then nobody listens there. */
  stop(): Promise<void>
  /** Again, with what its objects had kept. */
  start(): Promise<void>
  /** For good. */
  close(): Promise<void>
}

interface Setup {
  /** Of `headgate.yaml`, as JSON; its flags are in `flags.json`, on for everybody. */
  readonly config: unknown
  readonly port: number
  readonly secrets: Readonly<Record<string, string>>
}

/** Resolves once it says so. @throws with all it said where it ends before */
function readyOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const hear = (chunk: Buffer): void => {
      said += chunk
      if (said.includes('Ready on')) resolve()
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('exit', (code) => reject(new Error(`wrangler ended with ${code}: ${said}`)))
  })
}

export async function startWranglerDev({ config, port, secrets }: Setup): Promise<WranglerDev> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-edge-'))
  mkdirSync(join(folder, 'state'))
  writeFileSync(join(folder, 'headgate.json'), JSON.stringify(config))
  writeFileSync(join(folder, 'flags.json'), JSON.stringify(documentOf(100, false)))
  const args = ['dev', '--ip', '127.0.0.1', '--port', String(port)]
  args.push('--persist-to', join(folder, 'state'))
  for (const [name, value] of Object.entries(secrets)) args.push('--var', `${name}:${value}`)
  const env = { ...process.env, HEADGATE_CONFIG: join(folder, 'headgate.json') }
  let running: ChildProcess | null = null
  const dev: WranglerDev = {
    url: `http://127.0.0.1:${port}`,
    async start() {
      running = spawn('wrangler', args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
      await readyOf(running)
    },
    async stop() {
      if (running === null) return
      running.kill('SIGTERM')
      await once(running, 'exit')
      running = null
    },
    async close() {
      await dev.stop()
      rmSync(folder, { recursive: true })
    },
  }
  await dev.start()
  return dev
}
