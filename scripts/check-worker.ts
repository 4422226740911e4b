import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** Bundles the Worker as `wrangler deploy` would, without a network, and holds it to its size. */

/** Gzip, as Cloudflare counts it; the free plan takes 3 MB. What is loaded at each cold start had better be small. */
const MOST_BYTES = 250_000
const FOLDER = 'dist/worker'

const env = {
  ...process.env,
  HEADGATE_CONFIG: 'deploy/workers/headgate.yaml',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
}
execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', FOLDER], { env, stdio: 'pipe' })
const bytes = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.js'))
  .reduce((sum, name) => sum + gzipSync(readFileSync(join(FOLDER, name))).length, 0)
console.log(`worker: ${bytes} bytes gzip, at most ${MOST_BYTES}`)
process.exitCode = bytes > 0 && bytes <= MOST_BYTES ? 0 : 1
