import type { EventView } from '../api/views/event.ts'
import type { RolloutView } from '../api/views/rollout.ts'
import { countText, percentText, plural, spanText } from './format.ts'

/** A rollout in a sentence: how it stands, and whose move is next. */

/** @param events of any rollouts, oldest first */
export function standingOf(rollout: RolloutView, events: readonly EventView[]): string {
  const { state, share, killed, doubt, name } = rollout
  if (killed) return 'The kill flag is on: control answers everything until it is off.'
  if (doubt !== null) return `Control answers everything for now: ${doubt}.`
  if (share.target < share.height) {
    return `The plan is at ${percentText(share.height)}, and the flag holds it to ${percentText(share.target)}.`
  }
  const last = lastChange(events, name)
  const by = last === undefined || last.by === 'plan' || last.by === 'gate' ? '' : ` by ${last.by}`
  switch (state) {
    case 'idle':
      return 'Control answers everything until somebody starts it.'
    case 'ramping':
      return `${percentText(share.target)} of the units go to the canary${by === '' ? '' : `, as set${by}`}.`
    case 'holding':
      return `Its time at ${percentText(share.height)} is served; the evidence for the next step is not in.`
    case 'paused':
      return `Paused at ${percentText(share.height)}${by}. What the guard finds may still roll it back.`
    case 'suspended':
      return 'Control answers everything while probes find out whether the canary is well.'
    case 'rolled_back':
      return `Control answers everything: rolled back${by}.`
    case 'complete':
      return share.height >= 100
        ? 'The canary answers everything: no control is left to judge it by.'
        : `The plan is done. ${percentText(100 - share.height)} stay control, and the guard stays on.`
  }
}

/** What it waits for, a line each; empty when it waits for nobody. */
export function waitsOf(rollout: RolloutView): readonly string[] {
  const { state, plan, step, waits, probes, need, at } = rollout
  if (state === 'suspended' && probes !== null) {
    return [
      `${probes.answered} of ${plural(probes.wanted, 'clean probe')} are in, ${probes.failed} failed: back to where it was, or rolled back`,
    ]
  }
  if (state !== 'ramping' && state !== 'holding') return []
  if (step !== null && step >= plan.length - 1 && plan.length > 0) return []
  const lines = waits.map(({ words }) => words)
  if (need.canaryRequests !== null && need.canaryRequests > 0) {
    const eta =
      need.eta === null ? '' : `, about ${spanText(Date.parse(need.eta) - Date.parse(at))}`
    lines.push(`about ${countText(need.canaryRequests)} more canary requests${eta}`)
  }
  return [...new Set(lines)]
}

/** The next height; null where there is none. */
export function nextShare({ plan, step }: RolloutView): number | null {
  return step === null ? null : (plan[step + 1]?.share ?? null)
}

/** The newest event that changed it. */
export function lastChange(events: readonly EventView[], name: string): EventView | undefined {
  return events.findLast(
    ({ rollout, before, after }) =>
      rollout === name && (before.state !== after.state || before.share !== after.share),
  )
}
