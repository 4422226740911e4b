import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** Bundles the Worker as `wrangler deploy` would, without a network, and holds it to its size. */

/** Gzip, as Cloudflare counts it; the free plan takes 3 MB. What is loaded at each cold start had better be small. */
const MOST_BYTES = 250_000
/** Each of what is loaded only where it is wanted. */
const MOST_LAZY_BYTES = 50_000
const LAZY = ['telemetry.js', 'regex.js']
const FOLDER = 'dist/worker'

const env = {
  ...process.env,
  HEADGATE_CONFIG: 'deploy/workers/headgate.yaml',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
}
execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', FOLDER], { env, stdio: 'pipe' })
const sizes = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.js'))
    .map((name) => [name, gzipSync(readFileSync(join(FOLDER, name))).length]),
)
const fits = (size: number, most: number): boolean => size > 0 && size <= most
const lazy = LAZY.map((name) => [name, sizes.get(name) ?? 0] as const)
const bytes =
  [...sizes.values()].reduce((sum, size) => sum + size, 0) -
  lazy.reduce((sum, [, size]) => sum + size, 0)
console.log(`worker: ${bytes} bytes gzip, at most ${MOST_BYTES}`)
for (const [name, size] of lazy) {
  console.log(`${name}: ${size} bytes gzip, at most ${MOST_LAZY_BYTES}; loaded where it is wanted`)
}
const all = fits(bytes, MOST_BYTES) && lazy.every(([, size]) => fits(size, MOST_LAZY_BYTES))
process.exitCode = all ? 0 : 1
