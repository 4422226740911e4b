import { refusalOf } from '../proxy/dialect.ts'
import type { Attempted } from '../proxy/observe.ts'
import type { Routes, Upstream } from '../proxy/routes.ts'
import type { Ended, Own, Telemetry, TurnedDown } from '../proxy/telemetry.ts'
import type { Arm, Role } from '../types.ts'
import { GENAI_SECONDS, HTTP_SECONDS, TOKENS } from './bounds.ts'
import { errorTypeOf, methodOf, operationOf, placeOf, routeOf, serverErrorOf } from './facts.ts'
import { isKept } from './kept.ts'
import type { MeterCounts } from './measured.ts'
import { ModelLabels, namedModels } from './models.ts'
import type { LabelValues } from './names.ts'
import { isSame, nameOf, type RowKey, rowKeyOf } from './row-key.ts'
import { Distribution, type Exemplar, Rows } from './series.ts'

/**
 * Counts what the request path does. Most requests cost it a few comparisons and additions; what they are called is worked
 * out when somebody collects (`collect.ts`).
 */

/** Series of one kind; beyond them all is one. */
const MOST_ROWS = 1_000
const OVERFLOW: LabelValues = { overflow: true }

/** One row of each kind, with its labels. */
interface Served {
  readonly labels: LabelValues
  readonly seconds: Distribution
}

interface Tried {
  readonly labels: LabelValues
  count: number
  readonly seconds: Distribution
}

interface Operated {
  readonly labels: LabelValues
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

type Shown = Omit<Exemplar, 'value'> | null

export class Meter implements Telemetry {
  readonly #served = new Rows<Served>(MOST_ROWS, () => servedRow(OVERFLOW))
  readonly #tried = new Rows<Tried>(MOST_ROWS, () => triedRow(OVERFLOW))
  readonly #operated = new Rows<Operated>(MOST_ROWS, () => operatedRow(OVERFLOW))
  readonly #models = new ModelLabels()
  readonly #counted = new Map<string, Counted>()
  /** The last of each arm: most are like the one before, and to compare is less than to make a name. */
  #last: Partial<Record<Arm, { readonly key: RowKey; readonly rows: Counted }>> = {}
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
    const shown = shownOf(ended)
    if (first === undefined || last === undefined) {
      const row = this.#servedRow(ended, undefined)
      row.seconds.record((this.#monotonicMs() - draw.startedMs) / 1_000, shown)
      return
    }
    const rows = first === last ? this.#rowsOf(ended, last) : this.#looked(ended, last)
    rows.served.seconds.record((last.sentMs + last.durationMs - draw.startedMs) / 1_000, shown)
    note(rows.tried, last, shown)
    if (rows.operated !== null) operate(rows.operated, ended, first, last, shown)
    for (const attempted of attempts) {
      if (attempted !== last) note(this.#triedRow(ended, attempted, 'live'), attempted, shown)
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
      note(this.#triedRow(ended, attempted, role), attempted, null)
      const row = this.#operatedRow(ended, attempted, role)
      if (row !== null) operate(row, ended, attempted, attempted, null)
    }
  }

  get isEmpty(): boolean {
    return this.#served.isEmpty && this.#tried.isEmpty && this.#operated.isEmpty
  }

  /** All that was counted. */
  counts(): MeterCounts {
    return {
      served: Array.from(this.#served.values(), ({ labels, seconds }) => ({
        labels,
        seconds: seconds.spread(),
      })),
      tried: Array.from(this.#tried.values(), ({ labels, count, seconds }) => ({
        labels,
        count,
        seconds: seconds.spread(),
      })),
      operated: Array.from(
        this.#operated.values(),
        ({ labels, seconds, firstChunk, input, output }) => ({
          labels,
          seconds: seconds.spread(),
          firstChunk: firstChunk.spread(),
          input: input.spread(),
          output: output.spread(),
        }),
      ),
    }
  }

  /** What was counted since the last time; labels that models have got stay theirs. */
  take(): MeterCounts {
    const counts = this.counts()
    this.#served.clear()
    this.#tried.clear()
    this.#operated.clear()
    this.#counted.clear()
    this.#last = {}
    return counts
  }

