import { costsAt, daysOf } from './api/cost-view.ts'
import type { CommandAnswer, ControlPlane, CostsQuery } from './api/plane.ts'
import { Requests } from './api/requests.ts'
import { flagPercentOf, rolloutViewOf } from './api/rollout-view.ts'
import { controlApp } from './api/routes.ts'
import type { CostsView } from './api/views/costs.ts'
import type { FlushView } from './api/views/flush.ts'
import type { HealthView } from './api/views/health.ts'
import type { RolloutView } from './api/views/rollout.ts'
import { Comparisons } from './comparisons.ts'
import { Accounts, budgetsIn } from './cost/accounts.ts'
import type { BudgetStand } from './cost/budget.ts'
import { dollars } from './cost/savings.ts'
import type { Serving } from './doctor/parts.ts'
import { rounds } from './doctor/rounds.ts'
import { placeOf } from './errors.ts'
import { Caught } from './headgate/caught.ts'
import { FlagsInForce } from './headgate/flags.ts'
import { Memories } from './headgate/memory.ts'
import type { Headgate, Parts } from './headgate/parts.ts'
import { Questioner } from './headgate/questioner.ts'
import { dataApp } from './proxy/app.ts'
import { foretell } from './proxy/foretell.ts'
import { newGate } from './proxy/gate.ts'
import { notePlanted } from './proxy/planted.ts'
import { probeRequestOf, sendProbe } from './proxy/probe.ts'
import { Proofs } from './proxy/proof.ts'
import { both } from './proxy/telemetry.ts'
import type { Report } from './rollout/controller.ts'
import { Isolates } from './rollout/isolates.ts'
import type { ProbeAnswer, ProbeShape } from './rollout/probing.ts'
import { Rollouts } from './rollout/rollouts.ts'
import { ceilingBpOf, splitsOf } from './rollout/split.ts'
import { attemptCostOf } from './telemetry/attempt-cost.ts'
import { countedStores } from './telemetry/counted-stores.ts'
import type { Measured } from './telemetry/measured.ts'
import { namedModels } from './telemetry/models.ts'
import type { MonitorReport, Observation, Outcome, RolloutEvent, Split, Splits } from './types.ts'

/** PRODUCT.md "Two clocks": the control plane's word holds this long in the data plane. */
const SPLIT_MAX_AGE_MS = 30_000
/** Requests under way are looked through at most this often. */
const WATCH_MS = 250

