import { type Check, check } from './check.ts'

/** `clock.skew`: is the clock of this machine right, as far as others can tell? */

/** The `Date` of an answer has whole seconds, and a cache may have kept it for a while. */
const WARN_MS = 30_000
/** From here on signatures, certificates and hours of a plan go wrong. */
const FAIL_MS = 300_000

/** @param skews their clocks less ours, in ms. One that agrees is enough: then the others are wrong. */
export function clockCheck(skews: readonly number[]): Check {
  const about = 'this machine'
  const [first, ...others] = skews
  if (first === undefined) {
    return check('clock.skew', about, 'skipped', 'no upstream said what time it is')
  }
  const least = others.reduce((a, b) => (Math.abs(b) < Math.abs(a) ? b : a), first)
  const seconds = Math.round(Math.abs(least) / 1_000)
  if (Math.abs(least) < WARN_MS) {
    return check(
      'clock.skew',
      about,
      'ok',
      `within ${Math.max(1, seconds)} s of what upstreams say`,
    )
  }
  const side = least > 0 ? 'behind' : 'ahead of'
  return check(
    'clock.skew',
    about,
    Math.abs(least) < FAIL_MS ? 'warning' : 'failed',
    `the clock here is ${seconds} s ${side} what upstreams say`,
    'synchronise it: timedatectl set-ntp true',
  )
}
