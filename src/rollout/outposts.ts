import type { Draw, Flight } from '../ports.ts'
import type { Finding, Observation, Pair, Role } from '../types.ts'
import type { Answer, Dispatch } from './exchange.ts'
import { Outpost, type OutpostParts, type Tells } from './outpost.ts'
import { controlled, type RolloutInput } from './rollouts.ts'
import type { SplitInput } from './split.ts'
import { findOverdue, type Seen } from './watch.ts'

/** All rollouts of one configuration, as an isolate has them. */

export interface OutpostsParts extends Omit<OutpostParts, 'process'> {
  readonly id: () => string
}

/** Carries a dispatch to the writer of a rollout. @returns null when there is no such rollout there */
export type Ask = (rollout: string, dispatch: Dispatch) => Promise<Answer | null>

/** What an exchange takes from whoever has it done, and tells. */
export interface Talk {
  readonly ask: Ask
  readonly tells: (rollout: string) => Tells
  /** Before the answer is taken in. @param sentMs when it was asked for; monotonic */
  readonly onAnswer: (answer: Answer, sentMs: number) => void
}

/** A writer that has not answered by then has not answered. */
const ANSWER_MS = 2_000

export class Outposts {
  readonly #parts: OutpostsParts
  readonly #byName = new Map<string, { readonly input: RolloutInput; readonly outpost: Outpost }>()
  /** By rollout: what was said last of an exchange that failed. */
  readonly #faults = new Map<string, string>()

  constructor(inputs: Iterable<RolloutInput>, parts: OutpostsParts) {
    this.#parts = parts
    for (const input of inputs) {
      // Requests may be of no rollout: the first outpost carries what is measured of all.
      const measured = this.#byName.size === 0 ? parts.measured : undefined
      const outpost = new Outpost(controlled(input), { ...parts, measured, process: parts.id() })
      this.#byName.set(input.name, { input, outpost })
    }
  }

  observe(observation: Observation, draw: Draw): Seen {
    const known = observation.rollout === null ? undefined : this.#byName.get(observation.rollout)
    if (known === undefined) return { observation, added: { as: 'none' } }
    return known.outpost.observe(observation, draw)
  }

  /** Takes in what comparing both arms came to. */
  compared(rollout: string, pair: Pair): void {
    this.#byName.get(rollout)?.outpost.compared(pair)
  }

  /** Takes in what a canary was caught at outside of pairs. */
  caught(rollout: string, finding: Finding): void {
    this.#byName.get(rollout)?.outpost.caught(finding)
  }

  /** As `Outpost.priceOf`. */
  priceOf(observation: Observation): number | null {
    const known = observation.rollout === null ? undefined : this.#byName.get(observation.rollout)
    return known?.outpost.priceOf(observation) ?? null
  }

  /** As `Outpost.book`; null where no rollout had a say. */
  book(observation: Observation, role: Role): number | null {
    const known = observation.rollout === null ? undefined : this.#byName.get(observation.rollout)
    return known?.outpost.book(observation, role) ?? null
  }

  /** @param flights the oldest first @param nowMs monotonic */
  watch(flights: Iterable<Flight>, nowMs: number): void {
    findOverdue(flights, nowMs, (rollout) => this.#byName.get(rollout)?.outpost)
  }

  splitInputs(): readonly SplitInput[] {
    return [...this.#byName.values()].map(({ input: { name, groupId, config }, outpost }) => ({
      rollout: name,
      groupId,
      flag: config.flag,
      kill: config.kill,
      record: outpost.record,
      doubt: outpost.doubt !== null,
    }))
  }

  /** Of what is not in doubt: when the oldest of it was asked for, monotonic; null when all is. */
  get askedMs(): number | null {
    const asked = this.#outposts()
      .filter(({ doubt }) => doubt === null)
      .flatMap(({ askedMs }) => askedMs ?? [])
    return asked.length === 0 ? null : Math.min(...asked)
  }

  /** Why a writer was not heard; null while all are. */
  get fault(): string | null {
    return this.#faults.values().next().value ?? null
  }

  /** Something failed, and it was not told lately. */
  get urgent(): boolean {
    return this.#outposts().some(({ urgent }) => urgent)
  }

  forget(): void {
    for (const outpost of this.#outposts()) outpost.forget()
  }

  /** Something was counted and not taken yet. */
  get waits(): boolean {
    return this.#outposts().some(({ waits }) => waits)
  }

  /**
   * An exchange with the writer of each rollout, or of those with something urgent to tell. Never rejects: what was not
   * taken is sent again the next time.
   */
  async exchange(whose: 'all' | 'urgent', { ask, tells, onAnswer }: Talk): Promise<void> {
    await Promise.all(
      this.#outposts()
        .filter(({ urgent }) => whose === 'all' || urgent)
        .map(async (outpost) => {
          const { rollout } = outpost
          const sentMs = this.#parts.clock.monotonicMs()
          const dispatch = outpost.dispatch(tells(rollout))
          const answer = await this.#answered(rollout, () => ask(rollout, dispatch))
          if (typeof answer === 'string') {
            outpost.notHeard(answer)
            return
          }
          onAnswer(answer, sentMs)
          outpost.hear(dispatch, answer, sentMs)
        }),
    )
  }

  /** @returns why, where no answer came */
  async #answered(rollout: string, ask: () => Promise<Answer | null>): Promise<Answer | string> {
    const { clock, log } = this.#parts
    let timer: unknown = null
    const late = new Promise<string>((resolve) => {
      timer = clock.setTimer(() => resolve(LATE), ANSWER_MS)
    })
    const answer = await Promise.race([ask(), late]).catch((error: unknown) => faultWords(error))
    clock.clearTimer(timer)
    if (answer !== null && typeof answer === 'object') {
      if (this.#faults.delete(rollout)) log.info('writer is back', { rollout })
      return answer
    }
    const fault = answer ?? `the writer knows no rollout ${rollout}`
    if (this.#faults.get(rollout) !== fault) log.warn('writer not heard', { rollout, fault })
    this.#faults.set(rollout, fault)
    return fault
  }

  #outposts(): Outpost[] {
    return [...this.#byName.values()].map(({ outpost }) => outpost)
  }
}

const LATE = `the writer of this rollout did not answer within ${ANSWER_MS / 1_000} s`

/** The platform's own words, or the writer's: neither holds content. */
function faultWords(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error)
  return `the writer of this rollout cannot be asked: ${words}`
}
