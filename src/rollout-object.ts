import { DurableObject } from 'cloudflare:workers'
import { Pairing } from 'headgate-comparing'
import { eventViewOf } from './api/event-view.ts'
import type { HistoryQuery } from './api/plane.ts'
import type { FlushView } from './api/views/flush.ts'
import type { HealthView } from './api/views/health.ts'
import type { HistorySample } from './api/views/history.ts'
import type { RolloutView } from './api/views/rollout.ts'
import { narrowed } from './edge-config.ts'
import { type Told, told, type Writer } from './edge-plane.ts'
import { placeOf } from './errors.ts'
import { lostOf, webhooks } from './exporters/webhook.ts'
import type { Headgate } from './headgate/parts.ts'
import { createHeadgate } from './headgate.ts'
import type { Log, PairQuery } from './ports.ts'
import type { Command } from './rollout/command.ts'
import type { Answer, Dispatch } from './rollout/exchange.ts'
import type { FlushRecord } from './rollout/flushes.ts'
import { openObjectStores } from './stores/durable-object.ts'
import { reopening } from './stores/reopening.ts'
import { wantsLatestNames } from './telemetry/environment.ts'
import { logToBoth } from './telemetry/lines.ts'
import type { Measured } from './telemetry/measured.ts'
import { Metrics } from './telemetry/metrics.ts'
import { fetchDial, fetchDoor } from './transports/fetch.ts'
import { type EdgeBindings, loadEdge } from './worker-bindings.ts'
import { type EdgeFlags, edgeFlags } from './worker-flags.ts'
import { type EdgeOtel, edgeOtel, envOf } from './worker-lazy.ts'
import { edgeClock, edgeLog, hex, newId, random, sha256 } from './worker-runtime.ts'

/**
 * ENTRY: the control plane of one rollout, and the one writer of its state and evidence. Isolates bring their counts and are
 * told where it stands. Its memory may be gone at any moment: what matters is in its storage.
 */

interface Hosted {
  readonly headgate: Headgate
  readonly flags: EdgeFlags | null
  readonly otel: EdgeOtel | null
}

/** A rollout on which nothing happens has a turn this often: its time at a height is served by turns. */
const TURN_MS = 60_000
/** While probes decide: an object that is not called is put to sleep, and its probes with it. */
const PROBING_MS = 5_000
/** Metrics are pushed at most this often: each is a call of the object. */
const LEAST_PUSH_MS = 1_000
/** A backend may keep an object busy so long at once. */
const SEND_MS = 15_000

export class RolloutObject extends DurableObject<EdgeBindings> implements Writer {
  #log: Log | null = null
  #pushedMs = Number.NEGATIVE_INFINITY
  #hosted: Hosted | null = null

  /** @throws what the store throws: what was counted has to be sent again */
  async exchange(rollout: string, dispatch: Dispatch): Promise<Answer | null> {
    const { headgate } = await this.#host(rollout)
    const answer = await headgate.exchange(rollout, dispatch)
    this.#send()
    return answer
  }

  async view(rollout: string): Promise<RolloutView | null> {
    const { headgate } = await this.#host(rollout)
    return headgate.plane.rollout(rollout)
  }

  async health(rollout: string): Promise<HealthView> {
    const { headgate } = await this.#host(rollout)
    return headgate.plane.health()
  }

  async command(rollout: string, command: Command): ReturnType<Writer['command']> {
    const { headgate } = await this.#host(rollout)
    const answer = await told(headgate.plane.command(rollout, command))
    await this.#nextTurn(rollout)
    this.#send()
    return answer
  }

  async events(
    rollout: string,
    query: Parameters<Writer['events']>[1],
  ): ReturnType<Writer['events']> {
    const { headgate } = await this.#host(rollout)
    return told(headgate.plane.events({ ...query, rollout }))
  }

  async flushes(
    rollout: string,
    query: Parameters<Writer['flushes']>[1],
  ): Promise<Told<readonly FlushView[] | null>> {
    const { headgate } = await this.#host(rollout)
    return told(headgate.plane.flushes({ ...query, rollout }))
  }

  async history(query: HistoryQuery): Promise<readonly HistorySample[] | null> {
    const { headgate } = await this.#host(query.rollout)
    return headgate.plane.history(query)
  }

  async measured(rollout: string): Promise<Measured | null> {
    const { headgate } = await this.#host(rollout)
    return headgate.metrics()
  }

  async ledger(
    rollout: string,
    days: Parameters<Writer['ledger']>[1],
  ): ReturnType<Writer['ledger']> {
    const { headgate } = await this.#host(rollout)
    const lines = await told(headgate.ledger(days))
    return lines.ok
      ? { ok: true, value: { lines: lines.value, budgets: headgate.budgets() } }
      : lines
  }

  async pairs(rollout: string, query: PairQuery): ReturnType<Writer['pairs']> {
    const { headgate } = await this.#host(rollout)
    return told(headgate.plane.pairs({ ...query, rollout }))
  }

  async pair(rollout: string, id: string): ReturnType<Writer['pair']> {
    const { headgate } = await this.#host(rollout)
    return told(headgate.plane.pair(id))
  }

