/**
 * What a flag says: unleash-client's own evaluator over a document in memory, the same on every runtime.
 * The one thing to know: gradual strategies become a ceiling on Headgate's own bucket and are never drawn here; anything
 * else is asked of the evaluator, request by request, and takes the request out of the evidence.
 */
import * as clientModule from 'unleash-client/lib/client.js'
import { defaultStrategies } from 'unleash-client/lib/strategy/index.js'
import type { FlagContext, FlagRule, FlagVerdict, ShareBp } from '../types.ts'
import {
  type FlagDocument,
  type FlagFeature,
  type FlagStrategy,
  isFilled,
  wholePercentOf,
  writtenPercentOf,
} from './document.ts'
import type {
  Strategy,
  StrategyResult,
  default as UnleashClient,
  UnleashContext,
  UnleashVariant,
} from './unleash-evaluator.d.ts'

/** The variant that means canary. A request given any other variant stays with control. */
const CANARY_VARIANT = 'canary'

/** Nobody is in; as a verdict, a ceiling of 0. */
const NOBODY: FlagVerdict = { shareBp: 0, drawn: true }
const FOLLOW_ON: FlagVerdict = { shareBp: 10_000, drawn: false }
const FOLLOW_OFF: FlagVerdict = { shareBp: 0, drawn: false }
const OFF: FlagRule = { kind: 'off' }

/** unleash-client's answers about any feature of one document. Never throws. */
export interface Evaluator {
  /** False for a feature that is not in the document. A strategy that throws counts as off. */
  isEnabled(name: string, context: UnleashContext): boolean
  /** `{name: 'disabled', enabled: false}` when the feature is off, absent, or gives no variant. */
  variantOf(name: string, context: UnleashContext): UnleashVariant
}

/** Answers as the Unleash client specification wants them; made once per document. */
export function evaluatorOf(document: FlagDocument): Evaluator {
  const { client } = compiledOf(document)
  return {
    isEnabled(name, context) {
      try {
        return client.isEnabled(name, context, () => false)
      } catch {
        return false
      }
    },
    variantOf(name, context) {
      try {
        return client.getVariant(name, context)
      } catch {
        return { name: 'disabled', enabled: false, feature_enabled: false }
      }
    },
  }
}

/**
 * One flag as one rollout uses it (PRODUCT.md, "The flag's number"); compiled once per document.
 *
 * - `off`: the feature is absent or disabled.
 * - `ceiling`: every strategy is unconditional and plain, that is `default`, or gradual with this groupId and the unit
 *   for stickiness. The ceiling is the greatest of their percents; 10,000 for a feature without strategies.
 * - `context`: anything else. Per request, the ceiling is the greatest percent among the plain strategies whose
 *   constraints and segments are satisfied. If a strategy of another kind (other groupId, random, session or custom
 *   stickiness, user ids, addresses, variants) turns the flag on, the request follows it: 10,000, or 0 when its
 *   variant is not named `canary`, not drawn. As in Unleash the first strategy that is on gives the variant, or none. A request without a unit is never in. Its `verdictOf` never throws.
 *
 * Strategies at 0 %, of a name unleash-client does not know, or with a missing segment are on for nobody, as there.
 */
export function ruleOf(document: FlagDocument, flag: string, groupId: string): FlagRule {
  const { rules } = compiledOf(document)
  const key = JSON.stringify([flag, groupId])
  let rule = rules.get(key)
  if (rule === undefined) {
    rule = compile(document, flag, groupId)
    rules.set(key, rule)
  }
  return rule
}

/**
 * Whether the kill flag stops the canary. In doubt it does: an enabled kill flag counts unless every one of its
 * strategies is a gradual one written at 0 %. Constraints, segments, parents, percents below 100 and strategies nobody
 * knows do not narrow a kill. A kill flag that is not in the document kills nothing (`adviseOn` warns of it), unless it
 * was on before it went: who archives a switch has not turned it off.
 * @param before whether it was on in the document before this one
 */
export function killedBy(document: FlagDocument, killFlag: string, before = false): boolean {
  const feature = compiledOf(document).features.get(killFlag)
  if (feature === undefined) return before
  if (!feature.enabled) return false
  if (feature.strategies.length === 0) return true
  return feature.strategies.some((strategy) => writtenPercentOf(strategy) !== 0)
}

/** Strategies that unleash-client has code for. */
export const KNOWN_STRATEGIES: ReadonlySet<string> = new Set(
  defaultStrategies.map((strategy) => strategy.name),
)

interface Compiled {
  readonly client: UnleashClient
  readonly features: ReadonlyMap<string, FlagFeature>
  readonly rules: Map<string, FlagRule>
}

const compiledDocuments = new WeakMap<FlagDocument, Compiled>()

function compiledOf(document: FlagDocument): Compiled {
  let compiled = compiledDocuments.get(document)
  if (compiled === undefined) {
    // Without `impressionData` the evaluator makes no event that nobody reads.
    const features = new Map(
      document.features.map((one) => [one.name, { ...one, impressionData: false }]),
    )
    const segments = new Map((document.segments ?? []).map((one) => [one.id, one]))
    const client = new Client(
      {
        getToggle: (name) => features.get(name),
        getSegment: (id) => segments.get(id),
      },
      safeStrategies,
    )
    // An `error` event without a listener would throw.
    client.on('error', () => {})
    compiled = { client, features, rules: new Map() }
    compiledDocuments.set(document, compiled)
  }
  return compiled
}

/** CommonJS: Node gives the module for its default export, bundlers and Vitest give the class. */
const Client: typeof UnleashClient =
  (clientModule.default as unknown as { default?: typeof UnleashClient }).default ??
  clientModule.default

