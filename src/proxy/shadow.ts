/**
 * START HERE for shadows: a copy of some requests to the other arm, to compare what comes back. It begins once the caller has
 * its answer, so that nothing of it can reach the caller, make it wait, or keep it. Whatever stands in its way drops it, and is
 * counted; the first to be dropped under load is always the shadow.
 */
import type { ShadowConfig } from '../config/schema.ts'
import type { FlatHeaders } from '../ports.ts'
import type { Arm, Assignment, Pair, Reason, ShadowDrop, ShareBp, Split } from '../types.ts'
import type { Place } from './admission.ts'
import type { Exchange } from './exchange.ts'
import type { Gate } from './gate.ts'
import { headerOf } from './headers.ts'
import { flagContextOf, type Identity } from './identify.ts'
import { Kept } from './kept.ts'
import { tokensOf } from './limit.ts'
import { Nobody } from './nobody.ts'
import { observationOf } from './observation.ts'
import { type OwnExchange, ownExchange, sendOwn } from './own.ts'
import type { Took } from './pairs.ts'
import { formsOf } from './redact.ts'
import type { Rollout, Upstream } from './routes.ts'
import { mayHaveShadow, notAllowedIn } from './shadow-allow.ts'
import type { ShadowCharge } from './shadow-budget.ts'
import type { ShadowState } from './shadow-state.ts'

/** Requests that either arm could have answered. A forced, pinned, excluded or held one could not. */
const COMPARABLE: ReadonlySet<Reason> = new Set(['split', 'idle', 'flag_off'])

/** A process that comes to its timers this late has more than enough to do; after so many times it has for long. */
const LATE_MS = 50
const MOST_TRIES = 20

/**
 * Whether a request gets a shadow, drawn before it goes anywhere: how it ends has no say in it.
 * @returns where its answer is to be kept; null for none
 */
export function drawShadow(gate: Gate, identity: Identity, assignment: Assignment): Kept | null {
  const { rollout, ask, endpoint } = identity
  const config = rollout?.config.shadow
  if (
    config === undefined ||
    gate.pairs === null ||
    ask === null ||
    !COMPARABLE.has(assignment.reason)
  )
    return null
  if (!mayHaveShadow(endpoint.wire) || identity.excluded || identity.bound) return null
  const kind = kindOf(config, assignment.arm, gate.random)
  return kind === null ? null : new Kept(kind, gate.shadows.room)
}

/** A probe is drawn of all that the canary answers: its callers', and its shadows. */
function kindOf(
  { rate, both, probes }: ShadowConfig,
  arm: Arm,
  random: () => number,
): Kept['kind'] | null {
  const drawn = (shareBp: ShareBp): boolean => random() * 10_000 < shareBp
  if (arm === 'control') return drawn(rate) ? (drawn(probes) ? 'probe' : 'shadow') : null
  if (drawn(probes)) return 'probe'
  return both && drawn(rate) ? 'shadow' : null
}

/** Takes over once the caller has its answer. Returns at once, and never throws. */
export function sendShadow(exchange: Exchange, kept: Kept): void {
  const { gate, caller, identity } = exchange
  const { rollout } = identity
  const config = rollout?.config.shadow
  const shadow =
    rollout === null || config === undefined ? null : { exchange, kept, rollout, config }
  const why = shadow === null ? 'closed' : hindrance(shadow)
  if (shadow === null || why !== null) {
    kept.release()
    if (rollout !== null && why !== null) drop(gate, rollout, kept, why)
    return
  }
  const state = gate.shadows.of(shadow.rollout.name)
  state.underWay++
  const done = quiet(gate)
    .then((isQuiet) => (isQuiet ? send(shadow, state) : 'busy'))
    .then((dropped) => {
      if (dropped !== null) drop(gate, shadow.rollout, kept, dropped)
    })
    .catch((error: unknown) => {
      // A defect of ours is nobody's fault but ours.
      gate.log.error('shadow failed inside Headgate', { error: String(error) })
    })
    .finally(() => {
      state.underWay--
      kept.release()
    })
  caller.background(done)
}

/** A comparison that was drawn. */
interface Shadow {
  readonly exchange: Exchange
  readonly kept: Kept
  readonly rollout: Rollout
  readonly config: ShadowConfig
}