  /** Whatever happens in it, the next is set: an alarm that is not is the end of all turns. */
  override async alarm(): Promise<void> {
    const rollout = this.ctx.storage.kv.get('rollout')
    if (typeof rollout !== 'string') return
    try {
      const { headgate, flags } = await this.#host(rollout)
      await flags?.refresh()
      await headgate.turn()
      this.#push()
      this.#send()
      // Kill flag and ledger wait for no upstream's answer.
      this.ctx.waitUntil(headgate.question())
    } catch (error) {
      this.#logged().error('turn failed', { rollout, at: placeOf(error) })
    } finally {
      await this.#nextTurn(rollout)
    }
  }

  /** All metrics as they stand, where they are pushed; an alarm may come for other reasons too. */
  #push(): void {
    const { headgate, otel } = this.#hosted ?? {}
    const push = otel?.otlp.metrics ?? null
    const nowMs = edgeClock.monotonicMs()
    const due = nowMs - this.#pushedMs >= (otel?.otlp.metricsEveryMs ?? 0)
    const measured = push !== null && due ? headgate?.metrics() : null
    if (otel == null || push === null || measured == null) return
    this.#pushedMs = nowMs
    const latest = wantsLatestNames(envOf(this.env))
    push(otel.telemetry.collectedOf(measured, latest), measured.fromAt)
  }

  /** What waits for a backend; the platform keeps an object that fetches awake. */
  #send(): void {
    const { otlp } = this.#hosted?.otel ?? {}
    if (otlp?.waits === true) this.ctx.waitUntil(otlp.flush(SEND_MS))
  }

  async #nextTurn(rollout: string): Promise<void> {
    const view = this.#hosted?.headgate.rollouts().find(({ name }) => name === rollout)
    const turnMs = view?.state === 'suspended' ? PROBING_MS : TURN_MS
    const { flags, otel } = this.#hosted ?? {}
    const pushMs = otel?.otlp.metrics == null ? TURN_MS : otel.otlp.metricsEveryMs
    const waitMs = Math.min(turnMs, flags?.refreshMs ?? TURN_MS, Math.max(pushMs, LEAST_PUSH_MS))
    await this.ctx.storage.setAlarm(Date.now() + waitMs)
  }

  /** @throws {HeadgateError} `config_invalid` */
  async #host(rollout: string): Promise<Hosted> {
    this.#hosted ??= await this.ctx.blockConcurrencyWhile(async () => {
      // Whoever waited for the same finds it done.
      return this.#hosted ?? this.#begin(rollout)
    })
    return this.#hosted
  }

  async #begin(rollout: string): Promise<Hosted> {
    const { storage } = this.ctx
    const lines = this.#logged()
    const parts = { bindings: this.env, clock: edgeClock }
    const [edge, otel] = await Promise.all([
      loadEdge(this.env),
      edgeOtel({ ...parts, log: lines, hex, metrics: true }),
    ])
    const logs = otel?.otlp.logs ?? null
    const log =
      logs === null
        ? lines
        : logToBoth(lines, logs, this.env['HEADGATE_LOG_LEVEL'], edgeClock.wallMs)
    const spans = otel?.otlp.spans ?? null
    const { config, reveal } = edge
    const flags = edgeFlags(edge, {
      bindings: this.env,
      storage: storage.kv,
      clock: edgeClock,
      log,
      random,
      instanceId: newId(),
    })
    const hooks = webhooks({
      targets: config.webhooks.map((hook) => ({ ...hook, secret: reveal(hook.secret) })),
      view: eventViewOf,
      fetch: (url, init) => fetch(url, init),
      clock: edgeClock,
      random,
      log,
    })
    const headgate = createHeadgate({
      door: fetchDoor,
      dial: fetchDial((url, init) => fetch(url, init)),
      clock: edgeClock,
      log,
      id: newId,
      random,
      sha256,
      routes: narrowed(edge.routes, rollout),
      pricing: edge.pricing,
      flags: flags?.source ?? null,
      flagsMaxAgeMs: flags?.maxAgeMs ?? Number.POSITIVE_INFINITY,
      killedByEnv: this.env['HEADGATE_KILL'] === '1',
      controlToken: () => edge.controlToken,
      stores: reopening(() => openObjectStores<FlushRecord>(storage), edgeClock.monotonicMs),
      storeName: 'durable-object',
      isolates: true,
      pairs: Pairing === null ? null : new Pairing(() => null),
      metrics: new Metrics({
        monotonicMs: edgeClock.monotonicMs,
        dropped: () => ({ ...otel?.otlp.dropped(), webhooks: lostOf(hooks) }),
      }),
      tracing:
        spans === null || otel === null ? null : { spans, tracesOf: otel.telemetry.tracesOf },
      onEvent: (event) => hooks.send(event),
    })
    flags?.source.onChange(headgate.refresh)
    await flags?.refresh()
    await headgate.turn()
    storage.kv.put('rollout', rollout)
    if ((await storage.getAlarm()) === null) await storage.setAlarm(Date.now() + PROBING_MS)
    return { headgate, flags, otel }
  }

  #logged(): Log {
    this.#log ??= edgeLog(this.env)
    return this.#log
  }
}
