/**
 * START HERE: what happens in the demo's minute. The demo starts the rollout, breaks the relay, heals it, and plays the person
 * who rearms it; what climbs, suspends and rolls back is Headgate by itself. Each act is checked.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RolloutView } from '../api/views/rollout.ts'
import type { RolloutEvent } from '../types.ts'
import {
  callerFaults,
  closedFaults,
  isDrawn,
  NO_UNITS,
  observedPercentOf,
  onCanary,
  sentIn,
  stayFaults,
  type Units,
  unitsOf,
  within,
} from './checks.ts'
import { type Fault, nameOf } from './faults.ts'
import type { Line, Summary } from './lines.ts'
import { type Load, type LoadRecord, startLoad } from './load.ts'
import type { Scene, Signature } from './scene.ts'

const RPS = 80
/** On a busy machine fewer requests are sent, rather than all of them late. */
const MAX_IN_FLIGHT = 60
/** Many embeddings: each is a unit of its own, and evidence is counted by units. */
const MIX = { chat_stream: 2, chat_json: 1, messages_stream: 1, messages_json: 1, embeddings: 15 }

/** The relay breaks then, in ms from the beginning, or later once the climb has come so far and stood there so long. */
const BREAK_AT_MS = 20_000
const CLIMBS_BEFORE = 2
const STOOD_MS = 1_500
const CLIMBS_AGAIN = 2
const FAULT: Fault = { kind: 'status', status: 503, retryAfter: null }
/** How long the rollback is watched to stay one: with the relay broken, and with the relay well. */
const LATCHED_MS = 1_500
const KILL_AT_MS = 57_000
const KILLED_MS = 2_500

/** When an act that did not come to its end is given up, in ms from its beginning. */
const CLIMB_WITHIN_MS = 32_000
const ROLL_BACK_WITHIN_MS = 12_000
const COMPLETE_WITHIN_MS = 42_000
/** How long what was written may take to be read; PRODUCT.md promises a second for a file. */
const READ_WITHIN_MS = 5_000

const MACHINES = ['guard', 'tripwire', 'probes']
const START: Signature = {
  by: 'robin, played by the demo',
  reason: 'let the relay show that it is no worse',
}
const REARM: Signature = {
  by: 'robin, played by the demo',
  reason: 'the relay is healed',
}
const START_AGAIN: Signature = {
  by: 'robin, played by the demo',
  reason: 'a second climb',
}

/** What the demo did, for whoever shows it. */
export interface Telling {
  readonly load: Load
  /** Why the relay is broken right now; null while it is well. */
  fault(): string | null
  /** Resolves when the story is over. @throws when the signal ends it, or Headgate stops answering */
  readonly told: Promise<Summary>
}

export interface TellingOptions {
  readonly seed: number | string
  readonly signal: AbortSignal
  readonly say: (line: Line) => void
  readonly onRecord?: (record: LoadRecord) => void
}

/** Hears the rollout's events before there is anyone to tell them to. */
export class Ears {
  #listener: (event: RolloutEvent) => void = () => {}
  readonly hear = (event: RolloutEvent): void => this.#listener(event)

  listen(listener: (event: RolloutEvent) => void): void {
    this.#listener = listener
  }
}

/** Begins the story, and the load. */
export function tell(scene: Scene, ears: Ears, options: TellingOptions): Telling {
  const records: LoadRecord[] = []
  const load = startLoad({
    baseUrl: scene.dataUrl,
    seed: options.seed,
    rps: RPS,
    mix: MIX,
    turns: 3,
    maxInFlight: MAX_IN_FLIGHT,
    onRecord: (record) => {
      records.push(record)
      options.onRecord?.(record)
    },
  })
  const story = new Story(scene, load, records, options)
  ears.listen((event) => story.hear(event))
  const told = story.tell().finally(() => load.stop())
  return { load, fault: () => story.fault, told }
}

interface Staying {
  readonly percent: number
  readonly epoch: number
  readonly step: number | null
  readonly enteredMs: number
  /** Null until the control API says that requests are split by it. */
  fromMs: number | null
}

