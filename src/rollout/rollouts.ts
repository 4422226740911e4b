import type { RolloutConfig } from '../config/schema.ts'
import type { Answered } from '../judge/swap.ts'
import type { Draw, EventQuery, Flight } from '../ports.ts'
import type { Finding, Observation, Pair, RolloutEvent } from '../types.ts'
import type { Command, CommandResult } from './command.ts'
import {
  Controller,
  type ControllerInput,
  type ControllerParts,
  type Report,
} from './controller.ts'
import type { Note } from './events.ts'
import type { Dispatch, RolloutAnswer } from './exchange.ts'
import type { Questions } from './questions.ts'
import type { SplitInput } from './split.ts'
import { findOverdue, type Seen } from './watch.ts'

/** All rollouts of one configuration, by name. */

/** One rollout, as the configuration has it. */
export interface RolloutInput {
  readonly name: string
  readonly groupId: string
  readonly config: RolloutConfig
  readonly canary: { readonly name: string; readonly origin: string; readonly basePath: string }
}

export class Rollouts {
  readonly #parts: Omit<ControllerParts, 'process'>
  readonly #byName = new Map<string, { input: RolloutInput; controller: Controller }>()

  constructor(parts: Omit<ControllerParts, 'process'>) {
    this.#parts = parts
  }

  /** Takes a configuration: what is new begins, what is gone ends, what stays keeps its state. */
  configure(inputs: Iterable<RolloutInput>): void {
    const gone = new Set(this.#byName.keys())
    for (const input of inputs) {
      gone.delete(input.name)
      const known = this.#byName.get(input.name)
      if (known === undefined) {
        // Not one for all: a rollout that was away and is back numbers its flushes anew.
        const process = this.#parts.id()
        const controller = new Controller(controlled(input), { ...this.#parts, process })
        this.#byName.set(input.name, { input, controller })
      } else {
        known.input = input
        known.controller.configure(controlled(input))
      }
    }
    for (const name of gone) {
      void this.#byName.get(name)?.controller.close()
      this.#byName.delete(name)
    }
  }

  /** A turn of each: call it every few seconds. Never rejects. */
  async turn(): Promise<void> {
    await Promise.all(this.#controllers().map((controller) => controller.turn()))
  }

  /** @param usd what it cost; null where nobody knows */
  observe(observation: Observation, draw: Draw, usd: number | null = null): Seen {
    const known = observation.rollout === null ? undefined : this.#byName.get(observation.rollout)
    if (known === undefined) return { observation, added: { as: 'none' } }
    return known.controller.observe(observation, draw, usd)
  }

  /** Takes in what comparing both arms came to. */
  compared(name: string, pair: Pair): void {
    this.#byName.get(name)?.controller.compared(pair)
  }

  /** Takes in what a canary was caught at outside of pairs. */
  caught(name: string, finding: Finding): void {
    this.#byName.get(name)?.controller.caught(finding)
  }

  /** As `Controller.answered`. */
  answered(name: string, answered: Answered, epoch: number): void {
    this.#byName.get(name)?.controller.answered(answered, epoch)
  }

  /** As `Controller.questions`; null when there is no such rollout. */
  questions(name: string): Questions | null {
    return this.#byName.get(name)?.controller.questions ?? null
  }

  /** Finds those that wait too long for their first content. @param flights the oldest first @param nowMs monotonic */
  watch(flights: Iterable<Flight>, nowMs: number): void {
    findOverdue(flights, nowMs, (rollout) => this.#byName.get(rollout)?.controller)
  }

  splitInputs(): readonly SplitInput[] {
    return [...this.#byName.values()].map(({ input: { name, groupId, config }, controller }) => ({
      rollout: name,
      groupId,
      flag: config.flag,
      kill: config.kill,
      record: controller.record,
      doubt: controller.doubt !== null,
    }))
  }

  report(name: string): Report | null {
    return this.#byName.get(name)?.controller.report() ?? null
  }

  /** Null when there is no such rollout. @throws {HeadgateError} as `Controller.exchange` does */
  async exchange(name: string, dispatch: Dispatch): Promise<RolloutAnswer | null> {
    return (await this.#byName.get(name)?.controller.exchange(dispatch)) ?? null
  }

  /** Null when there is no such rollout. @throws {HeadgateError} as `Controller.command` does */
  async command(name: string, command: Command): Promise<CommandResult | null> {
    return (await this.#byName.get(name)?.controller.command(command)) ?? null
  }

  /** As `Controller.note`; nothing when there is no such rollout. */
  note(name: string, note: Note): void {
    this.#byName.get(name)?.controller.note(note)
  }

  /** @throws {HeadgateError} `store_unavailable`, `store_corrupt` */
  events(query: EventQuery): Promise<readonly RolloutEvent[] | 'unknown_event'> {
    return this.#parts.stores.state.events(query)
  }

  /** Why the store cannot be used; null while it can. */
  get fault(): string | null {
    return this.#controllers().find(({ fault }) => fault !== null)?.fault ?? null
  }

  async close(): Promise<void> {
    await Promise.all(this.#controllers().map((controller) => controller.close()))
    await this.#parts.stores.close()
  }

  #controllers(): Controller[] {
    return [...this.#byName.values()].map(({ controller }) => controller)
  }
}

/** As a controller and an outpost take it. */
export function controlled({ name, config, canary }: RolloutInput): ControllerInput {
  return { name, config, canary: `${canary.name} at ${canary.origin}${canary.basePath}` }
}
