import type { FlagDocument } from '../flag/document.ts'
import type { AskedFlags } from '../ports.ts'

/**
 * What an OpenFeature provider answered, as an Unleash document. What could not be read changes nothing upwards: a share
 * may fall and a kill may come with half a round of answers, and everything else waits for a whole one.
 */

/** The share of a flag: 0..100, whole percents; `on` is everyone, whatever the bucket; `missing` is nobody. */
export type Share = number | 'on' | 'off' | 'missing'

export type Kill = 'on' | 'off' | 'missing'

/** One flag's answer. */
export interface Answer<Value> {
  /** Null where nothing can be taken from it. */
  readonly value: Value | null
  /** Why it is not to be relied on; null where it is. */
  readonly fault: string | null
}

/** The answers of one round, by name. */
export interface Answers {
  readonly shares: ReadonlyMap<string, Answer<Share>>
  readonly kills: ReadonlyMap<string, Answer<Kill>>
}

/** What holds. */
export interface Known {
  readonly shares: ReadonlyMap<string, Share>
  readonly kills: ReadonlyMap<string, Kill>
}

export interface Settled {
  /** Null until a first whole round. */
  readonly known: Known | null
  /** Everything that was asked was answered, and is not in doubt. */
  readonly whole: boolean
  /** What a person should know; null when all is well. A whole round may have one. */
  readonly fault: string | null
}

/** @param doubt why no answer of this round is to be relied on, whatever it says; null where there is none */
export function settle(before: Known | null, round: Answers, doubt: string | null): Settled {
  const faults = [...round.shares.values(), ...round.kills.values()].flatMap(
    ({ fault }) => fault ?? [],
  )
  if (doubt !== null) faults.unshift(doubt)
  if (faults.length > 0) {
    return { known: before && lowered(before, round), whole: false, fault: faults.join('; ') }
  }
  const shares = new Map([...round.shares].map(([name, { value }]) => [name, value ?? 'missing']))
  const kills = new Map([...round.kills].map(([name, { value }]) => [name, value ?? 'on']))
  const gone: string[] = []
  for (const [name, value] of kills) {
    if (value !== 'missing' || before?.kills.get(name) !== 'on') continue
    kills.set(name, 'on')
    gone.push(`kill flag "${name}" was on and is not there any more: it stays on until it is false`)
  }
  return { known: { shares, kills }, whole: true, fault: gone.length > 0 ? gone.join('; ') : null }
}

/**
 * The document of what is known, for these rollouts. A flag that was never asked for is not in it, and is off; a kill flag
 * that was never asked for is on.
 */
export function documentOf(known: Known, asked: readonly AskedFlags[]): FlagDocument {
  const kills = new Set(asked.map(({ kill }) => kill))
  const groups = new Map(asked.map(({ flag, groupId }) => [flag, groupId]))
  return {
    version: 2,
    segments: [],
    features: [
      ...[...groups]
        .filter(([name]) => !kills.has(name))
        .flatMap(([name, groupId]) => shareFeature(name, known.shares.get(name), groupId)),
      ...[...kills].flatMap((name) => killFeature(name, known.kills.get(name) ?? 'on')),
    ],
  }
}

type Features = FlagDocument['features']

function shareFeature(name: string, share: Share | undefined, groupId: string): Features {
  switch (share) {
    case undefined:
    case 'missing':
      return []
    case 'on':
    case 'off':
      return [{ name, enabled: share === 'on', strategies: [{ name: 'default' }] }]
    default: {
      const parameters = { rollout: share, stickiness: 'default', groupId }
      return [{ name, enabled: true, strategies: [{ name: 'flexibleRollout', parameters }] }]
    }
  }
}

function killFeature(name: string, kill: Kill): Features {
  if (kill === 'missing') return []
  return [{ name, enabled: kill === 'on', strategies: [{ name: 'default' }] }]
}

/** Of each the lower: what a round with a fault may do. */
function lowered(before: Known, round: Answers): Known {
  const shares = new Map(before.shares)
  for (const [name, { value }] of round.shares) {
    const held = shares.get(name) ?? 'missing'
    if (value !== null && percentOf(value) < percentOf(held)) shares.set(name, value)
  }
  const kills = new Map(before.kills)
  for (const [name, { value }] of round.kills) if (value === 'on') kills.set(name, 'on')
  return { shares, kills }
}

function percentOf(share: Share): number {
  if (typeof share === 'number') return share
  return share === 'on' ? 100 : 0
}