  /** Adds what another process counted. Each has its own cap on models; here they have one in common. */
  merge({ served, tried, operated }: MeterCounts): void {
    for (const { labels, seconds } of served) {
      this.#served.of(keyOf(labels), () => servedRow(labels)).seconds.add(seconds)
    }
    for (const { labels, count, seconds } of tried) {
      const row = this.#tried.of(keyOf(labels), () => triedRow(labels))
      row.count += count
      row.seconds.add(seconds)
    }
    for (const { labels: theirs, seconds, firstChunk, input, output } of operated) {
      const labels = this.#capped(theirs)
      const row = this.#operated.of(keyOf(labels), () => operatedRow(labels))
      row.seconds.add(seconds)
      row.firstChunk.add(firstChunk)
      row.input.add(input)
      row.output.add(output)
    }
  }

  #capped(labels: LabelValues): LabelValues {
    const { modelAsked: asked, modelAnswered: answered, errorType } = labels
    if (typeof asked !== 'string') return labels
    const modelAsked = this.#models.askedOf(asked, errorType === null)
    const modelAnswered =
      typeof answered === 'string' ? this.#models.answeredOf(modelAsked, answered) : null
    return { ...labels, modelAsked, modelAnswered }
  }

  /** What most requests are: one attempt, and like others before it. */
  #rowsOf(ended: Ended, only: Attempted): Counted {
    const key = rowKeyOf(ended, only)
    const last = this.#last[key.arm]
    if (last !== undefined && isSame(last.key, key)) return last.rows
    const name = nameOf(key)
    const rows = this.#counted.get(name) ?? this.#looked(ended, only)
    // A name without a label of its own may get one yet.
    if (key.asked == null || this.#models.has(key.asked)) {
      if (this.#counted.size < MOST_ROWS) this.#counted.set(name, rows)
      this.#last[key.arm] = { key, rows }
    }
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
      return servedRow({ method, route, scheme: 'http', status, errorType })
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
      const who = { rollout, arm, assigned, reason, outcome, role }
      return triedRow({ method, server, port, status, errorType, ...who })
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
      return operatedRow({ ...what, ...who })
    })
  }

  /** A reload brings other names. */
  #learn(routes: Routes): void {
    if (routes === this.#routes) return
    this.#routes = routes
    this.#counted.clear()
    this.#last = {}
    this.#models.name(namedModels(routes))
  }
}

function shownOf(ended: Ended): Shown {
  const { trace, startedAt } = ended
  return trace !== null && isKept(ended, trace) ? { at: startedAt, traceId: trace.traceId } : null
}

function note(row: Tried, { durationMs }: Attempted, shown: Shown): void {
  row.count++
  row.seconds.record(durationMs / 1_000, shown)
}

function operate(
  row: Operated,
  { identity }: Ended,
  first: Attempted,
  last: Attempted,
  shown: Shown,
): void {
  const { usage, firstByteMs, durationMs } = last
  const beforeMs = last.sentMs - first.sentMs
  row.seconds.record((beforeMs + durationMs) / 1_000, shown)
  if (identity.ask?.stream === true && firstByteMs !== null) {
    row.firstChunk.record((beforeMs + firstByteMs) / 1_000, shown)
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

/** Apart from the keys of what was counted here. */
function keyOf(labels: LabelValues): string {
  return JSON.stringify(labels)
}

function servedRow(labels: LabelValues): Served {
  return { labels, seconds: new Distribution(HTTP_SECONDS) }
}

function triedRow(labels: LabelValues): Tried {
  return { labels, count: 0, seconds: new Distribution(HTTP_SECONDS) }
}

function operatedRow(labels: LabelValues): Operated {
  return {
    labels,
    seconds: new Distribution(GENAI_SECONDS),
    firstChunk: new Distribution(GENAI_SECONDS),
    input: new Distribution(TOKENS),
    output: new Distribution(TOKENS),
  }
}
