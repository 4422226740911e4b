import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/fakes/free-port.ts'
import type { Candidate, Surroundings } from './candidates.ts'
import { stop, untilHeard } from './processes.ts'
import { UPSTREAM_KEY } from './workloads.ts'

/** A gateway of another maker on the same runtime. It is no dependency: it is installed in a folder of its own, once. */

const VERSION = '1.15.2'
/** With the newest of these two its streaming answers fail with 500. */
const OVERRIDES = { '@hono/node-server': '1.13.7', hono: '4.9.7' }

export const PORTKEY_NAME = `@portkey-ai/gateway ${VERSION}`

export async function startPortkey({ core, upstream }: Surroundings): Promise<Candidate> {
  const script = join(install(), 'node_modules/@portkey-ai/gateway/build/start-server.js')
  const port = await freePort()
  const args = ['-c', String(core), process.execPath, script, `--port=${port}`, '--headless']
  const child = spawn('taskset', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  await untilHeard(port, child, () => 'see above')
  return {
    name: 'portkey',
    pids: [child.pid ?? 0],
    child,
    // It passes on the key that it is given.
    presented: {
      key: UPSTREAM_KEY,
      headers: [
        'x-portkey-provider: openai',
        `x-portkey-custom-host: http://127.0.0.1:${upstream.control}/v1`,
      ],
    },
    portOf: () => port,
    stop: () => stop(child),
  }
}

/** @returns the folder */
function install(): string {
  const folder = join(tmpdir(), `headgate-bench-portkey-${VERSION}`)
  if (existsSync(join(folder, 'node_modules'))) return folder
  mkdirSync(folder, { recursive: true })
  const dependencies = { '@portkey-ai/gateway': VERSION }
  const manifest = { private: true, dependencies, overrides: OVERRIDES }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts']
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  return folder
}
