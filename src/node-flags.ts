import { pathToFileURL } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import { type FlagDocument, parseDocument } from './flag/document.ts'
import { fileFlagSource } from './flag-sources/file.ts'
import { openFeatureFlagSource } from './flag-sources/openfeature.ts'
import { unleashFlagSource } from './flag-sources/unleash.ts'
import { fileBackup, readBackup } from './flag-sources/unleash-backup.ts'
import type { UsageOptions } from './flag-sources/unleash-usage.ts'
import { besideConfig, type LoadedConfig, shownPath } from './load-config.ts'
import type { Clock, FlagSource, FlagUse, KeptFlags, Log } from './ports.ts'
import { followDoorbell } from './unleash/doorbell.ts'
import { DEFAULT_ENVIRONMENT, environmentOf } from './unleash/environment.ts'
import { readFileNow } from './watch-file.ts'

/** A part of the entry on Node: the flag source that a configuration names. */

export interface FlagParts {
  readonly clock: Clock
  readonly log: Log
  /** In 0..1, below 1. */
  readonly random: () => number
  /** One process from its start to its end. */
  readonly instanceId: string
}

export interface OpenedFlags {
  readonly source: FlagSource<FlagDocument>
  /** Settles when the source has had its chance to say something. Never rejects. */
  readonly asked: Promise<void>
  /** Two configurations with the same key read the same flags in the same way. Holds a secret. */
  readonly key: string
  /** Server and environment; null where nothing of it is taken up by the next. */
  readonly whose: string | null
}

/** How long a start may wait for the first word of a server. */
const FIRST_WORD_MS = 5_000

/**
 * @param before what was read until now, for a start without a gap where the same flags are asked for in another way
 * @returns null where the configuration names no flags
 */
export function openFlags(
  loaded: LoadedConfig,
  before: OpenedFlags | null,
  parts: FlagParts,
): OpenedFlags | null {
  const { flags } = loaded.config
  if (flags === undefined) return null
  if ('file' in flags) {
    const file = besideConfig(loaded.file, flags.file)
    return {
      source: fileFlagSource({ file, clock: parts.clock, log: parts.log }),
      asked: Promise.resolve(),
      key: flagsKey(loaded),
      whose: null,
    }
  }
  if ('openFeature' in flags) return openOpenFeature(loaded, flags, parts)
  return openUnleash(loaded, flags, before, parts)
}

/** What another value of means other flags, or another way to them. A secret itself: it never leaves this process. */
export function flagsKey({ config: { flags }, reveal }: LoadedConfig): string {
  if (flags === undefined) return ''
  if ('file' in flags) return `file ${flags.file}`
  if ('openFeature' in flags) return JSON.stringify(flags.openFeature)
  const { writeBack: _, ...unleash } = flags.unleash
  return JSON.stringify(['unleash', unleash, reveal(unleash.token).reveal()])
}

type OpenFeatureFlags = Extract<LoadedConfig['config']['flags'], { openFeature: unknown }>

function openOpenFeature(
  loaded: LoadedConfig,
  { openFeature: { module, interval } }: OpenFeatureFlags,
  { clock, log, random }: FlagParts,
): OpenedFlags {
  const { href } = pathToFileURL(besideConfig(loaded.file, module))
  const source = openFeatureFlagSource({
    name: module,
    open: providerMaker(href),
    intervalMs: interval,
    clock,
    log,
    random,
  })
  return {
    source,
    asked: firstWord(source.asked, clock),
    key: flagsKey(loaded),
    whose: null,
  }
}

let modulesRead = 0

/** A module that was read stays in memory for good: one that exports a function is read once. */
function providerMaker(href: string): () => Promise<unknown> {
  let make: (() => unknown) | null = null
  return async () => {
    if (make !== null) return make()
    // Evaluated anew each time: a provider that was closed is not opened again.
    const { default: made } = await import(`${href}?${modulesRead++}`)
    if (typeof made !== 'function') return made
    make = made as () => unknown
    return make()
  }
}

type UnleashFlags = Extract<LoadedConfig['config']['flags'], { unleash: unknown }>

function openUnleash(
  loaded: LoadedConfig,
  { unleash }: UnleashFlags,
  before: OpenedFlags | null,
  parts: FlagParts,
): OpenedFlags {
  const { clock, log, random, instanceId } = parts
  const { url, appName, interval, usageInterval, streaming } = unleash
  const token = loaded.reveal(unleash.token)
  const environment = unleash.environment ?? environmentOf(token.reveal())
  const whose = JSON.stringify([url, environment])
  const server = { url, token, appName, instanceId, intervalMs: interval }
  const place =
    unleash.backup === false
      ? null
      : { file: besideConfig(loaded.file, unleash.backup), url, environment }
  const source = unleashFlagSource({
    server,
    fetch,
    clock,
    log,
    random,
    kept:
      heldBy(before, whose, clock) ??
      (place === null ? null : readBackup(place, clock.wallMs(), log)) ??
      bootstrapOf(loaded, unleash.bootstrap, log),
    backup: place === null ? null : fileBackup(place, { clock, log }),
    usage: usageOf({
      url,
      token,
      appName,
      environment: environment ?? DEFAULT_ENVIRONMENT,
      instanceId,
      version: packageJson.version,
      intervalMs: usageInterval,
      clock,
      log,
    }),
    doorbell: streaming
      ? (ring) => followDoorbell(server, ring, { fetch, clock, log, random })
      : null,
  })
  return {
    source,
    asked: firstWord(source.asked, clock),
    key: flagsKey(loaded),
    whose,
  }
}

/** unleash-client takes a tenth of a second to load, and nothing waits for what it does here. */
function usageOf(options: UsageOptions): { count(use: FlagUse): void; close(): Promise<void> } {
  const loading = import('./flag-sources/unleash-usage.ts').then(({ unleashUsage }) =>
    unleashUsage(options),
  )
  let usage: Awaited<typeof loading> | null = null
  void loading.then((loaded) => {
    usage = loaded
  })
  return { count: (use) => usage?.count(use), close: async () => (await loading).close() }
}

/** After a reload: the same server in the same words has not said anything else meanwhile about this environment. */
function heldBy(
  before: OpenedFlags | null,
  whose: string,
  clock: Clock,
): KeptFlags<FlagDocument> | null {
  const snapshot = before?.source.current() ?? null
  if (snapshot === null || before?.whose !== whose) return null
  const { document, readAtMs, revision = null } = snapshot
  const ageMs = clock.monotonicMs() - readAtMs
  return { document, ageMs, words: 'what was read before the reload', revision }
}

/** For a first start without the server: as old as this process. */
function bootstrapOf(
  loaded: LoadedConfig,
  bootstrap: string | undefined,
  log: Log,
): KeptFlags<FlagDocument> | null {
  if (bootstrap === undefined) return null
  const file = besideConfig(loaded.file, bootstrap)
  const read = readFileNow(file)
  const parsed = read.ok ? parseDocument(read.text) : { ok: false as const, faults: [read.fault] }
  if (parsed.ok) {
    return { document: parsed.document, ageMs: 0, words: `the bootstrap ${shownPath(file)}` }
  }
  const why = parsed.faults.join('; ')
  log.warn('the bootstrap of the flags is not used', { file: shownPath(file), why })
  return null
}

/** Settles with it, or when a start has waited long enough. */
function firstWord(asked: Promise<void>, clock: Clock): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = clock.setTimer(resolve, FIRST_WORD_MS)
  return Promise.race([asked.then(() => clock.clearTimer(timer)), late])
}
