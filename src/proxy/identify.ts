import { TIMEOUT_CLASSES } from '../config/schema/upstream.ts'
import type { Caller } from '../ports.ts'
import type { Arm, FlagContext, UnitSource } from '../types.ts'
import { type Admitted, type Refused, refusedAs } from './admit.ts'
import { type Ask, askOf, bodyUnitOf } from './ask.ts'
import { encodeUnit } from './bucket.ts'
import type { Endpoint } from './endpoint.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Gate } from './gate.ts'
import { headerOf } from './headers.ts'
import { isBound } from './pin.ts'
import type { KnownCaller, Rollout, Routes, TimeoutClass, Upstream } from './routes.ts'
import { memberOf, stringOf } from './scan.ts'
import { responseIdIn } from './stored.ts'
import type { Target } from './target.ts'

/** Who asks, for what, and which rollout has a say in it. */
export interface Identity {
  readonly requestId: string
  readonly endpoint: Endpoint
  readonly target: Target
  readonly routes: Routes
  readonly rollout: Rollout | null
  /** Where it goes unless it is the canary's. */
  readonly control: Upstream
  /** Null where the body only passes through. */
  readonly ask: Ask | null
  readonly callerName: string | null
  readonly unit: string | null
  readonly unitSource: UnitSource | null
  readonly bound: boolean
  /** The arm that made the stored response it refers to, where that is followed and known. */
  readonly owner: Arm | null
  readonly excluded: boolean
  readonly forced: 'control' | 'canary' | null
  readonly timeoutClass: TimeoutClass | null
}

/** @param body the whole of it; null where nobody looks inside */
export function identify(
  caller: Caller,
  gate: Gate,
  admitted: Admitted,
  body: Uint8Array | 'too_large' | null,
): Identity | Refused {
  const { requestId, endpoint, target, routes, known } = admitted
  const { headers } = caller
  if (body === 'too_large' || (body === null && isTooLong(headers, routes))) {
    return refusedAs(admitted, 'body_too_large')
  }
  const ask = body === null ? null : askOf(endpoint, body)
  if (ask === null && body !== null) return refusedAs(admitted, 'invalid_json')

  const rollout = rolloutOf(routes, target.path, headers, ask)
  const control = rollout?.control ?? routes.defaults[endpoint.dialect]
  if (control === null) return refusedAs(admitted, 'no_upstream')
  const unit =
    rollout === null || ask === null
      ? null
      : unitOf(rollout, endpoint, ask, caller, known, requestId)
  return {
    requestId,
    endpoint,
    target,
    routes,
    rollout,
    control,
    ask,
    callerName: known?.name ?? null,
    unit: unit === null ? null : encodeUnit(unit.unit),
    unitSource: unit?.source ?? null,
    bound:
      ask === null
        ? endpoint.name !== 'models'
        : isBound(endpoint, ask.body, ask.members, ask.marks, follows(rollout)),
    owner: ownerOf(gate, rollout, target.path, ask),
    excluded: rollout !== null && ask !== null && isExcluded(rollout, headers, ask, known),
    forced: forcedOf(rollout, headerOf(headers, 'x-headgate-arm')),
    timeoutClass: classOf(headerOf(headers, 'x-headgate-class')),
  }
}

/** One that says its length; others are cut off where they pass the bound. */
function isTooLong(headers: Caller['headers'], { maxUploadBytes }: Routes): boolean {
  return Number(headerOf(headers, 'content-length') ?? 0) > maxUploadBytes
}

/** What a flag may ask about this request. A header that is not there gives no property: constraints see it as absent. */
export function flagContextOf(identity: Identity, headers: Caller['headers']): FlagContext {
  const { endpoint, ask, target, timeoutClass, routes } = identity
  const { appName, environment, mapped } = routes.flagContext
  const properties: Record<string, string> = {
    model: ask?.model ?? '',
    dialect: endpoint.dialect,
    path: target.path,
    stream: String(ask?.stream ?? false),
    class: timeoutClass ?? '',
    caller: identity.callerName ?? '',
    rollout: identity.rollout?.name ?? '',
    appName,
    environment,
  }
  for (const [property, header] of mapped) {
    const value = headerOf(headers, header)
    if (value !== null) properties[property] = value
  }
  return { unit: identity.unit, properties }
}

