import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { costsViewOf } from '../../src/api/cost-view.ts'
import { costsView } from '../../src/api/views/costs.ts'
import { errorView } from '../../src/api/views/error.ts'
import { type EventView, eventView } from '../../src/api/views/event.ts'
import { type FlushView, flushView } from '../../src/api/views/flush.ts'
import { type RequestView, requestView } from '../../src/api/views/request.ts'
import { type RolloutView, rolloutView } from '../../src/api/views/rollout.ts'
import type { BudgetStand } from '../../src/cost/budget.ts'
import type { Grouping } from '../../src/cost/savings.ts'
import type { LedgerLine } from '../../src/ports.ts'

/** The control API by hand, on a real socket: every answer is what its schema says. */

export const TOKEN = 'control-token-hunter2'

export interface Received {
  readonly method: string
  /** Path and query, below `/-/api/v1`. */
  readonly path: string
  readonly body: unknown
  readonly lastEventId: string | undefined
}

/** What is answered in place of the usual. */
export type Scripted =
  | { readonly status: number; readonly error: { code: string; message: string; version?: number } }
  | { readonly status: number; readonly text: string; readonly location?: string }
  | 'silence'
  /** A head, and a body that does not end. */
  | 'half'

export class FakeControl {
  rollouts: RolloutView[] = [rolloutOf()]
  events: EventView[] = []
  flushes: FlushView[] = []
  requests: RequestView[] = []
  /** Of the ledger; it is noon of 2026-11-26. */
  lines: LedgerLine[] = []
  budgets: BudgetStand[] = []
  /** Tried first. */
  script: (received: Received) => Scripted | undefined = () => undefined
  /** Once an answer is made. */
  afterwards: (received: Received) => void = () => {}
  readonly received: Received[] = []
  readonly #streams = new Set<ServerResponse>()
  readonly #waiting = new Set<() => void>()
  #server: Server = createServer()
  #port = 0