/** What is known at once to stand in its way, the cheapest first. */
function hindrance({ exchange, kept, rollout, config }: Shadow): ShadowDrop | null {
  const { gate, identity, assignment } = exchange
  if (gate.draining()) return 'draining'
  const { attempted } = kept
  const answered = attempted?.outcome === 'ok' && attempted.delivered
  // What failed over was answered by an arm that it was not drawn for.
  if (!answered || attempted.arm !== assignment.arm) return 'no_answer'
  if ((identity.ask?.body.length ?? 0) > config.maxBody) return 'too_large'
  const taken = kept.taken()
  if (taken === 'busy' || taken === 'too_large') return taken
  if (gate.shadows.of(rollout.name).underWay >= config.concurrency) return 'concurrency'
  if (gate.cooldowns.isCooling(rollout.name, gate.clock.monotonicMs())) return 'busy'
  return isOpen(exchange, rollout) ? null : 'closed'
}

/** What keeps callers from the canary for a reason keeps their copies from it too. A rollout that has not begun has its shadows. */
function isOpen({ gate, identity, caller }: Exchange, { name }: Rollout): boolean {
  if (gate.spent.has(name)) return false
  const splits = gate.splits()
  const split = splits?.byRollout.get(name)
  if (splits === null || split === undefined || split.killed) return false
  if (gate.clock.monotonicMs() - splits.asOfMs > splits.maxAgeMs) return false
  if (split.state === 'suspended' || split.state === 'rolled_back') return false
  return isOn(split, () => flagContextOf(identity, caller.headers))
}

/** A flag that is on at 0 % lets no caller through, and does not forbid to look. */
function isOn({ flag }: Split, context: () => ReturnType<typeof flagContextOf>): boolean {
  if (flag === null || flag.kind === 'off') return false
  return flag.kind === 'ceiling' || flag.verdictOf(context()).shareBp > 0
}

/** Waits for a moment when nothing else does. @returns false when there was none */
async function quiet({ clock }: Gate): Promise<boolean> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const askedMs = clock.monotonicMs()
    await new Promise<void>((resolve) => clock.setTimer(resolve, 0))
    if (clock.monotonicMs() - askedMs <= LATE_MS) return true
  }
  return false
}

/** Whom to ask: for a probe control has two answers in the end, and the canary one. */
function armsFor({ exchange, kept }: Shadow): readonly Arm[] {
  const live = exchange.assignment.arm
  if (kept.kind === 'probe')
    return live === 'control' ? ['control', 'canary'] : ['control', 'control']
  return live === 'control' ? ['canary'] : ['control']
}

/** @returns why it was dropped; null when all was sent, answered and compared */
async function send(shadow: Shadow, state: ShadowState): Promise<ShadowDrop | null> {
  const { exchange, rollout, config } = shadow
  const { gate, identity } = exchange
  const { ask } = identity
  const arms = armsFor(shadow)
  // Nobody pays with a caller's own key for what that caller did not ask.
  const paidByCaller = arms.some((arm) => rollout[arm].passthrough)
  if (ask === null || paidByCaller || !isAllowed(exchange)) return 'not_allowed'
  const guess = {
    bytes: ask.body.length,
    tokens: tokensOf(ask.body.length),
    usd: state.usdEach,
  }
  const nowMs = gate.clock.monotonicMs()
  const spent = state.budget.spent(config.budget, arms.length, guess, nowMs)
  if (spent !== null) return spent
  const places = placesFor(
    gate,
    arms.map((arm) => rollout[arm]),
    guess.tokens,
  )
  if (places === null) return 'busy'
  for (const _ of arms) state.budget.enter(guess, nowMs)
  const answers = await Promise.all(
    arms.map((arm, index) => askOne(shadow, arm, { state, guess, place: places[index] ?? null })),
  )
  const pair = await paired(shadow, answers)
  const differs = pair !== null && (pair.verdict === 'different' || pair.findings.length > 0)
  const because = becauseOf(exchange, shadow.kept)
  for (const { own } of answers) {
    gate.telemetry?.asked(own, { role: shadow.kept.kind, because, differs })
    own.kept?.release()
  }
  if (pair === null) return 'timeout'
  gate.shadowWitness(rollout.name, { what: 'paired', pair })
  return null
}

/** @returns null when one of them was cut: that says nothing of an arm */
async function paired(
  { exchange, kept, rollout, config }: Shadow,
  answers: readonly Answered[],
): Promise<Pair | null> {
  const { gate, identity, assignment } = exchange
  const { ask, endpoint, requestId } = identity
  if (ask === null || endpoint.wire === null || kept.attempted === null) return null
  if (answers.some(({ took }) => took === null)) return null
  const observation = observationOf(exchange, kept.attempted)
  const live = { observation, usd: gate.priceOf(observation), chunks: chunksOf(kept) }
  const all = [live, ...answers.flatMap(({ took }) => took ?? [])]
  const [control, again = null] = all.filter((one) => one.observation.arm === 'control')
  const canary = all.find((one) => one.observation.arm === 'canary')
  if (control === undefined || canary === undefined) return null
  const sent = ask.model === null ? null : (rollout.canary.models?.get(ask.model) ?? null)
  const pair = {
    id: gate.id(),
    kind: kept.kind,
    wire: endpoint.wire,
    body: ask.body,
    live: assignment.arm,
    liveId: requestId,
    control,
    again,
    canary,
    config,
    sent,
    chance: gate.random(),
    planted: rollout.planted(),
    secrets: [
      ...rollout.control.secrets(),
      ...rollout.canary.secrets(),
      ...rollout.planted().flatMap(({ secret }) => formsOf(secret)),
    ],
  }
  return gate.pairs?.pairOf(pair, gate.sha256) ?? null
}