/** The first rollout that matches; for what lies below a rollout's path, that rollout's control owns it. */
function rolloutOf(
  routes: Routes,
  path: string,
  headers: Caller['headers'],
  ask: Ask | null,
): Rollout | null {
  for (const rollout of routes.byPath.get(path) ?? []) {
    const { models, headers: wanted } = rollout.config.match
    if (models !== undefined && (ask?.model == null || !models.includes(ask.model))) continue
    if (wanted !== undefined && !allHeaders(headers, wanted)) continue
    return rollout
  }
  if (routes.byPath.has(path)) return null
  for (const [owned, rollouts] of routes.byPath) {
    if (path.startsWith(`${owned}/`)) return rollouts[0] ?? null
  }
  return null
}

function allHeaders(
  headers: Caller['headers'],
  wanted: Readonly<Record<string, readonly string[]>>,
): boolean {
  return Object.entries(wanted).every(([name, values]) => {
    const value = headerOf(headers, name)
    return value !== null && values.includes(value)
  })
}

/** Whether the canary may be asked for this model. */
export function takesModel({ canary, config }: Rollout, model: string | null): boolean {
  if (canary.models !== null && (model === null || !canary.models.has(model))) return false
  return model === null || config.exclude.models?.includes(model) !== true
}

function isExcluded(
  rollout: Rollout,
  headers: Caller['headers'],
  ask: Ask,
  known: KnownCaller | null,
): boolean {
  const { exclude } = rollout.config
  if (!takesModel(rollout, ask.model)) return true
  if (known?.rollouts != null && !known.rollouts.has(rollout.name)) return true
  if (exclude.tools && ask.tools) return true
  if (exclude.images && ask.marks.image) return true
  const unwanted = exclude.headers
  if (unwanted === undefined) return false
  return Object.entries(unwanted).some(([name, values]) => {
    const value = headerOf(headers, name)
    return value !== null && values.includes(value)
  })
}

function unitOf(
  rollout: Rollout,
  endpoint: Endpoint,
  ask: Ask,
  caller: Caller,
  known: KnownCaller | null,
  requestId: string,
): { unit: string; source: UnitSource } | null {
  if (known?.unitIsCaller) return { unit: known.name, source: 'caller' }
  const chain = rollout.config.unit
  const header = chain.header ? headerOf(caller.headers, 'x-headgate-unit') : null
  if (header !== null && header !== '') return { unit: header, source: 'header' }
  const body = chain.body ? bodyUnitOf(ask) : null
  if (body !== null) return { unit: body, source: 'body' }
  if (chain.conversation && endpoint.wire !== null) {
    const fingerprint = fingerprintOf(endpoint.wire, ask.body, ask.members)
    if (fingerprint !== null) return { unit: fingerprint, source: 'conversation' }
  }
  return chain.request ? { unit: requestId, source: 'request' } : null
}

function follows(rollout: Rollout | null): boolean {
  return rollout?.config.responses.stored === 'follow'
}

function ownerOf(gate: Gate, rollout: Rollout | null, path: string, ask: Ask | null): Arm | null {
  if (!follows(rollout)) return null
  const previous = ask === null ? null : memberOf(ask.members, 'previous_response_id')
  const id =
    ask === null || previous === null
      ? responseIdIn(path)
      : stringOf(ask.body, previous.valueStart, previous.valueEnd)
  return id === null ? null : gate.stored.ownerOf(id)
}

/** Anyone may ask for control. The canary only where config says so; elsewhere the header means nothing. */
function forcedOf(rollout: Rollout | null, asked: string | null): 'control' | 'canary' | null {
  if (asked === 'control') return 'control'
  return asked === 'canary' && rollout?.config.force === true ? 'canary' : null
}

function classOf(asked: string | null): TimeoutClass | null {
  return TIMEOUT_CLASSES.find((each) => each === asked) ?? null
}
