/** What the API says of each arm, one beside the other: as far apart as both intervals allow. */

export interface Interval {
  /** What was seen; null where nothing was. */
  readonly value: number | null
  /** Null: open on this side, too little was seen. */
  readonly low: number | null
  readonly high: number | null
}

/** Canary less control. */
export function differenceOf(control: Interval, canary: Interval): Interval {
  return {
    value: minus(canary.value, control.value),
    low: minus(canary.low, control.high),
    high: minus(canary.high, control.low),
  }
}

/** Canary over control, less one: 0.1 is a tenth more. */
export function ratioOf(control: Interval, canary: Interval): Interval {
  return {
    value: over(canary.value, control.value),
    low: over(canary.low, control.high),
    high: over(canary.high, control.low),
  }
}

function minus(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one - other
}

function over(one: number | null, other: number | null): number | null {
  return one === null || other === null || other === 0 ? null : one / other - 1
}
