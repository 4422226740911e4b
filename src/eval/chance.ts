import { hashOf } from '../judge/hash.ts'
import { sfc32 } from './sfc32.ts'

/** Draws that a seed decides, so that a report can be made again. */

/** The next draw, in [0, 1), with 32 bits. */
export type Chance = () => number

/** The same seed gives the same draws on every machine. */
export function chanceFrom(seed: string): Chance {
  const [a, b] = hashOf(seed)
  const [c] = hashOf(`${seed}/`)
  return sfc32(a, b, c)
}

/** A new list in a drawn order; every order is as likely (Fisher and Yates). */
export function shuffled<Item>(items: readonly Item[], chance: Chance): Item[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last--) {
    const at = Math.floor(chance() * (last + 1))
    const moved = order[last] as Item
    order[last] = order[at] as Item
    order[at] = moved
  }
  return order
}
