import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'

/** The real runtime, one for all Workers of a test file. */

export interface Workerd {
  readonly port: number
  /** An address of this machine that nobody has had yet. */
  address(): string
  /** Tells the entry something about one of its Workers. */
  tell(
    what: 'set' | 'flags' | 'fail' | 'cut' | 'mend',
    address: string,
    body?: string,
  ): Promise<void>
  /** What the isolate of that Worker heard last of its rollout. */
  heard(
    address: string,
  ): Promise<{ readonly version: number; readonly flags: string | null } | null>
}

const FOLDER = join(import.meta.dirname, '../../dist/test')
/** The first is the Worker. */
const MODULES = ['entry.js', 'telemetry.js', 'regex.js'].map((name) => ({
  type: 'ESModule' as const,
  path: join(FOLDER, name),
}))

let starting: Promise<Workerd> | null = null

export function workerd(): Promise<Workerd> {
  starting ??= start()
  return starting
}

async function start(): Promise<Workerd> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
        stdout.resume()
        stderr.resume()
      },
      workers: [
        {
          name: 'headgate',
          modules: MODULES,
          modulesRoot: FOLDER,
          compatibilityDate: '2026-10-01',
          compatibilityFlags: ['nodejs_compat'],
          durableObjects: { ROLLOUTS: { className: 'AddressedObject', useSQLite: true } },
          // Without Miniflare's own Worker in front.
          unsafeDirectSockets: [{ host: '0.0.0.0', port: 0 }],
        },
      ],
    }),
  )
  await miniflare.ready
  const { port } = await miniflare.unsafeGetDirectURL()
  let addresses = 1
  return {
    port: Number(port),
    address() {
      addresses++
      return `127.0.${addresses >> 8}.${addresses & 255}`
    },
    async tell(what, address, body = '') {
      const url = `http://127.0.0.1:${port}/test/${what}/${address}`
      const answer = await fetch(url, { method: 'POST', body })
      if (!answer.ok) throw new Error(`${what} ${address}: ${answer.status}`)
    },
    async heard(address) {
      const answer = await fetch(`http://127.0.0.1:${port}/test/heard/${address}`)
      return (await answer.json()) as { version: number; flags: string | null } | null
    },
  }
}