class Story {
  fault: string | null = null
  readonly #scene: Scene
  readonly #load: Load
  readonly #records: readonly LoadRecord[]
  readonly #say: (line: Line) => void
  readonly #signal: AbortSignal
  readonly #startedMs = performance.now()
  readonly #failures: string[] = []
  readonly #heard: { readonly event: RolloutEvent; readonly atMs: number }[] = []
  #stay: Staying | null = null
  #before: { readonly percent: number; readonly units: Units } = { percent: 0, units: NO_UNITS }
  #flag: number | null = null
  #faultMs: number | null = null
  #detectMs: number | null = null
  #exposed = 0

  constructor(
    scene: Scene,
    load: Load,
    records: readonly LoadRecord[],
    { say, signal }: TellingOptions,
  ) {
    this.#scene = scene
    this.#load = load
    this.#records = records
    this.#say = say
    this.#signal = signal
  }

  async tell(): Promise<Summary> {
    await this.#climb()
    const closedMs = await this.#break()
    if (closedMs !== null) {
      await this.#staysClosed(closedMs)
      await this.#again()
    }
    await this.#kill()
    await this.#load.stop()
    const summary = this.#summary(await this.#scene.savedUsd().catch(() => null))
    this.#say(summary)
    return summary
  }

  /** An event, the moment it is durable: requests are split by it right after. */
  hear(event: RolloutEvent): void {
    const atMs = performance.now()
    this.#heard.push({ event, atMs })
    const { type, by, reason, epoch, before, after } = event
    if (after.visit !== before.visit) {
      this.#leave(atMs, { type, by, reason })
      if (after.heightBp > 0) this.#enter(event, atMs)
    }
    const day = Math.round(this.#scene.calendar.dayOf(event.at) * 100) / 100
    if (type === 'suspended' || type === 'rolled_back') {
      const detectMs = this.#faultMs === null ? null : Math.round(atMs - this.#faultMs)
      this.#detectMs ??= detectMs
      this.#say({ type, by, reason, epoch, day, detectMs })
    } else if (type === 'rearmed') {
      this.#say({ type, by, reason, epoch, day })
    }
  }

  // Acts

  async #climb(): Promise<void> {
    await this.#scene.command('start', START)
    const climbed = (): boolean => this.#advances(1) >= CLIMBS_BEFORE
    await this.#until(
      () => (climbed() && this.#stands() && this.#elapsedMs() >= BREAK_AT_MS) || this.#isDown(),
      CLIMB_WITHIN_MS,
    )
    if (this.#isDown()) this.#failures.push('it was closed before anything was wrong')
    else if (!climbed()) {
      this.#failures.push(
        `it must climb ${CLIMBS_BEFORE} steps before the fault, climbed ${this.#advances(1)}`,
      )
    }
  }

