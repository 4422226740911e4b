import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Bundles the Worker once for all tests, with wrangler, as it is deployed. */

const ROOT = join(import.meta.dirname, '../..')

export default function setup(): void {
  const env = { ...process.env, HEADGATE_CONFIG: 'deploy/workers/headgate.yaml' }
  const run = (...args: string[]) =>
    execFileSync(args[0] as string, args.slice(1), { cwd: ROOT, env })
  run(process.execPath, 'scripts/edge-config.ts')
  run(
    'wrangler',
    'deploy',
    '--dry-run',
    '-c',
    'test/edge/wrangler.toml',
    '--outdir',
    join(ROOT, 'dist/test'),
  )
}
