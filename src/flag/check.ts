import {
  type FlagDocument,
  type FlagStrategy,
  isFilled,
  PERCENT_PARAMETER,
  wholePercentOf,
  writtenPercentOf,
} from './document.ts'
import { KNOWN_STRATEGIES, killedBy, ruleOf } from './evaluate.ts'

/** What one rollout asks of a document. */
export interface FlagUse {
  /** The flag that is the rollout's ceiling. */
  readonly flag: string
  readonly kill: string
  readonly groupId: string
  /** What a constraint may ask: `userId`, `model`, what config maps. Anything is unless given. */
  readonly properties?: ReadonlySet<string> | undefined
  /** The highest step of its plan, in basis points; undefined without one, and where the plan raises the flag itself. */
  readonly highestBp?: number | undefined
}

/**
 * What a person should know about a valid document before a rollout relies on it, in plain words, most important
 * first. Nothing here is a fault: the document works as `ruleOf` and `killedBy` say. Empty when all is well;
 * constraints and segments that exist are fine.
 */
export function adviseOn(document: FlagDocument, use: FlagUse): string[] {
  return [...adviceOnKill(document, use.kill), ...adviceOnFlag(document, use)]
}

function adviceOnKill(document: FlagDocument, kill: string): string[] {
  const feature = document.features.find((one) => one.name === kill)
  if (feature === undefined) {
    return [`kill flag "${kill}" is not in the document: it cannot stop the canary`]
  }
  const advice: string[] = []
  if (killedBy(document, kill)) advice.push(`kill flag "${kill}" is on: the share is 0 %`)
  const narrowed =
    isFilled(feature.dependencies) ||
    feature.strategies.some(
      (one) => one.name !== 'default' || isFilled(one.constraints) || isFilled(one.segments),
    )
  if (narrowed) {
    advice.push(
      `kill flag "${kill}" has strategies, constraints or parents that narrow it: ` +
        'enabled, it stops the canary for everyone all the same',
    )
  }
  return advice
}

function adviceOnFlag(document: FlagDocument, use: FlagUse): string[] {
  const { flag, groupId, properties } = use
  const feature = document.features.find((one) => one.name === flag)
  if (feature === undefined) return [`flag "${flag}" is not in the document: the share is 0 %`]

  const advice: string[] = []
  if (!feature.enabled) advice.push(`flag "${flag}" is disabled: the share is 0 %`)
  if (isBeyondAscii(groupId)) {
    const written = JSON.stringify(groupId)
    advice.push(`groupId ${written} is not ASCII: Unleash's SDKs do not agree on who is in`)
  }
  for (const parent of feature.dependencies ?? []) {
    const found = document.features.find((one) => one.name === parent.feature)
    if (found === undefined) {
      advice.push(
        `flag "${flag}" depends on "${parent.feature}", which is not in the document: it is never on`,
      )
    } else if (isFilled(found.dependencies)) {
      advice.push(
        `flag "${flag}" depends on "${parent.feature}", which has a parent itself: it is never on`,
      )
    }
  }
  if (isFilled(feature.variants)) {
    advice.push(
      `flag "${flag}" has variants: only the variant named "canary" is canary; ${NOT_EVIDENCE}`,
    )
  }
  const segments = new Map((document.segments ?? []).map((one) => [one.id, one]))
  feature.strategies.forEach((strategy, index) => {
    const place = `flag "${flag}" strategies[${index}] ${strategy.name}`
    const words = [
      ...wordsOnReach(strategy, segments),
      ...wordsOnContext(strategy, segments, properties),
      ...wordsOnDraw(strategy, groupId),
    ]
    advice.push(...words.map((one) => `${place}: ${one}`))
  })
  return [...advice, ...wordsOnPlan(document, use)]
}

/** A low ceiling may be meant: it is the owner's hand on the plan. It should be no surprise. */
function wordsOnPlan(document: FlagDocument, { flag, groupId, highestBp }: FlagUse): string[] {
  const rule = ruleOf(document, flag, groupId)
  if (highestBp === undefined || rule.kind !== 'ceiling' || rule.shareBp >= highestBp) return []
  return [
    `flag "${flag}" serves ${rule.shareBp / 100} %: a plan to ${highestBp / 100} % climbs no higher until the flag is raised`,
  ]
}

