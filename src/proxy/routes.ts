import type { Planted } from '../compare/planted.ts'
import type { BudgetConfig } from '../config/schema/budget.ts'
import { TIMEOUT_CLASSES } from '../config/schema/upstream.ts'
import type { SecretRef } from '../config/schema/values.ts'
import type { Config, RolloutConfig, UpstreamConfig } from '../config/schema.ts'
import type { Secret } from '../config/secret.ts'
import { isList } from '../config/secrets.ts'
import type { FlatHeaders, Origin } from '../ports.ts'
import type { Dialect } from '../types.ts'
import { DEFAULT_ENVIRONMENT, environmentOf } from '../unleash/environment.ts'
import type { AdmissionRules } from './limit.ts'
import { formsOf } from './redact.ts'
import type { RetryRules } from './retry.ts'

/** The configuration as the request path wants it: compiled once, immutable, replaced whole on a reload. */

export type TimeoutClass = (typeof TIMEOUT_CLASSES)[number]

/** Milliseconds. */
export interface Timeouts {
  readonly connect: number
  readonly firstByte: number
  readonly idle: number
  readonly total: number
}

/** Defaults: a dead host shows at once, a reasoning model may think for minutes. */
const DEFAULT_TIMEOUTS: Timeouts = {
  connect: 3_000,
  firstByte: 120_000,
  idle: 60_000,
  total: 600_000,
}

export interface Upstream extends Origin {
  /** Replaces `/v1` of the caller's path; empty or `/v1` or `/api/v1`, without a slash at its end. */
  readonly basePath: string
  /** Credential and fixed headers, sent last; one for each key. A function, so that printing an upstream prints no secret. */
  readonly tails: () => readonly Readonly<FlatHeaders>[]
  readonly tailNames: ReadonlySet<string>
  /** What must not come back from it. A function for the same reason. */
  readonly secrets: () => readonly string[]
  readonly passthrough: boolean
  readonly models: ReadonlyMap<string, string> | null
  readonly answersAsAsked: boolean
  readonly params: UpstreamConfig['params'] | null
  readonly asksUsage: boolean
  readonly timeouts: Timeouts
  readonly classes: ReadonlyMap<TimeoutClass, Timeouts>
  /** Null where nothing is tried twice. */
  readonly retry: RetryRules | null
  /** Null without limits. */
  readonly limits: AdmissionRules | null
}

export interface Rollout {
  readonly name: string
  readonly control: Upstream
  readonly canary: Upstream
  readonly groupId: string
  readonly config: RolloutConfig
  /** Keys that only its canary has seen. A function, so that printing a rollout prints none. */
  readonly planted: () => readonly Planted[]
}

/** A planted key, and whose it is. */
export interface PlantedAt {
  readonly rollout: string
  readonly name: string
}

/** A known caller; what it may meet. */
export interface KnownCaller {
  readonly name: string
  readonly rollouts: ReadonlySet<string> | null
  readonly unitIsCaller: boolean
  /** Null without limits. */
  readonly limits: AdmissionRules | null
  readonly budget: BudgetConfig | undefined
}

export interface Routes {
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly rollouts: ReadonlyMap<string, Rollout>
  /** In the order of config: the first match wins. */
  readonly byPath: ReadonlyMap<string, readonly Rollout[]>
  readonly defaults: Readonly<Record<Dialect, Upstream | null>>
  /** By SHA-256 of the token, in hex; null when anyone may call. */
  readonly callers: ReadonlyMap<string, KnownCaller> | null
  /** Where a key is planted, if it is; null where none are. */
  readonly plantedAt: ((key: string) => readonly PlantedAt[]) | null
  readonly maxBodyBytes: number
  readonly maxUploadBytes: number
  readonly flagContext: FlagContextRules
}

/** What flags are told beside what every request says by itself. */
export interface FlagContextRules {
  readonly appName: string
  readonly environment: string
  /** Property, and the header it comes from. */
  readonly mapped: readonly (readonly [property: string, header: string])[]
}

/** @param reveal finds what a reference points to; it must know every reference of the config */
export function routesOf(config: Config, reveal: (ref: SecretRef) => Secret): Routes {
  const upstreams = new Map<string, Upstream>()
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    upstreams.set(name, upstreamOf(name, upstream, config, reveal))
  }
  const rollouts = new Map<string, Rollout>()
  const byPath = new Map<string, Rollout[]>()
  for (const [name, rollout] of Object.entries(config.rollouts)) {
    const control = upstreams.get(rollout.control)
    const canary = upstreams.get(rollout.canary)
    if (control === undefined || canary === undefined) continue
    const groupId = rollout.groupId ?? rollout.flag
    const planted = (rollout.shadow?.planted ?? []).map((one) => ({
      name: one.name,
      secret: reveal(one.secret).reveal(),
    }))
    const compiled = { name, control, canary, groupId, config: rollout, planted: () => planted }
    rollouts.set(name, compiled)
    for (const path of rollout.match.paths) {
      const list = byPath.get(path) ?? []
      list.push(compiled)
      byPath.set(path, list)
    }
  }
  const first = rollouts.values().next().value?.control ?? null
  const defaultOf = (name: string | undefined): Upstream | null =>
    name === undefined ? first : (upstreams.get(name) ?? null)
  return {
    upstreams,
    rollouts,
    byPath,
    defaults: {
      openai: defaultOf(config.default.openai),
      anthropic: defaultOf(config.default.anthropic),
    },
    callers: callersOf(config),
    plantedAt: plantedIn([...rollouts.values()]),
    maxBodyBytes: config.server.maxBody,
    maxUploadBytes: config.server.maxUpload,
    flagContext: flagContextRulesOf(config, reveal),
  }
}

