/**
 * The part of unleash-client 6.12.1 that the core uses, typed here because the package's own types bring in
 * Node's, which the portable core must not see.
 */
export interface UnleashContext {
  userId?: string
  sessionId?: string
  remoteAddress?: string
  environment?: string
  appName?: string
  currentTime?: Date
  properties?: Record<string, string>
}

export interface UnleashVariant {
  name: string
  enabled: boolean
  feature_enabled?: boolean
  payload?: { type: string; value: string }
}

export interface StrategyResult {
  enabled: boolean
  variant?: UnleashVariant
}

export interface Strategy {
  readonly name: string
  checkConstraints(context: UnleashContext, constraints?: Iterable<unknown>): boolean
  getResult(
    parameters: unknown,
    context: UnleashContext,
    constraints: Iterable<unknown>,
    variants?: unknown,
  ): StrategyResult
}

export interface Repository {
  getToggle(name: string): unknown
  getSegment(id: number): unknown
}

/** `unleash-client/lib/client` */
declare class UnleashClient {
  constructor(repository: Repository, strategies: readonly Strategy[])
  isEnabled(name: string, context: UnleashContext, fallback: () => boolean): boolean
  getVariant(name: string, context: UnleashContext, fallback?: UnleashVariant): UnleashVariant
  isParentDependencySatisfied(feature: unknown, context: UnleashContext): boolean
  yieldConstraintsFor(strategy: unknown): Iterable<unknown>
  on(event: string, listener: (argument: unknown) => void): this
}
export default UnleashClient

/** `unleash-client/lib/strategy` */
export const defaultStrategies: readonly Strategy[]
