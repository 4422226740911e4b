import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Fault } from '../src/config/fault.ts'
import { plainOf, readTree } from '../src/config/tree.ts'
import { workersFaults } from '../src/config/workers.ts'
import { besideConfig, findConfig, readConfig, shownPath } from '../src/load-config.ts'

/**
 * Before a Worker is built: the configuration that `headgate check --target workers` lets through, with its flags, as a
 * module. wrangler.toml runs it, and names its folder.
 */

const TARGET = join(import.meta.dirname, '../dist/headgate-config.json')
/** What compares answers is a part of the Worker only where something is compared. */
const COMPARING = join(import.meta.dirname, '../dist/headgate-comparing.js')
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
console.log(`bundled ${bundled.file}`)
