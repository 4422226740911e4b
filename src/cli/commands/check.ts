import { existsSync, readFileSync } from 'node:fs'
import { Fault, Note, pathText } from '../../config/fault.ts'
import { nodeFaults } from '../../config/node.ts'
import type { Config, RolloutConfig } from '../../config/schema.ts'
import {
  inspectSecrets,
  refText,
  type SecretRuntime,
  type SecretStatus,
} from '../../config/secrets.ts'
import { workersFaults, workersNotes } from '../../config/workers.ts'
import { deadLimits, priceGaps } from '../../cost/coverage.ts'
import { OFFICIAL_PRICES } from '../../cost/price-list.ts'
import { adviseOn } from '../../flag/check.ts'
import { parseDocument } from '../../flag/document.ts'
import {
  besideConfig,
  findConfig,
  type ReadConfig,
  readConfig,
  secretReader,
  shownPath,
} from '../../load-config.ts'
import type { Action } from '../command.ts'
import { EXIT } from '../exit.ts'
import { askableOf } from '../flag-place.ts'
import type { Output } from '../output.ts'

/** `headgate check`: the config file, its secrets, its flags and its prices, offline. */

export interface CheckOptions {
  readonly config?: string
  readonly target: SecretRuntime
}

/** What `check` found in the flags file; it has no lines, since the document is JSON by machines. */
interface FlagReport {
  readonly file: string
  readonly faults: readonly string[]
  readonly advice: readonly string[]
}

/** Which prices hold, and where none is known. */
interface PriceReport {
  readonly official: string
  /** The user's own file, and what tells it from another; null without one. */
  readonly file: string | null
  readonly advice: readonly string[]
}

export const run: Action<CheckOptions> = (options, { output, env, cwd, self }) => {
  const found = findConfig(options.config, env, cwd)
  if (!found.ok) {
    output.fail(found.message, `Write one with ${self} init, or name one with --config.`)
    return EXIT.invalid
  }
  const read = readConfig(found.file, env)
  const workers = options.target === 'workers'
  const secrets = read.ok ? secretsOf(read, found.file, env, options.target) : []
  const flags = read.ok ? flagsOf(read.config, found.file) : null
  const prices = read.ok ? pricesOf(read) : null
  const faults = !read.ok
    ? read.faults
    : workers
      ? workersFaults(read.config, null).map((one) => new Fault(read.locate(one.path), one))
      : [
          ...nodeFaults(read.config).map((one) => new Fault(read.locate(one.path), one)),
          ...secretFaults(read, secrets),
        ]
  const notes =
    read.ok && workers
      ? [
          ...read.notes,
          ...workersNotes(read.config).map((one) => new Note(read.locate(one.path), one)),
        ]
      : read.notes
  const count = faults.length + (flags?.faults.length ?? 0)

  output.document({
    ok: count === 0,
    config: {
      file: shownPath(found.file),
      foundBy: found.foundBy,
      others: found.others.map(shownPath),
      hash: read.ok ? read.hash : null,
    },
    faults,
    notes,
    secrets: secrets.map(({ path, ref, set }) => ({
      path: pathText(path),
      reference: refText(ref),
      set,
    })),
    flags,
    prices,
  })

  const by = found.foundBy.startsWith('/')
    ? `found in ${found.foundBy === cwd ? 'this folder' : shownPath(found.foundBy)}`
    : `named by ${found.foundBy}`
  const hash = read.ok ? `, sha256 ${read.hash}` : ''
  output.line(`config   ${shownPath(found.file)} (${by}${hash})`)
  for (const other of found.others) output.line(`         ${shownPath(other)} is not read`)
  print(output, 'red', faults.map(String))
  print(
    output,
    'yellow',
    notes.map((note) => `note: ${note}`),
  )
  printSecrets(output, secrets)
  if (read.ok && read.config.flags !== undefined && 'unleash' in read.config.flags) {
    const { url } = read.config.flags.unleash
    output.line(`flags    unleash:${url}, which is not asked here: ${self} flags show asks it`)
  }
  if (flags) {
    output.line(`flags    ${flags.file}`)
    print(output, 'red', flags.faults)
    print(
      output,
      'yellow',
      flags.advice.map((advice) => `note: ${advice}`),
    )
  }
  if (prices) {
    const { official, file, advice } = prices
    output.line(`prices   ${file === null ? official : `${file}, then ${official}`}`)
    print(
      output,
      'yellow',
      advice.map((one) => `note: ${one}`),
    )
  }
  if (count === 0) {
    output.line(output.paint('green', 'ok'))
    return EXIT.ok
  }
  output.fail(
    `${count} ${count === 1 ? 'fault' : 'faults'}`,
    `Fix ${count === 1 ? 'it' : 'them'} and run ${self} check again.`,
  )
  return EXIT.invalid
}

