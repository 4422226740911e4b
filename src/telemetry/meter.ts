import { refusalOf } from '../proxy/dialect.ts'
import type { Attempted } from '../proxy/observe.ts'
import type { Routes, Upstream } from '../proxy/routes.ts'
import type { Ended, Own, Telemetry, TurnedDown } from '../proxy/telemetry.ts'
import type { Role } from '../types.ts'
import { errorTypeOf, methodOf, operationOf, placeOf, routeOf, serverErrorOf } from './facts.ts'
import { ModelLabels } from './models.ts'
import { type Attributes, attributesOf, LABELS, METRICS, type Metric } from './names.ts'
import { type Collected, Distribution, type Point, Rows } from './series.ts'

/**
 * Counts what the request path does. Most requests cost it one string, one look-up and a few additions; what they are called is worked
 * out when somebody collects.
 */

/** Series of one kind; beyond them all is one. */
const MOST_ROWS = 1_000
const OVERFLOW: Attributes = { [LABELS.overflow.name]: true }

interface Served {
  readonly attributes: Attributes
  readonly seconds: Distribution
}

interface Tried {
  readonly attempt: Attributes
  readonly client: Attributes
  count: number
  readonly seconds: Distribution
}

interface Operated {
  readonly attributes: Attributes
  readonly seconds: Distribution
  readonly firstChunk: Distribution
  readonly input: Distribution
  readonly output: Distribution
}

/** The rows of one request. */
interface Counted {
  readonly served: Served
  readonly tried: Tried
  readonly operated: Operated | null
}

