import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { Fault } from '../src/config/fault.ts'
import { plainOf, readTree } from '../src/config/tree.ts'
import { workersFaults } from '../src/config/workers.ts'
import { besideConfig, findConfig, readConfig, shownPath } from '../src/load-config.ts'

/**
 * Before a Worker is built: the configuration that `headgate check --target workers` lets through, with its flags, as a
 * module; and what of the Worker is loaded only where it is wanted, as others. wrangler.toml runs it, and names its folders.
 */

const TARGET = join(import.meta.dirname, '../dist/headgate-config.json')
/** What compares answers is a part of the Worker only where something is compared. */
const COMPARING = join(import.meta.dirname, '../dist/headgate-comparing.js')
const LAZY = { telemetry: '../src/worker-telemetry.ts', regex: '../src/worker-regex.ts' }
/** Where there is none of one's own. */
const EXAMPLE = join(import.meta.dirname, '../deploy/workers/headgate.yaml')

const own = findConfig(undefined, process.env, process.cwd())
const file = own.ok ? own.file : EXAMPLE
const read = readConfig(file, process.env)
const faults = read.ok
  ? workersFaults(read.config, null).map((finding) => new Fault(read.locate(finding.path), finding))
  : read.faults
if (!read.ok || faults.length > 0) {
  for (const fault of faults) console.error(String(fault))
  process.exit(3)
}
const { tree } = readTree(readFileSync(file, 'utf8'))
const { flags } = read.config
const bundled = {
  file: shownPath(file),
  // As JSON: a Worker reads no YAML.
  config: JSON.stringify(tree === null ? null : plainOf(tree)),
  flags:
    flags !== undefined && 'file' in flags
      ? { file: flags.file, text: readFileSync(besideConfig(file, flags.file), 'utf8') }
      : null,
}
mkdirSync(dirname(TARGET), { recursive: true })
writeFileSync(TARGET, JSON.stringify(bundled))
const compares = Object.values(read.config.rollouts).some(({ shadow }) => shadow !== undefined)
writeFileSync(
  COMPARING,
  compares
    ? "export { Pairing } from '../src/proxy/pairing.ts'\n"
    : 'export const Pairing = null\n',
)
/** Beside the serializer for Prometheus stands a server, which nobody uses here: what it imports goes with it. */
const withoutServer: Plugin = {
  name: 'without-server',
  setup({ onResolve }) {
    onResolve({ filter: /^(http|url)$/ }, ({ path }) => ({
      path,
      external: true,
      sideEffects: false,
    }))
  },
}
await build({
  entryPoints: Object.fromEntries(
    Object.entries(LAZY).map(([name, file]) => [name, join(import.meta.dirname, file)]),
  ),
  outdir: join(import.meta.dirname, '../dist/lazy'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2024',
  platform: 'browser',
  conditions: ['workerd', 'worker', 'browser'],
  logLevel: 'warning',
  plugins: [withoutServer],
})
console.log(`bundled ${bundled.file}`)