const NOT_EVIDENCE = 'requests follow the flag and are left out of the evidence'

const OPERATORS: ReadonlySet<string> = new Set([
  ...['IN', 'NOT_IN', 'STR_ENDS_WITH', 'STR_STARTS_WITH', 'STR_CONTAINS', 'REGEX', 'IN_CIDR'],
  ...['NUM_EQ', 'NUM_GT', 'NUM_GTE', 'NUM_LT', 'NUM_LTE', 'DATE_AFTER', 'DATE_BEFORE'],
  ...['SEMVER_EQ', 'SEMVER_GT', 'SEMVER_LT', 'SEMVER_GTE', 'SEMVER_LTE'],
])

type Segments = ReadonlyMap<number, NonNullable<FlagDocument['segments']>[number]>

/** What a constraint asks that no request says. */
function wordsOnContext(
  strategy: FlagStrategy,
  segments: Segments,
  properties: ReadonlySet<string> | undefined,
): string[] {
  if (properties === undefined) return []
  const own = strategy.constraints ?? []
  const inherited = (strategy.segments ?? []).flatMap((id) => segments.get(id)?.constraints ?? [])
  const asked = new Set([...own, ...inherited].map(({ contextName }) => contextName))
  return [...asked]
    .filter((name) => !properties.has(name))
    .map((name) => {
      const written = JSON.stringify(name)
      return `asks for ${written}, which no request has: map it to a header under flags.context`
    })
}

/** Why a strategy reaches nobody, or fewer than it says. */
function wordsOnReach(strategy: FlagStrategy, segments: Segments): string[] {
  if (!KNOWN_STRATEGIES.has(strategy.name)) {
    return ['is not a strategy of Unleash itself: it is never on']
  }
  const words: string[] = []
  for (const id of strategy.segments ?? []) {
    if (!segments.has(id)) words.push(`segment ${id} is not in the document: it is never on`)
  }
  for (const { operator } of strategy.constraints ?? []) {
    if (!OPERATORS.has(operator)) {
      words.push(`operator ${JSON.stringify(operator)} is not known: it is never on`)
    }
  }
  const key = PERCENT_PARAMETER[strategy.name]
  const percent = writtenPercentOf(strategy)
  if (percent === null) return words
  if (Number.isNaN(percent)) {
    words.push(`parameters.${key} is missing: it is never on`)
  } else if (!Number.isInteger(percent)) {
    words.push(
      `${key} ${percent} serves ${wholePercentOf(strategy)} %: Unleash takes whole percents; ` +
        'finer shares are the steps of a plan',
    )
  }
  return words
}

/** Why the flag and not Headgate's own bucket decides. */
function wordsOnDraw(strategy: FlagStrategy, groupId: string): string[] {
  if (!KNOWN_STRATEGIES.has(strategy.name)) return []
  const words: string[] = []
  if (isFilled(strategy.variants)) {
    words.push(`has variants: only the variant named "canary" is canary; ${NOT_EVIDENCE}`)
  }
  if (strategy.name === 'default') return words
  if (strategy.name !== 'flexibleRollout' && strategy.name !== 'gradualRolloutUserId') {
    return [...words, `does not draw on Headgate's bucket: ${NOT_EVIDENCE}`]
  }
  const parameters = strategy.parameters ?? {}
  if (parameters.groupId !== groupId) {
    const written = JSON.stringify(parameters.groupId || '')
    words.push(
      `groupId is ${written}, the rollout's is ${JSON.stringify(groupId)}: ` +
        `it draws other units than the plan does; ${NOT_EVIDENCE}`,
    )
  }
  const stickiness = String(parameters.stickiness || 'default')
  if (strategy.name === 'flexibleRollout' && !['default', 'userId'].includes(stickiness)) {
    words.push(
      stickiness === 'random'
        ? `stickiness is random: each request draws anew; ${NOT_EVIDENCE}`
        : `stickiness is ${JSON.stringify(stickiness)}, not the unit: ${NOT_EVIDENCE}`,
    )
  }
  return words
}

function isBeyondAscii(value: string): boolean {
  return /[^\x20-\x7e]/.test(value)
}