function plantedIn(rollouts: readonly Rollout[]): Routes['plantedAt'] {
  const places = new Map<string, PlantedAt[]>()
  for (const { name: rollout, planted } of rollouts) {
    for (const { name, secret } of planted()) {
      places.set(secret, [...(places.get(secret) ?? []), { rollout, name }])
    }
  }
  return places.size === 0 ? null : (key) => places.get(key) ?? []
}

function flagContextRulesOf(
  { flags }: Config,
  reveal: (ref: SecretRef) => Secret,
): FlagContextRules {
  // A provider was asked before there was a request: it has no constraints to ask about one.
  if (flags === undefined || 'openFeature' in flags) {
    return { appName: '', environment: '', mapped: [] }
  }
  const mapped = Object.entries(flags.context)
  if ('file' in flags) return { appName: flags.appName, environment: flags.environment, mapped }
  const { appName, environment, token } = flags.unleash
  const named = environment ?? environmentOf(reveal(token).reveal()) ?? DEFAULT_ENVIRONMENT
  return { appName, environment: named, mapped }
}

/** The timeouts that hold for one attempt. */
export function timeoutsOf(upstream: Upstream, timeoutClass: TimeoutClass | null): Timeouts {
  if (timeoutClass === null) return upstream.timeouts
  return upstream.classes.get(timeoutClass) ?? upstream.timeouts
}

function upstreamOf(
  name: string,
  upstream: UpstreamConfig,
  config: Config,
  reveal: (ref: SecretRef) => Secret,
): Upstream {
  const url = new URL(upstream.baseUrl)
  const secrets: string[] = []
  const tails = tailsOf(upstream, (ref) => {
    const secret = reveal(ref)
    secrets.push(...formsOf(secret.reveal()))
    return secret
  })
  const timeouts = timeoutsFrom(DEFAULT_TIMEOUTS, upstream.timeouts)
  const classes = new Map<TimeoutClass, Timeouts>()
  for (const each of TIMEOUT_CLASSES) {
    const general = config.classes[each]
    const own = upstream.classes[each]
    if (general === undefined && own === undefined) continue
    classes.set(each, timeoutsFrom(timeoutsFrom(timeouts, general ?? {}), own ?? {}))
  }
  const { rename, drop } = upstream.params
  const changesParams =
    Object.keys(rename).length + drop.length + Object.keys(upstream.params.default).length > 0
  return {
    name,
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ''),
    http2: upstream.http2,
    connectTimeoutMs: timeouts.connect,
    tails: () => tails,
    secrets: () => secrets,
    tailNames: new Set(tails[0]?.filter((_, index) => index % 2 === 0)),
    passthrough: upstream.auth === 'passthrough',
    models: upstream.models === undefined ? null : new Map(Object.entries(upstream.models)),
    answersAsAsked: upstream.answerModel === 'asked',
    params: changesParams ? upstream.params : null,
    asksUsage: upstream.usage.ask,
    timeouts,
    classes,
    retry: retryOf(upstream),
    limits: limitsOf(upstream),
  }
}

function retryOf({ retry }: UpstreamConfig): RetryRules | null {
  if (retry.attempts === 1) return null
  const { attempts, on, backoff, maxWait } = retry
  return { attempts, on: new Set(on), backoffMs: backoff, maxWaitMs: maxWait }
}

function limitsOf({ limits }: UpstreamConfig): AdmissionRules | null {
  const { concurrency = null, rpm = null, tpm = null, queue } = limits
  if (concurrency === null && rpm === null && tpm === null) return null
  return { concurrency, rpm, tpm, queue: { size: queue.size, waitMs: queue.wait } }
}

function timeoutsFrom(base: Timeouts, own: UpstreamConfig['timeouts']): Timeouts {
  return {
    connect: own.connect ?? base.connect,
    firstByte: own.firstByte ?? base.firstByte,
    idle: own.idle ?? base.idle,
    total: own.total ?? base.total,
  }
}

function tailsOf(
  upstream: UpstreamConfig,
  reveal: (ref: SecretRef) => Secret,
): readonly FlatHeaders[] {
  const fixed: FlatHeaders = []
  for (const [name, value] of Object.entries(upstream.headers)) {
    fixed.push(name, typeof value === 'string' ? value : reveal(value).reveal())
  }
  const { auth } = upstream
  if (typeof auth === 'string') return [fixed]
  const tailsWith = (name: string, keys: SecretRef | readonly SecretRef[], before = '') =>
    (isList(keys) ? keys : [keys]).map((key) => [...fixed, name, before + reveal(key).reveal()])
  if ('bearer' in auth) return tailsWith('authorization', auth.bearer, 'Bearer ')
  if ('apiKey' in auth) return tailsWith('x-api-key', auth.apiKey)
  return tailsWith(auth.header.name, auth.header.value)
}

function callersOf(config: Config): ReadonlyMap<string, KnownCaller> | null {
  if (config.callers.length === 0) return null
  const callers = new Map<string, KnownCaller>()
  for (const caller of config.callers) {
    callers.set(caller.sha256, {
      name: caller.name,
      rollouts: caller.rollouts === undefined ? null : new Set(caller.rollouts),
      unitIsCaller: caller.unit === 'caller',
      limits: callerLimitsOf(caller),
      budget: caller.budget,
    })
  }
  return callers
}

function callerLimitsOf(caller: Config['callers'][number]): AdmissionRules | null {
  const { concurrency = null, rpm = null } = caller
  if (concurrency === null && rpm === null) return null
  return { concurrency, rpm, tpm: null, queue: null }
}
