import type { Place, TurnedAway } from './admission.ts'
import type { Exchange } from './exchange.ts'
import { type AttemptRules, forward } from './forward.ts'
import type { Gate } from './gate.ts'
import { hasBody } from './headers.ts'
import type { Identity } from './identify.ts'
import { tokensOf } from './limit.ts'
import type { Attempted } from './observe.ts'
import { Retry, type RetryCause, type RetryRules } from './retry.ts'
import type { Upstream } from './routes.ts'

/** One arm's turn where config limits its upstream or lets it be asked twice; elsewhere `forward` is all there is to it. */

type Rules = Omit<AttemptRules, 'retries'>

/** @returns `gone` when the caller left before any upstream was asked */
export async function attempt(
  exchange: Exchange,
  rules: Rules,
): Promise<Attempted | TurnedAway | 'gone'> {
  const { upstream } = rules
  const entered = upstream.limits === null ? NO_LIMIT : await enter(exchange, upstream)
  if (entered === 'gone' || 'retryAfterS' in entered) return entered
  if (upstream.retry !== null) return tryAgain(exchange, rules, upstream.retry, entered)
  return tryOnce(exchange, { ...rules, retries: null }, entered)
}

/** Whether a request like this one would find a place now. */
export function hasRoom(gate: Gate, identity: Identity, to: Upstream): boolean {
  if (to.limits === null) return true
  return gate.upstreamLimits.of(to.name, to.limits).hasRoom(chargeOf(identity))
}

/** A canary that asks for less is left alone for a while. */
export function noteCooldown({ gate, identity }: Exchange, attempted: Attempted): void {
  const { rollout } = identity
  if (attempted.arm !== 'canary' || rollout?.config.cooldown !== true) return
  const { status, retryAfterMs } = attempted
  gate.cooldowns.note(rollout.name, status, retryAfterMs, gate.clock.monotonicMs(), gate.random)
}

const NO_LIMIT: Place = { leave: () => {} }

/** Without a promise where there is room. */
function enter(
  { gate, identity, caller }: Exchange,
  { name, limits }: Upstream,
): Place | Promise<Place | TurnedAway | 'gone'> {
  if (limits === null) return NO_LIMIT
  const admission = gate.upstreamLimits.of(name, limits)
  const tokens = chargeOf(identity)
  return admission.enter(tokens) ?? admission.wait(identity.callerName ?? '', tokens, caller)
}

function chargeOf({ ask }: Identity): number {
  return ask === null ? 0 : tokensOf(ask.body.length)
}

async function tryOnce(exchange: Exchange, rules: AttemptRules, place: Place): Promise<Attempted> {
  const attempted = await forward(exchange, rules)
  place.leave(attempted.usage)
  noteCooldown(exchange, attempted)
  return attempted
}

async function tryAgain(
  exchange: Exchange,
  rules: Rules,
  retryRules: RetryRules,
  first: Place,
): Promise<Attempted> {
  const { gate } = exchange
  const { upstream } = rules
  const budget = gate.budgets.of(upstream.name)
  budget.noteRequest(gate.clock.monotonicMs())
  if (!isReplayable(exchange)) return tryOnce(exchange, { ...rules, retries: null }, first)
  const retry = new Retry(retryRules, budget)
  let waitMs: number | null = null
  const retries = (cause: RetryCause, { retryAfterMs }: Attempted): boolean => {
    waitMs = retry.grant(cause, retryAfterMs, gate.clock.monotonicMs(), gate.random())
    return waitMs !== null
  }
  let place: Place | null = first
  for (let tries = 1; ; tries++) {
    const attempted: Attempted = await tryOnce(exchange, { ...rules, retries }, place)
    attempted.tries = tries
    if (attempted.delivered) return attempted
    if (attempted.repeatable !== null) retries(attempted.repeatable, attempted)
    if (waitMs === null) return attempted
    if (!(await waited(exchange, waitMs))) {
      attempted.delivered = true
      return attempted
    }
    waitMs = null
    place = placeNow(exchange, upstream)
    if (place === null) return attempted
  }
}

/** Its first try left something to send: a body in memory, or none at all. */
function isReplayable({ identity, caller }: Exchange): boolean {
  return identity.ask !== null || !hasBody(caller.headers)
}

/** A second try does not queue: what it waited for is long ago. */
function placeNow({ gate, identity }: Exchange, { name, limits }: Upstream): Place | null {
  if (limits === null) return NO_LIMIT
  return gate.upstreamLimits.of(name, limits).enter(chargeOf(identity))
}

/** @returns false when the caller left meanwhile */
function waited({ gate: { clock }, caller }: Exchange, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(() => resolve(true), ms)
    caller.onLeave(() => {
      clock.clearTimer(timer)
      resolve(false)
    })
  })
}