/** Both planes as two Hono apps, with no runtime in them. */
export function createHeadgate(parts: Parts): Headgate {
  const { clock, log } = parts
  let { routes, pricing } = parts
  let splits: Splits | null = null
  let draining = false
  let generation = 1
  let configFault: string | null = null
  let watchedMs = Number.NEGATIVE_INFINITY
  const wallMs = parts.calendar?.wallMs ?? (() => clock.wallMs())
  const watchedSinceMs = wallMs()
  const flags = new FlagsInForce({
    source: parts.flags,
    maxAgeMs: parts.flagsMaxAgeMs,
    routes,
    monotonicMs: () => clock.monotonicMs(),
  })
  const memories = new Memories()
  const isolates = new Isolates()
  const requests = new Requests({ traceUrl: parts.traceUrl ?? (() => null) })
  const { checks } = parts
  const doctor = checks === undefined ? null : rounds(() => checks(serving()), clock)
  const proofs = new Proofs()
  const measured = parts.metrics ?? null
  const stores =
    measured === null
      ? parts.stores
      : countedStores(parts.stores, (code) => measured.noteStoreError(code))
  const accounts = new Accounts(parts.pricing, {
    store: stores.ledger,
    process: parts.id(),
    wallMs: () => clock.wallMs(),
    log,
    // What is told of a budget is told in the audit log, and so to webhooks.
    onNews: ({ whose, name, type, words }, rollout) => {
      log.warn('budget', { [whose === 'canary' ? 'rollout' : 'caller']: name, type, words })
      // Of a caller without a rollout, the first one's log has it: it is where people look.
      const whereTold = rollout ?? routes.rollouts.keys().next().value
      if (whereTold !== undefined) rollouts.note(whereTold, { type, reason: words, by: 'budget' })
    },
    onLines: (lines) => measured?.spending.add(lines),
  })
  const comparisons = new Comparisons({
    store: stores.pairs,
    wallMs: () => clock.wallMs(),
    log,
  })
  const listeners = new Set<(event: RolloutEvent) => void>()
  const startedAt = clock.wallMs()
  const flagVersions = new WeakMap<Split, string>()
  const spans = parts.tracing?.spans ?? null
  const traces =
    parts.tracing?.tracesOf({
      spans: parts.tracing.spans,
      sha256: parts.sha256,
      flagVersionOf: (split) => (split === null ? null : (flagVersions.get(split) ?? null)),
      flagProvider: () => flags.provider,
      costOf: (ended, attempted) => attemptCostOf(pricing, ended, attempted),
      monotonicMs: () => clock.monotonicMs(),
    }) ?? null

  const rollouts = new Rollouts({
    stores,
    clock,
    wallMs,
    maxGapMs: parts.calendar?.maxGapMs,
    id: parts.id,
    log,
    isolates: parts.isolates,
    ceilingBp: (rollout) => ceilingBpOf(splits?.byRollout.get(rollout)),
    onChange: refresh,
    onEvent: (event) => {
      measured?.note(event)
      noteView(event.rollout)
      traces?.decided(event)
      for (const listener of listeners) listener(event)
      parts.onEvent?.(event)
    },
    onFinding: (rollout, finding) => {
      comparisons.note(rollout, { what: 'caught', finding })
      caught.add(rollout, [finding])
    },
    probe,
    drift: (name) => comparisons.driftOf(name),
  })
  rollouts.configure(routes.rollouts.values())
  accounts.configure(budgetsIn(routes))
  measured?.spending.name(namedModels(routes))
  const caught = new Caught((rollout, note) => rollouts.note(rollout, note))

  const gate = newGate({
    routes: () => routes,
    splits: () => splits,
    dial: parts.dial,
    clock,
    log,
    spent: accounts.spent,
    callerOpensAt: (name) => accounts.opensAt(name),
    random: parts.random,
    id: parts.id,
    sha256: parts.sha256,
    afterwards: parts.afterwards ?? ((work) => work()),
    draining: () => draining,
    telemetry: both(measured?.meter ?? null, traces),
    spans,
    witness: (observed, draw) => {
      watchFlights()
      if (observed.outcome === 'ok') proofs.note(observed.upstream, clock.monotonicMs())
      const pico = accounts.book(observed, 'live', otherUpstreamOf(observed))
      if (observed.rollout === null) {
        parts.witness?.(observed, draw)
        return
      }
      const { observation, added } = rollouts.observe(observed, draw, dollars(pico))
      const nowMs = clock.monotonicMs()
      memories.of(observed.rollout).tally.add(observation, nowMs, pico)
      requests.add(observation, draw, added, nowMs)
      flags.count(observation, draw)
      parts.witness?.(observation, draw)
    },
    pairs: parts.pairs ?? null,
    mostAfterMs: Number.POSITIVE_INFINITY,
    priceOf: (observation) => dollars(accounts.priceOf(observation)),
    shadowWitness: (rollout, note) => {
      comparisons.note(rollout, note)
      if (note.what === 'paired') {
        rollouts.compared(rollout, note.pair)
        caught.add(rollout, note.pair.findings)
      } else if (note.what === 'caught') {
        rollouts.caught(rollout, note.finding)
        caught.add(rollout, [note.finding])
      }
    },
    ownWitness: (observation, role) => dollars(accounts.book(observation, role, null)),
  })

  const questioner = new Questioner({ gate, rollouts, wallMs, log })

  /** Where it would have gone on the other arm. */
  function otherUpstreamOf({ rollout, arm }: Observation): string | null {
    const known = rollout === null ? undefined : routes.rollouts.get(rollout)
    if (known === undefined) return null
    return arm === 'canary' ? known.control.name : known.canary.name
  }

  /** Where something ends, something else may wait in vain; where nothing ends nothing comes either. */
  function watchFlights(): void {
    const nowMs = clock.monotonicMs()
    if (nowMs - watchedMs < WATCH_MS) return
    watchedMs = nowMs
    rollouts.watch(gate.flights, nowMs)
  }

  async function probe(name: string, like: ProbeShape | null): Promise<ProbeAnswer | null> {
    const rollout = routes.rollouts.get(name)
    if (rollout === undefined) return null
    const request = probeRequestOf(rollout, like)
    if (request === null) {
      log.warn('no probe: no model is known to ask; set probe.model', { rollout: name })
      return null
    }
    const { control, canary } = await sendProbe(gate, rollout, request)
    log.info('probe', { rollout: name, control, canary })
    const answerOf = (outcome: Outcome) => (outcome === 'ok' ? 'good' : 'failed')
    return { control: answerOf(control), canary: answerOf(canary) }
  }

  function refresh(): void {
    splits = splitsOf(rollouts.splitInputs(), flags.current(), {
      killedByEnv: parts.killedByEnv,
      nowMs: clock.monotonicMs(),
      splitMaxAgeMs: SPLIT_MAX_AGE_MS,
      flagsMaxAgeMs: flags.maxAgeMs,
      before: splits,
    })
    const hash = flags.current()?.hash
    for (const split of splits.byRollout.values()) {
      if (hash !== undefined) flagVersions.set(split, hash)
      noteChange(split)
    }
  }

  /** Remembers how it stands, and says when the judge says something else. */
  function noteView(rollout: string): void {
    const view = viewOf(rollout)
    if (view === null) return
    memories.of(rollout).history.add(view, clock.monotonicMs())
    noteVerdict(rollout, view.verdict)
  }

  function noteVerdict(rollout: string, { value: to, reasons }: RolloutView['verdict']): void {
    const memory = memories.of(rollout)
    const from = memory.verdict
    memory.verdict = to
    if (from === null || from === to) return
    log.info('verdict', { rollout, from, to, reasons })
    traces?.noteVerdict(rollout, { at: clock.wallMs(), from, to, reasons })
  }

  /** Says when what requests are split by changed, once, in the log. */
  function noteChange(split: Split): void {
    const flag = flagPercentOf(split)
    const key = `${split.state} ${split.version} ${split.killed} ${flag} ${split.flag?.kind}`
    const memory = memories.of(split.rollout)
    if (memory.split === key) return
    memory.split = key
    log.info('split', {
      rollout: split.rollout,
      state: split.state,
      heightPercent: split.heightBp / 100,
      flag: split.flag?.kind ?? 'unread',
      ceilingPercent: flag,
      killed: split.killed,
    })
  }

  /** Where a canary takes all that comes, nobody hears that control's key has expired; until the day of the rollback. */
  async function proveControls(): Promise<void> {
    const nowMs = clock.monotonicMs()
    for (const { name, control, canary } of routes.rollouts.values()) {
      if (control === canary || control.passthrough) continue
      if (memories.of(name).tally.canaryPerSecond(nowMs) > 0) await proofs.ask(gate, control)
    }
  }

  function viewOf(name: string): RolloutView | null {
    const split = splits?.byRollout.get(name)
    const report = rollouts.report(name)
    const config = routes.rollouts.get(name)?.config
    if (split === undefined || report === null || config === undefined) return null
    return rolloutViewOf({
      split,
      report,
      tally: memories.of(name).tally,
      flags: flags.view(),
      drift: comparisons.view(name, config, {
        meaning: monitorOf(report, 'meaning'),
        questions: rollouts.questions(name),
      }),
      canaryInFlight: canaryInFlight(name),
      budgets: budgetsOn(name),
      nowMs: clock.monotonicMs(),
      wallMs: wallMs(),
      watchedSinceMs,
    })
  }

  /** Those of its canary, and of callers that may meet it. */
  function budgetsOn(rollout: string): readonly BudgetStand[] {
    const callers = [...(routes.callers?.values() ?? [])]
    const meets = (caller: string) =>
      callers.some(({ name, rollouts }) => name === caller && rollouts?.has(rollout) !== false)
    return accounts
      .stands()
      .filter(({ whose, name }) => (whose === 'caller' ? meets(name) : name === rollout))
  }

  function canaryInFlight(name: string): number {
    let count = isolates.inFlight(name, clock.monotonicMs())
    for (const { rollout, arm } of gate.flights) if (rollout === name && arm === 'canary') count++
    return count
  }

  const viewAll = (): readonly RolloutView[] =>
    [...routes.rollouts.keys()].flatMap((name) => viewOf(name) ?? [])

  function healthOf(): HealthView {
    return {
      ready: !draining,
      degraded: degradedOf(),
      config: { generation, fault: configFault },
      flags: flags.view(),
      store: { kind: parts.storeName, fault: rollouts.fault ?? accounts.fault },
    }
  }

  function degradedOf(): string[] {
    const degraded: string[] = []
    if (configFault !== null) degraded.push('config')
    if (flags.isDegraded) degraded.push('flags')
    if (rollouts.fault !== null || accounts.fault !== null) degraded.push('store')
    if (gate.keys.refusing().length > 0) degraded.push('credentials')
    if (proofs.silent().size > 0) degraded.push('control')
    return degraded
  }

  function serving(): Serving {
    return {
      flags: flags.health(),
      store: {
        kind: parts.storeName,
        fault: rollouts.fault ?? accounts.fault,
        fix: null,
        busy: false,
      },
      refusing: gate.keys.refusing(),
    }
  }

  async function costsOf(query: CostsQuery): Promise<CostsView | null> {
    const { rollout } = query
    const atMs = clock.wallMs()
    const lines = await accounts.read(daysOf(query, atMs))
    const of = lines.filter(({ key }) => rollout === undefined || key.rollout === rollout)
    // What a rollout spent stays, also when config knows it no more.
    if (rollout !== undefined && of.length === 0 && !routes.rollouts.has(rollout)) return null
    const stands = accounts
      .stands()
      .filter(({ whose, name }) => rollout === undefined || whose === 'caller' || name === rollout)
    const asked = viewAll().filter(({ name }) => rollout === undefined || name === rollout)
    return costsAt({ query, lines: of, budgets: stands, rollouts: asked, atMs })
  }

  function metrics(): Measured | null {
    if (measured === null) return null
    const standing = {
      rollouts: viewAll(),
      splitAgeMs: splits === null ? null : clock.monotonicMs() - splits.asOfMs,
      flagAgeMs: flags.knownAgeMs,
      budgets: accounts.stands(),
    }
    return measured.measured(standing, accounts.pending(), startedAt)
  }

  function metricsPage(openMetrics: boolean): string | null {
    const now = metrics()
    return now === null ? null : (parts.metricsPage?.(now, openMetrics) ?? null)
  }

  const plane: ControlPlane = {
    rollouts: viewAll,
    rollout: viewOf,
    health: healthOf,
    checks: async () => {
      if (doctor === null) return null
      const { checks: items, at } = await doctor.run()
      return { at: new Date(at).toISOString(), items: [...items] }
    },
    token: parts.controlToken,
    viewerToken: parts.viewerToken ?? (() => null),
    command: async (name, command): Promise<CommandAnswer> => {
      const result = await rollouts.command(name, command)
      const view = viewOf(name)
      if (result === null || view === null) {
        return { ok: false, code: 'unknown_rollout', message: `there is no rollout ${name}` }
      }
      if (result.ok) return { ok: true, rollout: view }
      return { ok: false, code: result.code, message: result.message, version: view.version }
    },
    events: (query) => rollouts.events(query),
    flushes: async ({ rollout, ...query }) => {
      if (!routes.rollouts.has(rollout)) return null
      const batches = await stores.evidence.read({ rollout, ...query })
      return batches.map(({ position, epoch, process, sequence, at, counts }) => ({
        position,
        epoch,
        process,
        sequence,
        at: new Date(at).toISOString(),
        counts: counts as unknown as FlushView['counts'],
      }))
    },
    history: ({ rollout, trail, after }) =>
      routes.rollouts.has(rollout) ? memories.of(rollout).history.read(trail, after) : null,
    costs: costsOf,
    pairs: (query) => comparisons.read(query),
    pair: (id) => comparisons.get(id),
    requests: (rollout, limit) => requests.list(rollout, limit),
    request: (id) => requests.get(id),
    arm: (rollout, question) => foretell(gate, rollout, question),
    dataUrl: parts.dataUrl ?? (() => null),
    names: () => [...routes.rollouts.keys()],
    metricsPage,
    onEvent: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }

  return {
    data: dataApp(parts.door, gate, () => ({ ready: !draining, degraded: degradedOf() })),
    control: controlApp(plane, {
      onDefect: (error) => log.error('request failed inside Headgate', { at: placeOf(error) }),
      onGuessing: (source) => log.warn('many wrong control tokens', { source }),
      onWrong: (token) => notePlanted(gate, routes, token, 'control'),
      nowMs: () => clock.monotonicMs(),
      page: parts.page,
      ...(parts.source === undefined ? {} : { source: parts.source }),
    }),
    plane,
    refresh,
    async exchange(name, dispatch) {
      if (dispatch.failure !== null) traces?.noteFailure(name, dispatch.failure)
      const answer = await rollouts.exchange(name, dispatch)
      if (answer === null) return null
      const nowMs = clock.monotonicMs()
      const { process, parcel } = dispatch
      if (parcel !== null) await accounts.take(process, parcel.sequence, parcel.spend)
      const fresh = isolates.hear(name, dispatch, nowMs)
      if (fresh !== null) memories.of(name).tally.merge(fresh.tally, nowMs)
      if (fresh?.shadows != null) {
        const { shadows } = fresh
        comparisons.merge(name, shadows)
        caught.add(name, [
          ...(shadows.caught ?? []),
          ...shadows.pairs.flatMap(({ findings }) => findings),
        ])
      }
      if (fresh !== null && parcel?.measured != null) measured?.take(parcel.measured)
      if (memories.of(name).history.isDue(nowMs)) noteView(name)
      const control = routes.rollouts.get(name)?.control
      if (control !== undefined && (fresh?.tally.arms.control.outcomes.ok ?? 0) > 0) {
        proofs.note(control.name, nowMs)
      }
      const spent = accounts.spent.has(name)
      const closedCallers = accounts.closedCallers()
      return { ...answer, flags: flags.news(dispatch.flagsHash), spent, closedCallers }
    },
    async turn() {
      accounts.turn()
      await rollouts.turn()
      refresh()
      const nowMs = clock.monotonicMs()
      for (const name of routes.rollouts.keys())
        if (memories.of(name).history.isDue(nowMs)) noteView(name)
      await Promise.all([
        proveControls(),
        accounts.flush(),
        comparisons.flush(routes.rollouts.values()),
      ])
    },
    question: () => questioner.turn(routes.rollouts.values()),
    budgets: () => accounts.stands(),
    ledger: (days) => accounts.read(days),
    reload(next) {
      routes = next.routes
      pricing = next.pricing
      accounts.price(pricing)
      flags.replace({ source: next.flags, maxAgeMs: next.flagsMaxAgeMs, routes })
      generation++
      gate.keys.forget()
      doctor?.forget()
      proofs.forget()
      configFault = null
      rollouts.configure(routes.rollouts.values())
      accounts.configure(budgetsIn(routes))
      measured?.spending.name(namedModels(routes))
      refresh()
      void rollouts.turn()
    },
    note: (rollout, note) => rollouts.note(rollout, note),
    setConfigFault(fault) {
      configFault = fault
    },
    drain() {
      draining = true
    },
    async close() {
      gate.shadows.stop()
      await Promise.all([accounts.flush(), comparisons.flush([])])
      await rollouts.close()
    },
    rollouts: viewAll,
    metrics,
  }
}

function monitorOf({ judgement }: Report, name: string): MonitorReport | null {
  return judgement?.guard.monitors.find((monitor) => monitor.name === name) ?? null
}