function print(output: Output, style: 'red' | 'yellow', lines: readonly string[]): void {
  for (const line of lines) output.line(`  ${output.paint(style, line)}`)
}

function printSecrets(output: Output, secrets: readonly SecretStatus[]): void {
  if (secrets.length === 0) return
  output.line('secrets')
  const width = Math.max(...secrets.map(({ path }) => pathText(path).length))
  for (const { path, ref, set } of secrets) {
    const state = set ? output.paint('green', 'set  ') : output.paint('yellow', 'unset')
    output.line(`  ${state}  ${pathText(path).padEnd(width)}  ${refText(ref)}`)
  }
}

function secretsOf(
  { config }: ReadConfig,
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  target: SecretRuntime,
): SecretStatus[] {
  return inspectSecrets(config, secretReader(config, file, env), target)
}

/** What is there must be right. What is not there may still come: only `serve` needs it. */
function secretFaults({ locate }: ReadConfig, secrets: readonly SecretStatus[]): Fault[] {
  return secrets.flatMap(({ set, ref, fault }) =>
    fault !== null && (set || 'binding' in ref) ? [new Fault(locate(fault.path), fault)] : [],
  )
}

/** It is looked for and not run: a provider dials, and `check` is offline. */
function moduleOf(module: string, configFile: string): FlagReport {
  const path = besideConfig(configFile, module)
  const file = shownPath(path)
  const faults = existsSync(path) ? [] : [`${file} is not there`]
  return { file, faults, advice: [] }
}

function pricesOf({ config, prices }: ReadConfig): PriceReport {
  const { source, version, date } = OFFICIAL_PRICES
  const day = new Date().toISOString().slice(0, 10)
  return {
    official: `${source} ${version} of ${date}`,
    file: prices?.version ?? null,
    advice: [...priceGaps(config, prices, day), ...deadLimits(config, prices)],
  }
}

function flagsOf(config: Config, configFile: string): FlagReport | null {
  if (config.flags === undefined) return null
  if ('openFeature' in config.flags) return moduleOf(config.flags.openFeature.module, configFile)
  const named = 'file' in config.flags ? config.flags.file : config.flags.unleash.bootstrap
  if (named === undefined) return null
  const path = besideConfig(configFile, named)
  const file = shownPath(path)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    return { file, faults: [`${file} cannot be read (${code})`], advice: [] }
  }
  const parsed = parseDocument(text)
  if (!parsed.ok)
    return { file, faults: parsed.faults.map((fault) => `${file}: ${fault}`), advice: [] }
  const properties = askableOf(config)
  const advice = Object.entries(config.rollouts).flatMap(([name, rollout]) =>
    adviseOn(parsed.document, {
      flag: rollout.flag,
      kill: rollout.kill,
      groupId: rollout.groupId ?? rollout.flag,
      properties,
      highestBp: highestOf(config, rollout),
    }).map((one) => ({ name, one })),
  )
  const byText = Map.groupBy(advice, ({ one }) => one)
  const lines = [...byText].map(
    ([one, said]) => `rollouts ${said.map(({ name }) => name).join(', ')}: ${one}`,
  )
  return { file, faults: [], advice: lines }
}

/** Undefined without a plan, and where the plan raises the flag itself. */
function highestOf({ flags }: Config, { plan }: RolloutConfig): number | undefined {
  const raises =
    flags !== undefined && 'unleash' in flags && flags.unleash.writeBack?.steps === true
  if (plan === undefined || raises) return undefined
  return Math.max(...plan.steps.map((step) => (typeof step === 'number' ? step : step.share)))
}