  /** @returns when the share was 0, in `performance.now()`; null when it was not */
  async #break(): Promise<number | null> {
    const faultMs = performance.now()
    this.#leave(faultMs, null)
    this.#faultMs = faultMs
    this.fault = nameOf(FAULT)
    this.#say({ type: 'fault', upstream: 'relay', fault: this.fault, injectedBy: 'demo' })
    await this.#scene.relay.setFault(FAULT)
    const down = await this.#until(() => this.#isDown(), ROLL_BACK_WITHIN_MS)
    const closedMs = down ? await this.#closed() : null
    const rolledBack = await this.#until(() => this.#last('rolled_back'), ROLL_BACK_WITHIN_MS)
    await this.#load.settled()
    const during = sentIn(this.#records, faultMs, closedMs ?? performance.now())
    const exposed = during.filter((record) => isDrawn(record) && onCanary(record))
    this.#exposed = exposed.length
    if (!exposed.some(({ reason, arm }) => reason === 'failover' && arm === 'control')) {
      this.#failures.push('while the relay was down no request was answered by control on failover')
    }
    if (!rolledBack) {
      this.#failures.push(
        `it must roll back within ${ROLL_BACK_WITHIN_MS} ms of the fault, did not`,
      )
      return null
    }
    await this.#audited()
    return closedMs
  }

  /** A rollback is latched: the relay may get well, and nothing happens. */
  async #staysClosed(closedMs: number): Promise<void> {
    const latchedMs = performance.now()
    await this.#wait(LATCHED_MS)
    await this.#scene.relay.setFault(null)
    this.fault = null
    this.#say({ type: 'fault', upstream: 'relay', fault: null, injectedBy: 'demo' })
    await this.#wait(LATCHED_MS)
    const untilMs = performance.now()
    await this.#load.settled()
    const after = sentIn(this.#records, latchedMs, untilMs)
    const between = sentIn(this.#records, closedMs, latchedMs)
    this.#failures.push(...closedFaults(after, ['latched'], 'after the rollback'))
    if (between.length > 0) {
      const reasons = ['suspended', 'latched']
      this.#failures.push(...closedFaults(between, reasons, 'after the share was 0'))
    }
    const { state, share } = await this.#scene.rollout()
    if (state !== 'rolled_back' || share.target !== 0) {
      this.#failures.push(`a relay that is well again must change nothing, made it ${state}`)
    }
  }

  async #again(): Promise<void> {
    const rearmed = await this.#scene.command('rearm', REARM)
    if (rearmed.state !== 'idle' || rearmed.epoch !== 2 || rearmed.share.target !== 0) {
      this.#failures.push(
        `rearm must make it idle at 0 % in epoch 2, made it ${rearmed.state} at ${rearmed.share.target} % in epoch ${rearmed.epoch}`,
      )
    }
    const startedMs = performance.now()
    await this.#scene.command('start', START_AGAIN)
    const complete = await this.#until(
      () => this.#last('completed') || this.#last('suspended') || this.#last('rolled_back'),
      COMPLETE_WITHIN_MS,
    )
    if (!complete || !this.#last('completed') || this.#advances(2) < CLIMBS_AGAIN) {
      const { type, reason } = this.#heard.at(-1)?.event ?? { type: 'nothing', reason: '' }
      this.#failures.push(
        `the second climb must reach the end of the plan, climbed ${this.#advances(2)} steps; last: ${type} ${reason}`,
      )
    }
    const healthy = this.#records.some(
      ({ sentAt, arm, fault }) => sentAt > startedMs && arm === 'canary' && fault === null,
    )
    if (!healthy) this.#failures.push('the relay answered nobody after it had healed')
  }

  async #kill(): Promise<void> {
    await this.#wait(KILL_AT_MS - this.#elapsedMs())
    const writtenMs = performance.now()
    this.#leave(writtenMs, null)
    this.#scene.setFlags({ percent: 100, kill: true })
    await this.#reading('the kill', ({ killed, share }) => killed && share.target === 0)
    const readMs = Math.round(performance.now() - writtenMs)
    const fromMs = performance.now()
    await this.#wait(KILLED_MS)
    const untilMs = performance.now()
    await this.#load.settled()
    const after = sentIn(this.#records, fromMs, untilMs)
    this.#say({ type: 'killed', readMs, requests: after.length })
    this.#failures.push(...closedFaults(after, ['killed'], 'after the kill was read'))
  }

  // Stays at one share

  #enter({ epoch, after }: RolloutEvent, enteredMs: number): void {
    const { heightBp, step } = after
    const stay: Staying = { percent: heightBp / 100, epoch, step, enteredMs, fromMs: null }
    this.#stay = stay
    const read = this.#reading(`${stay.percent} %`, ({ share }) => {
      this.#flag = share.flag
      if (this.#stay !== stay) return true
      return share.target === stay.percent
    })
    read.then(
      () => {
        stay.fromMs = performance.now()
      },
      (error: unknown) => {
        if (!this.#signal.aborted) this.#failures.push(String(error))
      },
    )
  }

  #leave(untilMs: number, left: Extract<Line, { type: 'step' }>['left']): void {
    const stay = this.#stay
    this.#stay = null
    if (stay === null) return
    const { percent, epoch, step, enteredMs, fromMs } = stay
    const records = within({ percent, fromMs: fromMs ?? untilMs, untilMs }, this.#records)
    const units = unitsOf(records)
    // A step that began in the moment between the fault and its discovery may be over before it was seen.
    if (this.fault === null || units.drawn.size > 0) {
      const lower = this.#before.percent <= percent ? this.#before.units : NO_UNITS
      this.#failures.push(...stayFaults(percent, records, lower))
    }
    this.#before = { percent, units }
    this.#say({
      type: 'step',
      epoch,
      step,
      share: { target: percent, observed: observedPercentOf(units), flag: this.#flag },
      requests: records.length,
      units: { drawn: units.drawn.size, canary: units.canary.size },
      heldMs: Math.round(untilMs - enteredMs),
      left,
    })
  }

  /** Long enough at one share to have been seen there. */
  #stands(): boolean {
    const fromMs = this.#stay?.fromMs ?? null
    return fromMs !== null && performance.now() - fromMs >= STOOD_MS
  }

  // What is known

  /** The rollback is in the audit log, with a reason, and a machine made it. */
  async #audited(): Promise<void> {
    const heard = this.#heard.findLast(({ event }) => event.type === 'rolled_back')?.event
    const logged = (await this.#scene.events()).find(({ id }) => id === heard?.id)
    if (logged === undefined || logged.reason === '' || logged.reason !== heard?.reason) {
      this.#failures.push('the rollback and its reason must be in the audit log, are not')
    } else if (!MACHINES.includes(logged.by)) {
      this.#failures.push(`it must roll back by itself, was rolled back by ${logged.by}`)
    } else if (logged.after.share !== 0) {
      this.#failures.push(`a rollback must end at 0 %, ended at ${logged.after.share} %`)
    }
  }

  /** @returns when the control API said 0 %; null when it did not in time */
  async #closed(): Promise<number | null> {
    await this.#reading('the share of 0 %', ({ share }) => share.target === 0)
    return performance.now()
  }

  #advances(epoch: number): number {
    return this.#heard.filter(({ event }) => event.type === 'advanced' && event.epoch === epoch)
      .length
  }

  #last(type: RolloutEvent['type']): boolean {
    return this.#heard.at(-1)?.event.type === type
  }

  #isDown(): boolean {
    return this.#last('suspended') || this.#last('rolled_back')
  }

  #summary(savedUsd: number | null): Summary {
    const records = this.#records
    const failures = [...this.#failures, ...callerFaults(records)]
    return {
      type: 'summary',
      ok: failures.length === 0,
      callers: {
        requests: records.length,
        errorsBeforeFirstByte: records.filter((record) => record.errorBeforeFirstByte).length,
        cutStreams: records.filter(({ cut }) => cut).length,
      },
      exposed: this.#exposed,
      detectMs: this.#detectMs,
      savedUsd,
      failures,
    }
  }

  // Waiting

  #elapsedMs(): number {
    return performance.now() - this.#startedMs
  }

  async #wait(ms: number): Promise<void> {
    await sleep(Math.max(0, ms), undefined, { signal: this.#signal })
  }

  /** @returns false when it did not hold in time */
  async #until(holds: () => boolean, withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs
    while (!holds()) {
      if (performance.now() > deadline) return false
      await this.#wait(20)
    }
    return true
  }

  /** Asks the control API until it says so. @throws {Error} when it does not in time */
  async #reading(what: string, holds: (reading: RolloutView) => boolean): Promise<void> {
    const deadline = performance.now() + READ_WITHIN_MS
    while (!holds(await this.#scene.rollout())) {
      if (performance.now() > deadline) {
        throw new Error(`${what} must be read within ${READ_WITHIN_MS} ms, was not`)
      }
      await this.#wait(20)
    }
  }
}
