import { configSchema } from '../../src/config/schema.ts'
import { Secret } from '../../src/config/secret.ts'
import type {
  AnswerHandler,
  AttemptController,
  Caller,
  Clock,
  Dial,
  FlatHeaders,
  Origin,
  Outbound,
} from '../../src/ports.ts'
import { Admissions } from '../../src/proxy/admission.ts'
import { RetryBudgets } from '../../src/proxy/budget.ts'
import { Cooldowns } from '../../src/proxy/cooldown.ts'
import { Flights } from '../../src/proxy/flights.ts'
import type { Gate } from '../../src/proxy/gate.ts'
import { Keys } from '../../src/proxy/keys.ts'
import { ModelEchoes } from '../../src/proxy/model-echoes.ts'
import { Pairing } from '../../src/proxy/pairing.ts'
import { routesOf } from '../../src/proxy/routes.ts'
import { Shadows } from '../../src/proxy/shadow-state.ts'
import { StoredResponses } from '../../src/proxy/stored.ts'
import type { Arm, Observation, ShadowNote, Splits } from '../../src/types.ts'

/** The request path with no sockets: a caller, a dial and a clock in memory, moved by hand. */

export class MemoryCaller implements Caller {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<FlatHeaders>
  onDrain: (() => void) | null = null
  status: number | null = null
  answered: FlatHeaders = []
  readonly chunks: Uint8Array[] = []
  /** How the answer ended; null while it has not. */
  ended: 'end' | 'destroyed' | null = null
  /** What `write` returns. */
  free = true
  readonly #body: Uint8Array
  #leave: (() => void) | null = null

  constructor(target: string, body: unknown, headers: FlatHeaders = [], method = 'POST') {
    this.method = method
    this.target = target
    this.headers = headers
    const bytes = body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body))
    this.#body = bytes
  }

  async collect(maxBytes: number): Promise<Uint8Array | 'too_large' | 'gone'> {
    return this.#body.length > maxBytes ? 'too_large' : this.#body
  }

  stream(): unknown {
    return this.#body
  }

  get begun(): boolean {
    return this.status !== null
  }

  head(status: number, headers: FlatHeaders): void {
    this.status = status
    this.answered = headers
  }

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk)
    return this.free
  }

  end(): void {
    this.ended = 'end'
  }

  answer(status: number, headers: FlatHeaders, body: Uint8Array | null): void {
    this.head(status, headers)
    if (body !== null) this.write(body)
    this.end()
  }

  destroy(): void {
    this.ended = 'destroyed'
  }

  background(): void {}

  onLeave(listener: () => void): void {
    this.#leave = listener
  }

  leave(): void {
    this.#leave?.()
  }

  header(name: string): string | undefined {
    const at = this.answered.findIndex((part, index) => index % 2 === 0 && part === name)
    return at < 0 ? undefined : this.answered[at + 1]
  }

  get text(): string {
    return new TextDecoder().decode(Buffer.concat(this.chunks))
  }
}

/** One attempt as the dial was asked for it. */
export class Call implements AttemptController {
  readonly arm: Arm
  readonly to: Origin
  readonly request: Outbound
  readonly handler: AnswerHandler
  paused = false
  aborted = false

  constructor(arm: Arm, to: Origin, request: Outbound, handler: AnswerHandler) {
    this.arm = arm
    this.to = to
    this.request = request
    this.handler = handler
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  abort(reason: Error): void {
    if (this.aborted) return
    this.aborted = true
    this.handler.onResponseError(this, reason)
  }

  accept(): void {
    this.handler.onRequestStart(this)
  }

  start(status: number, headers: Record<string, string>): void {
    this.handler.onResponseStart(this, status, headers)
  }

  data(chunk: Uint8Array | string): void {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
    this.handler.onResponseData(this, bytes)
  }

  end(): void {
    this.handler.onResponseEnd(this)
  }

  fail(error: Error): void {
    this.handler.onResponseError(this, error)
  }
}

class ManualClock implements Clock {
  #now = 0
  #timers: { at: number; run: () => void }[] = []

  wallMs(): number {
    return 1_700_000_000_000 + this.#now
  }

  monotonicMs(): number {
    return this.#now
  }

  setTimer(run: () => void, ms: number): unknown {
    const timer = { at: this.#now + ms, run }
    this.#timers.push(timer)
    return timer
  }

  clearTimer(timer: unknown): void {
    this.#timers = this.#timers.filter((each) => each !== timer)
  }

  get pending(): number {
    return this.#timers.length
  }

  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#now = next.at
      this.clearTimer(next)
      next.run()
    }
    this.#now = until
  }
}

export interface Bench {
  readonly gate: Gate
  readonly clock: ManualClock
  readonly calls: Call[]
  readonly observations: Observation[]
  readonly shadows: ShadowNote[]
}

/** A gate with one rollout over everything, at a share of 0 or 100 %. */
export function bench(options: {
  readonly canary: boolean
  readonly relay?: Record<string, unknown>
  readonly rollout?: Record<string, unknown>
}): Bench {
  const clock = new ManualClock()
  const calls: Call[] = []
  const observations: Observation[] = []
  const shadows: ShadowNote[] = []
  const config = configSchema.parse({
    version: 1,
    upstreams: {
      official: { baseUrl: 'https://official.test/v1' },
      relay: { baseUrl: 'https://relay.test/v1', ...options.relay },
    },
    flags: { file: 'none.json' },
    rollouts: {
      relay: {
        match: {
          paths: [
            '/v1/chat/completions',
            '/v1/completions',
            '/v1/embeddings',
            '/v1/responses',
            '/v1/messages',
          ],
        },
        control: 'official',
        canary: 'relay',
        flag: 'f',
        ...options.rollout,
      },
    },
  })
  const routes = routesOf(config, () => new Secret('none'))
  const splits: Splits = {
    asOfMs: 0,
    maxAgeMs: Number.POSITIVE_INFINITY,
    byRollout: new Map([
      [
        'relay',
        {
          rollout: 'relay',
          groupId: 'f',
          state: 'ramping',
          epoch: 1,
          version: 1,
          step: null,
          heightBp: 10_000,
          flag: { kind: 'ceiling', shareBp: options.canary ? 10_000 : 1 },
          killed: false,
        },
      ],
    ]),
  }
  const dial: Dial = {
    send(arm, to, request, handler) {
      calls.push(new Call(arm, to, request, handler))
    },
    retire() {},
    async close() {},
  }
  const silent = (): void => {}
  return {
    clock,
    calls,
    observations,
    shadows,
    gate: {
      routes: () => routes,
      splits: () => splits,
      dial,
      clock,
      log: { info: silent, warn: silent, error: silent },
      upstreamLimits: new Admissions(clock, () => 0.5),
      callerLimits: new Admissions(clock, () => 0.5),
      budgets: new RetryBudgets(),
      cooldowns: new Cooldowns(),
      spent: new Set(),
      callerOpensAt: () => null,
      keys: new Keys(),
      random: () => 0.5,
      id: () => 'hg_test',
      sha256: (text) => text,
      afterwards: (work) => work(),
      echoes: new ModelEchoes(),
      stored: new StoredResponses(),
      shadows: new Shadows(),
      telemetry: null,
      spans: null,
      draining: () => false,
      flights: new Flights(),
      witness: (observation) => observations.push(observation),
      ownWitness: () => null,
      priceOf: () => null,
      pairs: new Pairing(),
      mostAfterMs: Number.POSITIVE_INFINITY,
      shadowWitness: (_, note) => shadows.push(note),
    },
  }
}

/** Lets everything that was promised happen. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