export class Meter implements Telemetry {
  readonly #served = new Rows<Served>(MOST_ROWS, () => servedRow(OVERFLOW))
  readonly #tried = new Rows<Tried>(MOST_ROWS, () => triedRow(OVERFLOW, OVERFLOW))
  readonly #operated = new Rows<Operated>(MOST_ROWS, () => operatedRow(OVERFLOW))
  readonly #models = new ModelLabels()
  readonly #counted = new Map<string, Counted>()
  readonly #monotonicMs: () => number
  #routes: Routes | null = null

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs
  }

  answered(ended: Ended): void {
    const { identity, draw, attempts } = ended
    this.#learn(identity.routes)
    const first = attempts[0]
    const last = attempts.at(-1)
    if (first === undefined || last === undefined) {
      const row = this.#servedRow(ended, undefined)
      row.seconds.record((this.#monotonicMs() - draw.startedMs) / 1_000)
      return
    }
    const rows = first === last ? this.#rowsOf(ended, last) : this.#looked(ended, last)
    rows.served.seconds.record((last.sentMs + last.durationMs - draw.startedMs) / 1_000)
    note(rows.tried, last)
    if (rows.operated !== null) operate(rows.operated, ended, first, last)
    for (const attempted of attempts) {
      if (attempted !== last) note(this.#triedRow(ended, attempted, 'live'), attempted)
    }
  }

  refused({ method, refused, endpoint, ms }: TurnedDown): void {
    const { status } = refusalOf(refused)
    const errorType = serverErrorOf(status, undefined)
    this.#servedRowOf(method, endpoint.name, status, errorType).seconds.record(ms / 1_000)
  }

  asked(ended: Ended, { role }: Own): void {
    this.#learn(ended.identity.routes)
    for (const attempted of ended.attempts) {
      note(this.#triedRow(ended, attempted, role), attempted)
      const row = this.#operatedRow(ended, attempted, role)
      if (row !== null) operate(row, ended, attempted, attempted)
    }
  }

  /** @param latest with the newest names of the GenAI conventions */
  collect(latest: boolean): readonly Collected[] {
    const served = [...this.#served.values()]
    const tried = [...this.#tried.values()]
    const operated = [...this.#operated.values()]
    const sides = (['input', 'output'] as const).flatMap((tokenType) =>
      operated.map((row) => ({
        attributes: { ...row.attributes, ...attributesOf({ tokenType }) },
        value: row[tokenType],
      })),
    )
    const usage = latest
      ? [
          collected(
            METRICS.inputTokens,
            pointsOf(operated, ({ input }) => input.sum),
          ),
          collected(
            METRICS.outputTokens,
            pointsOf(operated, ({ output }) => output.sum),
          ),
        ]
      : [collected(METRICS.tokenUsage, sides)]
    return [
      collected(
        METRICS.serverDuration,
        pointsOf(served, ({ seconds }) => seconds),
      ),
      collected(
        METRICS.clientDuration,
        tried.map(({ client, seconds }) => ({ attributes: client, value: seconds })),
      ),
      collected(
        METRICS.attempts,
        tried.map(({ attempt, count }) => ({ attributes: attempt, value: count })),
      ),
      collected(
        named(METRICS.operationDuration, latest),
        pointsOf(operated, ({ seconds }) => seconds),
      ),
      collected(
        named(METRICS.timeToFirstChunk, latest),
        pointsOf(operated, ({ firstChunk }) => firstChunk),
      ),
      ...usage,
    ]
  }

  /** What most requests are: one attempt, and like others before it. One string finds all its rows. */
  #rowsOf(ended: Ended, only: Attempted): Counted {
    const { caller, identity, assignment, answered } = ended
    const { arm, upstream, status, outcome, modelAnswered } = only
    const asked = identity.ask?.model
    const key = `${caller.method} ${identity.endpoint.name} ${answered} ${identity.rollout?.name} ${arm} ${assignment.arm} ${assignment.reason} ${upstream} ${status} ${outcome} ${asked?.length} ${asked} ${modelAnswered}`
    const known = this.#counted.get(key)
    if (known !== undefined) return known
    const rows = this.#looked(ended, only)
    // A name without a label of its own may get one yet.
    const lasting = asked == null || this.#models.has(asked)
    if (lasting && this.#counted.size < MOST_ROWS) this.#counted.set(key, rows)
    return rows
  }

  #looked(ended: Ended, last: Attempted): Counted {
    return {
      served: this.#servedRow(ended, last),
      tried: this.#triedRow(ended, last, 'live'),
      operated: this.#operatedRow(ended, last, 'live'),
    }
  }

  #servedRow({ caller, identity, answered }: Ended, last: Attempted | undefined): Served {
    const errorType = serverErrorOf(answered, last)
    return this.#servedRowOf(caller.method, identity.endpoint.name, answered, errorType)
  }

  #servedRowOf(
    asSent: string,
    endpoint: string,
    status: number | null,
    errorType: string | null,
  ): Served {
    const method = methodOf(asSent)
    return this.#served.of(`${method} ${endpoint} ${status} ${errorType}`, () => {
      const route = routeOf(endpoint)
      return servedRow(attributesOf({ method, route, scheme: 'http', status, errorType }))
    })
  }

  #triedRow(ended: Ended, attempted: Attempted, role: Role): Tried {
    const { assignment, identity, caller } = ended
    const { arm, status, outcome } = attempted
    const assigned = assignment.arm
    const rollout = identity.rollout?.name ?? null
    const reason = arm === assigned ? assignment.reason : 'failover'
    const method = methodOf(caller.method)
    const { origin } = upstreamOf(ended, attempted)
    const key = `${role} ${rollout} ${arm} ${assigned} ${reason} ${origin} ${method} ${status} ${outcome}`
    return this.#tried.of(key, () => {
      const errorType = errorTypeOf(attempted)
      const { address: server, port } = placeOf(origin)
      return triedRow(
        attributesOf({ rollout, arm, assigned, reason, outcome, role }),
        attributesOf({ method, server, port, status, errorType, arm, role, rollout }),
      )
    })
  }

  /** Null where no model was asked. */
  #operatedRow(ended: Ended, last: Attempted, role: Role): Operated | null {
    const { identity, assignment } = ended
    const { wire, dialect: provider } = identity.endpoint
    if (wire === null) return null
    const { arm, outcome } = last
    const asked = identity.ask?.model ?? null
    const modelAsked = asked === null ? null : this.#models.askedOf(asked, outcome === 'ok')
    const modelAnswered =
      modelAsked === null || last.modelAnswered === null
        ? null
        : this.#models.answeredOf(modelAsked, last.modelAnswered)
    const assigned = assignment.arm
    const rollout = identity.rollout?.name ?? null
    const errorType = errorTypeOf(last)
    const { origin } = upstreamOf(ended, last)
    const key = `${role} ${rollout} ${arm} ${assigned} ${origin} ${wire} ${errorType} ${modelAsked?.length} ${modelAsked} ${modelAnswered}`
    return this.#operated.of(key, () => {
      const { address: server, port } = placeOf(origin)
      const operation = operationOf(wire)
      const who = { arm, assigned, role, rollout }
      const what = { operation, provider, modelAsked, modelAnswered, server, port, errorType }
      return operatedRow(attributesOf({ ...what, ...who }))
    })
  }

  /** A reload brings other names. */
  #learn(routes: Routes): void {
    if (routes === this.#routes) return
    this.#routes = routes
    this.#counted.clear()
    const named = [...routes.upstreams.values()].flatMap(({ models }) => [
      ...(models?.keys() ?? []),
    ])
    for (const { config } of routes.rollouts.values()) named.push(...(config.match.models ?? []))
    this.#models.name(named)
  }
}