/** unleash-client's strategies, each with a throw turned into off, so that the others still count. */
const safeStrategies: readonly Strategy[] = defaultStrategies.map((strategy) => {
  const safe = Object.create(strategy) as { -readonly [Key in keyof Strategy]: Strategy[Key] }
  safe.getResult = (parameters, context, constraints, variants) => {
    try {
      return strategy.getResult(parameters ?? {}, context, constraints, variants)
    } catch {
      return { enabled: false }
    }
  }
  safe.checkConstraints = (context, constraints) => {
    try {
      return strategy.checkConstraints(context, constraints)
    } catch {
      return false
    }
  }
  return safe
})

/** One strategy of a flag, in the order of the document: Unleash asks the first that is on for a variant. */
interface Ruled {
  readonly strategy: Strategy
  readonly constraints: readonly unknown[]
  readonly written: FlagStrategy
  /** What it lets through where it is plain; null where it draws in another way. */
  readonly shareBp: ShareBp | null
}

function compile(document: FlagDocument, flag: string, groupId: string): FlagRule {
  const { client, features } = compiledOf(document)
  const feature = features.get(flag)
  if (feature === undefined || !feature.enabled) return OFF

  const ruled: Ruled[] = []
  for (const written of feature.strategies) {
    const strategy = safeStrategies.find((one) => one.name === written.name)
    const constraints = [...client.yieldConstraintsFor(written)]
    // On for nobody. A segment that is not in the document comes as undefined and is never satisfied.
    if (strategy === undefined || constraints.includes(undefined)) continue
    if (wholePercentOf(written) === 0) continue
    ruled.push({ strategy, constraints, written, shareBp: plainShareOf(written, groupId) })
  }

  const depends = isFilled(feature.dependencies)
  const chooses = isFilled(feature.variants)
  if (!depends && !chooses && ruled.every(({ shareBp }) => shareBp !== null)) {
    if (feature.strategies.length === 0) return { kind: 'ceiling', shareBp: 10_000 }
    if (ruled.every(({ constraints }) => constraints.length === 0)) {
      return { kind: 'ceiling', shareBp: Math.max(0, ...ruled.map((one) => one.shareBp ?? 0)) }
    }
  }

  const verdictIn = (context: UnleashContext): FlagVerdict => {
    if (chooses) return followed(client.getVariant(flag, context))
    if (depends && !client.isParentDependencySatisfied(feature, context)) return NOBODY
    if (feature.strategies.length === 0) return { shareBp: 10_000, drawn: true }
    return verdictOf(ruled, context)
  }

  return {
    kind: 'context',
    verdictOf(context) {
      // unleash-client would draw at random for want of a userId, and an empty one is none to it.
      if (!context.unit) return NOBODY
      try {
        return verdictIn(unleashContextOf(context.unit, context))
      } catch {
        return NOBODY
      }
    },
  }
}

/** Strategies in their order, of which any may turn the flag on. */
function verdictOf(ruled: readonly Ruled[], context: UnleashContext): FlagVerdict {
  let plain: Ruled | null = null
  let mixed = false
  for (const one of ruled) {
    const { strategy, constraints, written, shareBp } = one
    if (shareBp !== null) {
      const wider = plain === null || shareBp > (plain.shareBp ?? 0)
      if (wider && strategy.checkConstraints(context, constraints)) plain = one
      continue
    }
    const { variants } = written
    // Who is in by a plain strategy before it is given no variant.
    if (plain !== null && isFilled(variants) && strategy.checkConstraints(context, constraints)) {
      if (resultOf(plain, context).enabled) return FOLLOW_ON
      mixed = true
    }
    const result = resultOf(one, context)
    if (!result.enabled) continue
    if (!isFilled(variants)) return FOLLOW_ON
    return result.variant?.name === CANARY_VARIANT ? FOLLOW_ON : FOLLOW_OFF
  }
  if (plain === null) return NOBODY
  if (mixed) return resultOf(plain, context).enabled ? FOLLOW_ON : FOLLOW_OFF
  return { shareBp: plain.shareBp ?? 0, drawn: true }
}

function resultOf(
  { strategy, constraints, written: { parameters, variants } }: Ruled,
  context: UnleashContext,
): StrategyResult {
  return strategy.getResult(parameters, context, constraints, variants)
}

/**
 * The share of a plain strategy: one that Headgate's own bucket nests with.
 *
 * @returns 0..10,000, whole percents; null for any other kind
 */
function plainShareOf(strategy: FlagStrategy, groupId: string): ShareBp | null {
  if (isFilled(strategy.variants)) return null
  if (strategy.name === 'default') return 10_000
  const draws =
    strategy.name === 'gradualRolloutUserId' ||
    (strategy.name === 'flexibleRollout' &&
      ['default', 'userId'].includes(String(strategy.parameters?.stickiness || 'default')))
  if (!draws || strategy.parameters?.groupId !== groupId) return null
  return (wholePercentOf(strategy) ?? 0) * 100
}

/** A variant list none of whose variants was given is doubt, and doubt means control. */
function followed(variant: UnleashVariant): FlagVerdict {
  return variant.enabled && variant.name === CANARY_VARIANT ? FOLLOW_ON : FOLLOW_OFF
}

/**
 * The unit is the `userId`, and the `sessionId` too unless config maps one: unleash-client is never on for a session that
 * is not there.
 */
function unleashContextOf(unit: string, { properties }: FlagContext): UnleashContext {
  const { appName, environment, sessionId, remoteAddress } = properties
  return {
    userId: unit,
    sessionId: sessionId ?? unit,
    properties,
    ...(remoteAddress === undefined ? {} : { remoteAddress }),
    ...(appName === undefined ? {} : { appName }),
    ...(environment === undefined ? {} : { environment }),
  }
}