  /** Listens; again at the same port after `down`. */
  async up(): Promise<void> {
    this.#server = createServer((request, response) => void this.#answer(request, response))
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** As if the process was gone. */
  async down(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  /** Into the log and to every stream. */
  happen(event: EventView): void {
    this.events.push(event)
    for (const stream of this.#streams) stream.write(frameOf(event))
  }

  breakStreams(): void {
    for (const stream of this.#streams) stream.destroy()
  }

  /** Waits for a request that fits, of those that came and come. */
  async got(fits: (received: Received) => boolean, times = 1): Promise<Received> {
    for (;;) {
      const found = this.received.filter(fits)
      if (found.length >= times) return found[times - 1] as Received
      await new Promise<void>((done) => this.#waiting.add(done))
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request) text += chunk
    const url = new URL(request.url ?? '', this.url)
    const received: Received = {
      method: request.method ?? '',
      path: `${url.pathname}${url.search}`.replace('/-/api/v1', ''),
      body: text === '' ? undefined : JSON.parse(text),
      lastEventId: request.headers['last-event-id'] as string | undefined,
    }
    this.received.push(received)
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
    const scripted = this.script(received)
    const trusted = request.headers.authorization === `Bearer ${TOKEN}`
    if (scripted === 'silence') return
    if (scripted === 'half') return void response.writeHead(200).write('{')
    if (scripted !== undefined && 'text' in scripted) {
      const { status, location } = scripted
      response.writeHead(status, location === undefined ? {} : { location }).end(scripted.text)
    } else if (scripted === undefined && trusted && url.pathname.endsWith('/events/stream')) {
      this.#stream(this.#behind(received, url), response)
    } else {
      const { status, body } =
        scripted !== undefined
          ? refused(scripted.status, scripted.error)
          : trusted
            ? this.#usual(received, url)
            : refused(401, { code: 'unauthorised', message: 'Send the control token.' })
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    this.afterwards(received)
  }

  #stream(events: readonly EventView[] | null, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`: follows\n\n${(events ?? []).map(frameOf).join('')}`)
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
  }

  #usual(received: Received, url: URL): Reply {
    const [, , , , noun, name, verb] = url.pathname.split('/')
    switch (noun) {
      case 'rollouts':
        return name === undefined
          ? listed(rolloutView, this.rollouts, null)
          : this.#ofRollout(received, url.searchParams, name, verb)
      case 'requests': {
        const request = this.requests.find(({ id }) => id === name)
        return request === undefined ? NOT_FOUND : { status: 200, body: requestView.parse(request) }
      }
      case 'costs': {
        const { searchParams: query } = url
        const rollout = query.get('rollout')
        if (rollout !== null && this.rollouts.every((one) => one.name !== rollout)) return NOT_FOUND
        const costs = costsViewOf({
          lines: this.lines.filter(({ key }) => rollout === null || key.rollout === rollout),
          from: query.get('from') ?? '2026-11-01',
          to: query.get('to') ?? '2026-11-26',
          by: query.get('by') as Grouping,
          budgets: this.budgets,
          rollouts: this.rollouts,
          today: '2026-11-26',
          gone: 0.5,
        })
        return { status: 200, body: costsView.parse(costs) }
      }
      case 'events': {
        const fitting = this.#behind(received, url)
        if (fitting === null) {
          const message = `no event ${url.searchParams.get('after')}`
          return refused(400, { code: 'invalid_request', message })
        }
        const items = fitting.slice(0, Number(url.searchParams.get('limit')))
        const more = items.length < fitting.length
        return listed(eventView, items, more ? (items.at(-1)?.id ?? null) : null)
      }
      default:
        return NOT_FOUND
    }
  }

  #ofRollout(
    { method, body }: Received,
    query: URLSearchParams,
    name: string,
    verb: string | undefined,
  ): Reply {
    const rollout = this.rollouts.find((one) => one.name === name)
    if (rollout === undefined) return NOT_FOUND
    if (verb === 'flushes') {
      const fitting = this.flushes.filter(
        ({ position }) => position > Number(query.get('after') ?? 0),
      )
      const items = fitting.slice(0, Number(query.get('limit')))
      const more = items.length < fitting.length
      return listed(flushView, items, more ? String(items.at(-1)?.position) : null)
    }
    if (verb !== undefined && method !== (verb === 'share' ? 'PUT' : 'POST')) return NOT_FOUND
    const { version } = (body ?? {}) as { version?: number }
    if (version === undefined || version === rollout.version) {
      return { status: 200, body: rolloutView.parse(rollout) }
    }
    const message = `${name} is at version ${rollout.version} now, not ${version}: look again`
    return refused(409, { code: 'version_conflict', message, version: rollout.version })
  }

  /** Null for an event that never was. */
  #behind({ lastEventId }: Received, url: URL): readonly EventView[] | null {
    const after = lastEventId ?? url.searchParams.get('after')
    const from = after ? this.events.findIndex(({ id }) => id === after) + 1 : 0
    if (after && from === 0) return null
    const rollout = url.searchParams.get('rollout')
    return this.events.slice(from).filter((event) => rollout === null || event.rollout === rollout)
  }
}

interface Reply {
  readonly status: number
  readonly body: unknown
}

interface View {
  parse(value: unknown): unknown
}

function listed(view: View, items: readonly unknown[], next: string | null): Reply {
  return { status: 200, body: { items: items.map((item) => view.parse(item)), next } }
}

function refused(
  status: number,
  error: { code: string; message: string; version?: number },
): Reply {
  return { status, body: errorView.parse({ error }) }
}

const NOT_FOUND = refused(404, { code: 'not_found', message: 'There is nothing here.' })

function frameOf(event: EventView): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(eventView.parse(event))}\n\n`
}

const OPEN: readonly [number | null, number | null] = [null, null]
const BETWEEN = { p50: OPEN, p95: OPEN, p99: OPEN }
const TIMES = { p50: 210, p95: 800, p99: 1_900, count: 200, between: BETWEEN }

export function rolloutOf(more: Partial<RolloutView> = {}): RolloutView {
  return {
    name: 'relay',
    state: 'ramping',
    version: 7,
    epoch: 1,
    step: 1,
    plan: [1, 5, 99].map((share, at) => ({
      share,
      dwellMs: 151_200_000,
      minRequests: at * 1_000,
      approve: at === 2,
      window: null,
    })),
    share: { target: 5, observed: 4.82, flag: 100, height: 5 },
    killed: false,
    flags: {
      source: 'unleash:https://unleash.example/api',
      hash: '0123456789ab',
      ageMs: 3_000,
      maxAgeMs: 900_000,
      refreshMs: 15_000,
      fault: null,
    },
    doubt: null,
    arms: {
      control: {
        requests: 95_210,
        outcomes: { rate_limited: 10, ok: 95_000, upstream_error: 200 },
        firstByteMs: TIMES,
        durationMs: TIMES,
        tokensPerSecond: TIMES,
        costUsd: 12.3,
      },
      canary: {
        requests: 5_010,
        outcomes: { ok: 5_010 },
        firstByteMs: { count: 3, p50: 8.25, p95: null, p99: null, between: BETWEEN },
        durationMs: TIMES,
        tokensPerSecond: TIMES,
        costUsd: null,
      },
    },
    verdict: {
      value: 'inconclusive',
      reasons: ['failures: 43 of 200 canary requests'],
      monitors: [
        {
          name: 'failures',
          weight: 0.5,
          evidence: 0.4123,
          limit: 164,
          counts: { control: 95_210, canary: 5_010 },
          words: 'canary 3 of 5010 failed, control 0.2 %',
        },
        {
          name: 'latency',
          weight: 0.5,
          evidence: null,
          limit: 164,
          counts: { control: 95_000, canary: 5_000 },
          words: 'as fast as control',
        },
      ],
    },
    gate: { value: 'inconclusive', reasons: ['failures: not enough yet'] },
    mismatch: { value: 'pass', reasons: [] },
    need: {
      metric: 'failures',
      canaryRequests: 157,
      eta: new Date(Date.now() + 185_000).toISOString(),
    },
    waits: [
      { kind: 'dwell', words: '3 of 42 h served at this step' },
      { kind: 'evidence', words: 'failures: not enough yet' },
    ],
    dwellMs: 10_800_000,
    probes: null,
    drift: null,
    budgets: [],
    forgotten: null,
    reach: { canaryPerSecond: 1.3, inFlight: 2, flushMs: 1_000, words: 'about 4 more requests' },
    at: new Date().toISOString(),
    since: new Date(Date.now() - 10_800_000).toISOString(),
    ...more,
  }
}

export const ROLLED_BACK: Partial<RolloutView> = {
  state: 'rolled_back',
  version: 8,
  step: null,
  share: { target: 0, observed: 0, flag: 100, height: 0 },
  verdict: { value: 'fail', reasons: ['failures: canary 9 of 9 failed'], monitors: [] },
}

export function eventOf(n: number, more: Partial<EventView> = {}): EventView {
  return {
    id: `event-${n}`,
    at: new Date(Date.UTC(2026, 0, 2, 10, 0, n)).toISOString(),
    rollout: 'relay',
    version: n,
    epoch: 1,
    type: 'advanced',
    by: 'gate',
    reason: `the gate passed, ${n}`,
    before: { state: 'ramping', share: 1, step: 0 },
    after: { state: 'ramping', share: 5, step: 1 },
    ...more,
  }
}
