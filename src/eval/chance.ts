import { hashOf } from '../judge/hash.ts'

/** Draws that a seed decides, so that a report can be made again. */

/** The next draw, in [0, 1), with 32 bits. */
export type Chance = () => number

/** The same seed gives the same draws on every machine. The generator is sfc32 (Doty-Humphrey, PractRand). */
export function chanceFrom(seed: string): Chance {
  let [a, b] = hashOf(seed)
  let [c] = hashOf(`${seed}/`)
  let counter = 1
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 4_294_967_296
  }
  for (let warm = 0; warm < 12; warm++) next()
  return next
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