function chunksOf(kept: Kept | null): readonly Uint8Array[] {
  const taken = kept?.taken() ?? []
  return typeof taken === 'string' ? [] : taken
}

/** Bodies are parsed here, where nobody waits. */
function isAllowed({ identity: { ask, endpoint }, caller }: Exchange): boolean {
  if (ask === null || endpoint.wire === null || ask.marks.fileId || ask.marks.encryptedContent) {
    return false
  }
  const betas = {
    anthropic: headerOf(caller.headers, 'anthropic-beta'),
    openai: headerOf(caller.headers, 'openai-beta'),
  }
  return notAllowedIn(endpoint.wire, parsed(ask.body), betas) === null
}

/** A place for each, beside what callers take; null where that is not there now. */
function placesFor(
  gate: Gate,
  upstreams: readonly Upstream[],
  tokens: number,
): readonly (Place | null)[] | null {
  const places: (Place | null)[] = []
  for (const { name, limits } of upstreams) {
    const place = limits === null ? null : gate.upstreamLimits.of(name, limits).enterIdle(tokens)
    if (limits !== null && place === null) {
      for (const one of places) one?.leave(null)
      return null
    }
    places.push(place)
  }
  return places
}

interface Answered {
  readonly own: OwnExchange
  /** Null when it was cut. */
  readonly took: Took | null
}

async function askOne(
  { exchange, kept, rollout, config }: Shadow,
  arm: Arm,
  taken: {
    readonly state: ShadowState
    readonly guess: ShadowCharge
    readonly place: Place | null
  },
): Promise<Answered> {
  const { gate, identity, caller } = exchange
  const { state, guess, place } = taken
  const nobody = new Nobody(caller.method, caller.target, copiedHeaders(caller.headers))
  const own = ownExchange(gate, {
    caller: nobody,
    identity: { ...identity, requestId: gate.id() },
    arm,
    kept: new Kept(kept.kind, gate.shadows.room),
  })
  gate.shadows.running.add(nobody)
  const timeoutMs = Math.min(config.timeout, gate.mostAfterMs)
  const asked = { role: kept.kind, upstream: rollout[arm], timeoutMs }
  const { observation, usd } = await sendOwn(own, asked)
  gate.shadows.running.delete(nobody)
  place?.leave(observation.usage)
  const { usage, bytesIn, bytesOut } = observation
  const tokens = (usage?.inputTokens ?? guess.tokens) + (usage?.outputTokens ?? tokensOf(bytesIn))
  const came = { bytes: bytesIn + bytesOut, tokens, usd: usd ?? 0 }
  state.budget.settle(guess, came, gate.clock.monotonicMs())
  if (usd !== null) state.usdEach = usd
  gate.shadowWitness(rollout.name, { what: 'sent', kind: kept.kind, arm, usd })
  const cut = observation.outcome === 'cancelled' || typeof own.kept?.taken() === 'string'
  return { own, took: cut ? null : { observation, usd, chunks: chunksOf(own.kept) } }
}

/** The attempt whose answer it stands beside. */
function becauseOf({ trace }: Exchange, { attempted }: Kept) {
  const spanId = attempted?.spanId ?? null
  return trace === null || spanId === null ? null : { traceId: trace.traceId, spanId }
}

/** One key for two requests would be answered from memory, the second time. */
const OF_ONE_REQUEST: ReadonlySet<string> = new Set([
  'idempotency-key',
  'traceparent',
  'tracestate',
])

function copiedHeaders(raw: Readonly<FlatHeaders>): FlatHeaders {
  const headers: FlatHeaders = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string
    if (!OF_ONE_REQUEST.has(name.toLowerCase())) headers.push(name, raw[index + 1] as string)
  }
  return headers
}

function drop(gate: Gate, { name }: Rollout, { kind }: Kept, why: ShadowDrop): void {
  gate.shadowWitness(name, { what: 'dropped', kind, why })
}

const decoder = new TextDecoder()

/** @returns undefined for what is no JSON */
function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body))
  } catch {
    return undefined
  }
}
