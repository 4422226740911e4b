import { retryInMs } from '../backoff.ts'
import type { Clock, Log } from '../ports.ts'
import { NOTE_TYPES, type NoteType, type RolloutEvent } from '../types.ts'
import type { AdminAnswer, UnleashAdmin } from '../unleash/admin.ts'
import { describedWith, raiseOf, type Wish, wishOf } from '../unleash/write-back.ts'

/**
 * What happens here is written there: a rollback turns the flag off and leaves its reason, and a plan's own step raises
 * the flag's percentage where config asks for it. Best effort beside the rollout, which waits for none of it: one thing at a
 * time for each rollout, and the newest decision wins. What came of it is noted in the rollout's audit log.
 */

export interface WriteBackParts {
  readonly admin: UnleashAdmin
  /** For people: the environment that `admin` writes to. */
  readonly environment: string
  /** Server, project and environment: what was to be written in one place is nothing for another. */
  readonly place: string
  /** Whether a plan's own steps raise the flag. */
  readonly steps: boolean
  /** Null for a rollout that is not configured any more. */
  readonly flagOf: (rollout: string) => { readonly flag: string; readonly groupId: string } | null
  /** Into the audit log. Must return at once, and not throw. */
  readonly note: (rollout: string, note: { type: NoteType; reason: string }) => void
  readonly clock: Clock
  /** In 0..1, below 1. */
  readonly random: () => number
  readonly log: Log
}

export interface WriteBack {
  /** Takes an event, and returns at once. Never throws. */
  take(event: RolloutEvent): void
  /**
   * Takes no more, and leaves what is not written yet to the next one, which goes on with it where it writes the same flag in
   * the same place: a token that was put right is one more attempt. The rest is noted as not written.
   */
  handOver(next: WriteBack | null): void
  /** Goes on with it. @returns false where it is none of its own */
  goOn(open: Open): boolean
  /** Waits 5 s at most for what is on its way, and notes what is left, or decided yet, as not written. */
  close(): Promise<void>
}

const CLOSE_MS = 5_000
const ENDED = 'Headgate ended'

/** Nothing is sent before the first event that asks for it. */
export function unleashWriteBack(parts: WriteBackParts): WriteBack {
  const writers = new Map<string, Writer>()
  let closed = false
  let left = false
  function writerOf(rollout: string): Writer {
    let writer = writers.get(rollout)
    if (writer === undefined) {
      writer = new Writer(rollout, parts, () => closed)
      writers.set(rollout, writer)
    }
    return writer
  }
  return {
    take(event) {
      if (left || NOTE_TYPES.some((type) => type === event.type)) return
      writerOf(event.rollout).take(event)
    },
    handOver(next) {
      closed = true
      left = true
      for (const writer of writers.values()) writer.handOver(next)
    },
    goOn(open) {
      const { event, wish, flag, groupId, place } = open
      const target = parts.flagOf(event.rollout)
      const isOwn = place === parts.place && target?.flag === flag && target.groupId === groupId
      if (closed || !isOwn || (wish.kind === 'raise' && !parts.steps)) return false
      writerOf(event.rollout).goOn(open)
      return true
    },
    async close() {
      closed = true
      await Promise.all([...writers.values()].map((writer) => writer.close()))
    },
  }
}

/** What is not written yet. */
interface Open {
  readonly wish: Wish
  readonly event: RolloutEvent
  readonly flag: string
  readonly groupId: string
  readonly place: string
  /** The flag is off; what is left is its reason. */
  isOff: boolean
}

interface Job extends Open {
  /** Ends what is on its way. */
  readonly abort: AbortController
  attempts: number
  /** Set while it waits for its next attempt. */
  timer: unknown
}

/** What an attempt came to; null when there was nothing to write, and nothing to tell. */
type Found =
  | { readonly type: NoteType; readonly reason: string }
  | { readonly again: string }
  | null

/** One rollout's. */
class Writer {
  readonly #rollout: string
  readonly #parts: WriteBackParts
  readonly #isClosed: () => boolean
  #job: Job | null = null
  #writing: Promise<void> = Promise.resolve()

  constructor(rollout: string, parts: WriteBackParts, isClosed: () => boolean) {
    this.#rollout = rollout
    this.#parts = parts
    this.#isClosed = isClosed
  }

