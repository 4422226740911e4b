/** What the benchmark runs: cells, each many seeded repetitions of one simulated situation. */
import type { Random } from './sampling.ts'

/**
 * `rate`: in how many repetitions the value is finite; `part`: in how many it is 1 and not 0. `delay`: its median and P90,
 * and how many are finite; `middle`: the same of what always is. `mean`. `events`: how many a repetition, rare and apart.
 */
export type Kind = 'rate' | 'part' | 'delay' | 'middle' | 'mean' | 'events'

/** Situations are told apart by id; the seed of a repetition is its cell's id and its number, so cells can run in any order. */
export interface Cell {
  readonly id: string
  /** What `run` returns, in order. */
  readonly columns: readonly string[]
  /** How its columns are summed up; one for all, or one each. */
  readonly kind: Kind | readonly Kind[]
  readonly full: number
  readonly quick: number
  /** One repetition. Infinity: never acted. NaN: not run in this repetition. */
  readonly run: (random: Random, repetition: number) => readonly number[]
}

/** Canary requests until each of these acted; Infinity where it never did. */
export class FirstActs {
  readonly at: number[]
  #open: number

  constructor(columns: number) {
    this.at = new Array<number>(columns).fill(Number.POSITIVE_INFINITY)
    this.#open = columns
  }

  note(column: number, acts: boolean, canary: number): void {
    if (!acts || this.at[column] !== Number.POSITIVE_INFINITY) return
    this.at[column] = canary
    this.#open--
  }

  waits(column: number): boolean {
    return this.at[column] === Number.POSITIVE_INFINITY
  }

  get done(): boolean {
    return this.#open === 0
  }
}

/** The kind of a cell's column. */
export function kindOf({ kind }: Cell, column: number): Kind {
  return typeof kind === 'string' ? kind : (kind[column] as Kind)
}

/** `0.5 %`, `99 %`. */
export const percent = (share: number): string => `${Number((share * 100).toPrecision(6))} %`
