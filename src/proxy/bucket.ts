/** Where a unit falls: Unleash's percent, then a place inside it. Golden vectors pin this for ever. */
import { blockAt, finished, mixed, scrambled } from './murmur3.ts'

/** Unleash's own seed of gradual strategies. */
const PERCENT_SEED = 0
/** Fixed for ever: another seed would move every unit inside its percent. */
const PLACE_SEED = 0x9747b28c
const COLON = 0x3a

/**
 * The bucket of a unit; it is in at a share of `s` basis points when `bucketOf(…) < s`, so whoever is in at one share
 * is in at every greater one. Whole percents fall where Unleash's `flexibleRollout` puts them.
 *
 * Both draws hash `groupId:unit` in one pass, and the text is never built: this runs for every request.
 *
 * @param groupId hashed as it is; beyond ASCII only unleash-client agrees
 * @param unit empty is a unit like any other; one that is not ASCII is percent-encoded here if it was not before
 * @returns 0..9,999
 */
export function bucketOf(groupId: string, unit: string): number {
  let percent = PERCENT_SEED
  let place = PLACE_SEED | 0
  // Bytes that do not fill a block yet, and how many bits they take.
  let rest = 0
  let shift = 0

  const prefix = groupId.length
  let i = 0
  for (; i + 4 <= prefix; i += 4) {
    const k = scrambled(blockAt(groupId, i))
    percent = mixed(percent, k)
    place = mixed(place, k)
  }
  for (; i <= prefix; i++) {
    rest |= (i < prefix ? groupId.charCodeAt(i) & 0xff : COLON) << shift
    shift += 8
    if (shift === 32) {
      const k = scrambled(rest)
      percent = mixed(percent, k)
      place = mixed(place, k)
      rest = 0
      shift = 0
    }
  }

  // Four code units at a time, each block made of what was left and the first of these.
  let seen = 0
  i = 0
  for (; i + 4 <= unit.length; i += 4) {
    const first = unit.charCodeAt(i)
    const second = unit.charCodeAt(i + 1)
    const third = unit.charCodeAt(i + 2)
    const fourth = unit.charCodeAt(i + 3)
    seen |= first | second | third | fourth
    const four = first | (second << 8) | (third << 16) | (fourth << 24)
    const k = scrambled(rest | (four << shift))
    percent = mixed(percent, k)
    place = mixed(place, k)
    rest = shift === 0 ? 0 : four >>> (32 - shift)
  }
  for (; i < unit.length; i++) {
    const code = unit.charCodeAt(i)
    seen |= code
    rest |= code << shift
    shift += 8
    if (shift === 32) {
      const k = scrambled(rest)
      percent = mixed(percent, k)
      place = mixed(place, k)
      rest = 0
      shift = 0
    }
  }
  if (seen > 0x7f) return bucketOf(groupId, encodeUnit(unit))

  const k = scrambled(rest)
  const length = prefix + 1 + unit.length
  return (finished(percent ^ k ^ length) % 100) * 100 + (finished(place ^ k ^ length) % 100)
}

/**
 * A unit as it is hashed and handed to Unleash. SDKs in other languages hash UTF-8, unleash-client code units masked to
 * 8 bits: only ASCII agrees everywhere, so anything else is percent-encoded (`encodeURIComponent`). ASCII comes back as
 * it is, `%` included, so this may be applied twice. A lone surrogate counts as U+FFFD. Never throws.
 */
export function encodeUnit(unit: string): string {
  for (let i = 0; i < unit.length; i++) {
    if (unit.charCodeAt(i) > 0x7f) return encodeURIComponent(unit.toWellFormed())
  }
  return unit
}