function note(row: Tried, { durationMs }: Attempted): void {
  row.count++
  row.seconds.record(durationMs / 1_000)
}

function operate(row: Operated, { identity }: Ended, first: Attempted, last: Attempted): void {
  const { usage, firstByteMs, durationMs } = last
  const beforeMs = last.sentMs - first.sentMs
  row.seconds.record((beforeMs + durationMs) / 1_000)
  if (identity.ask?.stream === true && firstByteMs !== null) {
    row.firstChunk.record((beforeMs + firstByteMs) / 1_000)
  }
  if (usage === null) return
  if (usage.inputTokens !== null) row.input.record(usage.inputTokens)
  if (usage.outputTokens !== null) row.output.record(usage.outputTokens)
}

/** An attempt names its upstream; where that is, the request's own configuration says. */
function upstreamOf({ identity }: Ended, { arm, upstream }: Attempted): Upstream {
  const { rollout, control, routes } = identity
  const own = arm === 'canary' ? rollout?.canary : control
  return routes.upstreams.get(upstream) ?? own ?? control
}

function servedRow(attributes: Attributes): Served {
  return { attributes, seconds: new Distribution(METRICS.serverDuration.buckets) }
}

function triedRow(attempt: Attributes, client: Attributes): Tried {
  return { attempt, client, count: 0, seconds: new Distribution(METRICS.clientDuration.buckets) }
}

function operatedRow(attributes: Attributes): Operated {
  return {
    attributes,
    seconds: new Distribution(METRICS.operationDuration.buckets),
    firstChunk: new Distribution(METRICS.timeToFirstChunk.buckets),
    input: new Distribution(METRICS.tokenUsage.buckets),
    output: new Distribution(METRICS.tokenUsage.buckets),
  }
}

function named(metric: Metric, latest: boolean): Metric {
  return latest && metric.latest !== undefined ? { ...metric, name: metric.latest } : metric
}

function pointsOf<Row extends { readonly attributes: Attributes }>(
  rows: readonly Row[],
  partOf: (row: Row) => Point['value'],
): readonly Point[] {
  return rows.map((row) => ({ attributes: row.attributes, value: partOf(row) }))
}

/** Rows that this metric does not tell apart are one series of it; one that counted nothing is none. */
function collected(metric: Metric, rows: readonly Point[]): Collected {
  const bySeries = new Map<string, Point>()
  for (const { attributes, value } of rows) {
    if ((typeof value === 'number' ? value : value.count) === 0) continue
    const key = JSON.stringify(attributes)
    const known = bySeries.get(key)
    bySeries.set(key, {
      attributes,
      value: known === undefined ? value : sumOf(known.value, value),
    })
  }
  return { metric, points: [...bySeries.values()] }
}

function sumOf(left: Point['value'], right: Point['value']): Point['value'] {
  if (typeof left === 'number' || typeof right === 'number') return Number(left) + Number(right)
  const sum = new Distribution(left.bounds)
  sum.merge(left)
  sum.merge(right)
  return sum
}
