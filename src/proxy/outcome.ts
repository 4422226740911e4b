import type { CheckId, Outcome } from '../types.ts'

/** How an attempt ended, in one word, and what follows from it. */

/** @param status 300..599 */
export function outcomeOfStatus(status: number): Outcome {
  switch (status) {
    case 401:
    case 402:
    case 403:
      return 'auth'
    case 429:
      return 'rate_limited'
    case 408:
      return 'upstream_error'
    default:
      return status >= 400 && status < 500 ? 'rejected' : 'upstream_error'
  }
}

/** @returns the check of `headgate doctor` that looks into an outcome: one word in log, span and page; null for none */
export function checkOf(outcome: Outcome): CheckId | null {
  return outcome === 'auth' ? 'auth.style' : null
}

/** Statuses of the canary that control answers for. 400, 409, 413 and 422 are the caller's own doing and pass. */
export function failsOver(status: number): boolean {
  return status >= 500 || [401, 402, 403, 404, 408, 429].includes(status)
}

/**
 * A canary that does not know a model or a path (404) is at fault only if control knows it: when control says 404
 * to the same request too, the caller asked for what is not there.
 * @param controlStatus what control answered in the canary's place
 */
export function outcomeBesideControl(
  outcome: Outcome,
  status: number | null,
  controlStatus: number | null,
): Outcome {
  if (status !== 404) return outcome
  return controlStatus === 404 ? 'rejected' : 'upstream_error'
}
