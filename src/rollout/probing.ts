import { type ProbeOutcomes, probeWorth } from '../judge/probes.ts'
import type { Probes } from './advance.ts'

/** The answers of one suspension's probes, as they come in. Pure; losing them on a restart costs time and nothing else. */

/** What both arms said to one probe. */
export interface ProbeAnswer {
  readonly control: 'good' | 'failed'
  readonly canary: 'good' | 'failed'
}

/** The request whose failure suspended it: what a probe should look like. */
export interface ProbeShape {
  readonly endpoint: string
  readonly stream: boolean
  readonly model: string | null
}

/** The canary's first answers, which decide alone where three of them fail. */
const FIRST = 5

const NONE: ProbeOutcomes = { good: 0, failed: 0 }

export interface Probing {
  /** `Suspension.version`. */
  readonly suspension: number
  readonly control: ProbeOutcomes
  readonly canary: ProbeOutcomes
  /** Of the canary, where control answered. */
  readonly answered: number
  readonly failed: number
  readonly failedOfFirstFive: number
}

export function newProbing(suspension: number): Probing {
  return { suspension, control: NONE, canary: NONE, answered: 0, failed: 0, failedOfFirstFive: 0 }
}

/** One answer more. Where control failed as well nothing is said of the canary but to the bet, which compares. */
export function probed(probing: Probing, { control, canary }: ProbeAnswer): Probing {
  const both = {
    ...probing,
    control: added(probing.control, control),
    canary: added(probing.canary, canary),
  }
  if (control === 'failed') return both
  const failed = Number(canary === 'failed')
  return {
    ...both,
    answered: probing.answered + 1,
    failed: probing.failed + failed,
    failedOfFirstFive: probing.failedOfFirstFive + (probing.answered < FIRST ? failed : 0),
  }
}

/** @param expected control's outcomes before the suspension */
export function probesOf(probing: Probing, expected: readonly number[]): Probes {
  const { suspension, answered, failed, failedOfFirstFive, control, canary } = probing
  const evidence = probeWorth(expected, control, canary)
  return { suspension, answered, failed, failedOfFirstFive, evidence }
}

function added({ good, failed }: ProbeOutcomes, answer: 'good' | 'failed'): ProbeOutcomes {
  return answer === 'good' ? { good: good + 1, failed } : { good, failed: failed + 1 }
}