  take(event: RolloutEvent): void {
    const wish = wishOf(event, this.#parts)
    const before = this.#job
    if (before !== null) {
      const { wish: old } = before
      const rearmed = old.kind === 'off' && event.type === 'rearmed'
      const lower = old.kind === 'raise' && event.after.heightBp < old.toBp
      // The newest decision wins: nobody wants a flag turned off for what they have rearmed since.
      if (rearmed || lower) this.#drop(before, `${event.type} by ${event.by} meanwhile`)
      else if (wish !== null) this.#drop(before, 'it went on meanwhile')
    }
    const target = wish === null ? null : this.#parts.flagOf(this.#rollout)
    if (wish === null || target === null) return
    this.goOn({
      // What was not written yet is no sign that a person lowered the flag.
      wish:
        wish.kind === 'raise' && before?.wish.kind === 'raise' ? joined(before.wish, wish) : wish,
      event,
      ...target,
      place: this.#parts.place,
      isOff: false,
    })
  }

  goOn(open: Open): void {
    const job = { ...open, abort: new AbortController(), attempts: 0, timer: null }
    if (this.#isClosed()) {
      this.#stop(job, 'flag_not_written', ENDED)
      return
    }
    this.#job = job
    this.#writing = this.#write(job)
  }

  handOver(next: WriteBack | null): void {
    const job = this.#job
    if (job === null) return
    this.#end(job)
    if (next?.goOn(job) === true) return
    this.#tell(job, this.#without(job, 'flag_not_written', 'Headgate was configured anew'))
  }

  async close(): Promise<void> {
    const { clock } = this.#parts
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = clock.setTimer(resolve, CLOSE_MS)
    if (this.#job?.timer === null) await Promise.race([this.#writing, late])
    clock.clearTimer(timer)
    if (this.#job !== null) this.#stop(this.#job, 'flag_not_written', ENDED)
  }

  #drop(job: Job, words: string): void {
    const open = job.timer === null ? '; what was on its way may have arrived' : ''
    this.#stop(job, 'flag_declined', `${words}${open}`)
  }

  /** @param type unless the flag is off already: then only its reason is missing */
  #stop(job: Job, type: NoteType, words: string): void {
    this.#end(job)
    this.#tell(job, this.#without(job, type, words))
  }

  #end(job: Job): void {
    if (job.timer !== null) this.#parts.clock.clearTimer(job.timer)
    job.abort.abort()
    if (this.#job === job) this.#job = null
  }

  async #write(job: Job): Promise<void> {
    job.attempts++
    const found = await this.#attempt(job).catch(() => ({ again: 'failed inside Headgate' }))
    // Something newer took its place, and has told so.
    if (this.#job !== job) return
    if (found === null || !('again' in found)) {
      this.#end(job)
      if (found !== null) this.#tell(job, found)
      return
    }
    const { clock, log, random } = this.#parts
    const inMs = retryInMs(job.attempts, random)
    const { attempts, flag } = job
    if (inMs === null) {
      const words = `given up after ${attempts} attempts, Unleash ${found.again}`
      this.#stop(job, 'flag_not_written', words)
      return
    }
    log.warn('flag not written: it is tried again', {
      rollout: this.#rollout,
      flag,
      attempts,
      why: found.again,
    })
    job.timer = clock.setTimer(() => {
      job.timer = null
      this.#writing = this.#write(job)
    }, inMs)
  }

  #attempt(job: Job): Promise<Found> {
    const admin = this.#parts.admin.until(job.abort.signal)
    return job.wish.kind === 'off' ? this.#turnOff(job, admin) : this.#raise(job, job.wish, admin)
  }

  /** Off first, in one ask; then its reason, for which the page has to be read. */
  async #turnOff(job: Job, admin: UnleashAdmin): Promise<Found> {
    const { flag, event } = job
    if (!job.isOff) {
      const off = await admin.turnOff(flag)
      if (off.kind !== 'ok') return this.#failed(job, off)
      job.isOff = true
    }
    const read = await admin.flag(flag)
    if (read.kind !== 'ok') return this.#failed(job, read)
    const { description } = read.value
    const next = describedWith(description, event)
    const said = next === description ? read : await admin.setDescription(flag, description, next)
    if (said.kind !== 'ok') return this.#failed(job, said)
    return {
      type: 'flag_written',
      reason: `${this.#done(job)}, and left the reason in its description`,
    }
  }

  async #raise(
    job: Job,
    wish: Extract<Wish, { kind: 'raise' }>,
    admin: UnleashAdmin,
  ): Promise<Found> {
    const { flag, groupId } = job
    const read = await admin.flag(flag)
    if (read.kind !== 'ok') return this.#failed(job, read)
    const raise = raiseOf(read.value, groupId, wish)
    if (raise.kind === 'enough') return null
    if (raise.kind === 'declined') {
      return { type: 'flag_declined', reason: `${this.#undone(job)}: ${raise.words}` }
    }
    const { strategy, from, fromPercent, toPercent } = raise
    const set = await admin.setPercent(flag, strategy, from, toPercent)
    if (set.kind !== 'ok') return this.#failed(job, set)
    const { environment } = this.#parts
    return {
      type: 'flag_written',
      reason: `raised ${flag} from ${fromPercent} % to ${toPercent} % in ${environment}`,
    }
  }

  #failed(job: Job, answer: Failed): Found {
    if (answer.kind !== 'missing' && answer.kind !== 'refused') return { again: answer.words }
    return this.#without(job, 'flag_not_written', `Unleash ${answer.words}`)
  }

  #without(job: Job, type: NoteType, words: string): { type: NoteType; reason: string } {
    if (!job.isOff) return { type, reason: `${this.#undone(job)}: ${words}` }
    return { type: 'flag_written', reason: `${this.#done(job)}; its reason was not left: ${words}` }
  }

  #done({ flag }: Job): string {
    return `turned ${flag} off in ${this.#parts.environment}`
  }

  #undone({ flag, wish }: Job): string {
    const where = `${flag} in ${this.#parts.environment}`
    if (wish.kind === 'off') return `did not turn off ${where}`
    return `did not raise ${where} to ${Math.ceil(wish.toBp / 100)} %`
  }

  #tell({ flag }: Job, note: { type: NoteType; reason: string }): void {
    const { log } = this.#parts
    const fields = { rollout: this.#rollout, flag, reason: note.reason }
    if (note.type === 'flag_written') log.info('flag written', fields)
    else if (note.type === 'flag_declined') log.warn('flag left as it is', fields)
    else log.error('flag not written', fields)
    this.#parts.note(this.#rollout, note)
  }
}

type Failed = Exclude<AdminAnswer<unknown>, { kind: 'ok' }>

function joined(
  old: Extract<Wish, { kind: 'raise' }>,
  wish: Extract<Wish, { kind: 'raise' }>,
): Wish {
  return { ...wish, fromBp: Math.min(old.fromBp, wish.fromBp) }
}
