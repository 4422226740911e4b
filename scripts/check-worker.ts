import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

/**
 * Bundles the Worker as `wrangler deploy` would, without a network, and holds it to its size: as the example has it, and with
 * shadows, which bring along what compares answers.
 */

/** Gzip, as Cloudflare counts it; the free plan takes 3 MB. What is loaded at each cold start had better be small. */
const MOST_BYTES = 250_000
const MOST_BYTES_WITH_SHADOWS = 270_000
/** Each of what is loaded only where it is wanted. */
const MOST_LAZY_BYTES = 50_000
const LAZY = ['telemetry.js', 'regex.js']
const EXAMPLE = 'deploy/workers'
const FOLDER = 'dist/worker'

/** Bytes gzip by module, of what is built from that configuration. */
function built(config: string): ReadonlyMap<string, number> {
  const env = {
    ...process.env,
    HEADGATE_CONFIG: config,
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
  }
  execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', FOLDER], { env, stdio: 'pipe' })
  const modules = readdirSync(FOLDER).filter((name) => name.endsWith('.js'))
  return new Map(modules.map((name) => [name, gzipSync(readFileSync(join(FOLDER, name))).length]))
}

/** The example, with shadows in each of its rollouts. */
function withShadows(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-worker-'))
  cpSync(EXAMPLE, folder, { recursive: true })
  const file = join(folder, 'headgate.yaml')
  const text = readFileSync(file, 'utf8')
  const shadowed = text.replaceAll(/^( +)canary: .*\n/gm, '$&$1shadow: { rate: 1% }\n')
  if (shadowed === text) throw new Error(`${EXAMPLE}/headgate.yaml has no rollout to shadow`)
  writeFileSync(file, shadowed)
  return file
}

/** At each cold start. */
function loaded(sizes: ReadonlyMap<string, number>): number {
  return [...sizes].reduce((sum, [name, size]) => (LAZY.includes(name) ? sum : sum + size), 0)
}

const shadowed = withShadows()
const comparing = loaded(built(shadowed))
rmSync(dirname(shadowed), { recursive: true })
// The last one stays in dist/.
const sizes = built(join(EXAMPLE, 'headgate.yaml'))

const rows = [
  ['worker', loaded(sizes), MOST_BYTES, ''],
  ['worker with shadows', comparing, MOST_BYTES_WITH_SHADOWS, ''],
  ...LAZY.map(
    (name) => [name, sizes.get(name) ?? 0, MOST_LAZY_BYTES, '; loaded where it is wanted'] as const,
  ),
] as const
for (const [what, bytes, most, more] of rows) {
  console.log(`${what}: ${bytes} bytes gzip, at most ${most}${more}`)
}
// What shadows bring is there, or the second figure is the first one again.
const compares = comparing > loaded(sizes)
if (!compares) console.log('worker with shadows: compares nothing')
process.exitCode = compares && rows.every(([, bytes, most]) => bytes > 0 && bytes <= most) ? 0 : 1
