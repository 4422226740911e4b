import type { RolloutEvent, RolloutRecord } from '../types.ts'
import type { EventView } from './views/event.ts'

/** An event as the API, its stream and webhooks show it. @throws {RangeError} for an instant that no calendar has */
export function eventViewOf(event: RolloutEvent): EventView {
  const { id, at, rollout, version, epoch, type, by, reason, before, after } = event
  return {
    id,
    at: new Date(at).toISOString(),
    rollout,
    version,
    epoch,
    type,
    by,
    reason,
    before: standing(before),
    after: standing(after),
  }
}

function standing({ state, heightBp, step }: RolloutRecord): EventView['before'] {
  return { state, share: heightBp / 100, step }
}
