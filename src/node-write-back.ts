import type { Config } from './config/schema.ts'
import { unleashWriteBack, type WriteBack, type WriteBackParts } from './exporters/unleash.ts'
import type { LoadedConfig } from './load-config.ts'
import { UnleashAdmin } from './unleash/admin.ts'
import { environmentOf } from './unleash/environment.ts'

/** What is written back to Unleash, as a configuration has it. */

/** Null where nothing is written back. */
export function writeBackOf(
  { config, reveal }: LoadedConfig,
  { note, clock, random, log }: Pick<WriteBackParts, 'note' | 'clock' | 'random' | 'log'>,
): WriteBack | null {
  const unleash = unleashOf(config)
  if (unleash?.writeBack === undefined) return null
  const { url, writeBack } = unleash
  const backend = environmentOf(reveal(unleash.token).reveal())
  const environment = writeBack.environment ?? backend
  if (environment === null) {
    log.error('nothing is written back: set flags.unleash.writeBack.environment')
    return null
  }
  const server = { url, token: reveal(writeBack.token), project: writeBack.project, environment }
  return unleashWriteBack({
    admin: new UnleashAdmin(server, { fetch, clock }),
    environment,
    place: JSON.stringify([url, writeBack.project, environment]),
    steps: writeBack.steps,
    flagOf: (name) => {
      const rollout = config.rollouts[name]
      return rollout === undefined
        ? null
        : { flag: rollout.flag, groupId: rollout.groupId ?? rollout.flag }
    },
    note,
    clock,
    random,
    log,
  })
}

/** What a change of makes another write-back; a secret itself, so it never leaves this process. */
export function writeBackKey({ config, reveal }: LoadedConfig): string {
  const unleash = unleashOf(config)
  if (unleash?.writeBack === undefined) return ''
  const tokens = [unleash.token, unleash.writeBack.token].map((ref) => reveal(ref).reveal())
  const flags = Object.entries(config.rollouts).map(([name, { flag, groupId }]) => [
    name,
    flag,
    groupId,
  ])
  const { url, writeBack } = unleash
  return JSON.stringify([url, writeBack, tokens, flags])
}

function unleashOf({ flags }: Config) {
  return flags !== undefined && 'unleash' in flags ? flags.unleash : undefined
}
