import type { EventView } from '../api/views/event.ts'
import type { RolloutView } from '../api/views/rollout.ts'
import { ActionButton } from './actions.tsx'
import { notice } from './commands.ts'
import { spanText, timeText } from './format.ts'
import { connection, events, heardAtMs, nowMs, role, trouble } from './live.ts'
import { lastChange } from './next.ts'

/** What everybody must know, on every screen. */

/** Older than this what is shown is said to be old. */
const STALE_MS = 5_000

export function Banners({ rollout }: { readonly rollout: RolloutView | null }) {
  return (
    <>
      <Unreachable />
      {role.value === 'viewer' && connection.value === 'live' && (
        <p class="banner banner-quiet">
          Your token only reads: to act, sign in with the control token.
        </p>
      )}
      {rollout !== null && <Stopped rollout={rollout} />}
      {notice.value !== null && (
        <div class={`banner banner-${notice.value.kind}`} role="status">
          <p>{notice.value.words}</p>
          <button
            type="button"
            class="quiet"
            onClick={() => {
              notice.value = null
            }}
          >
            Dismiss
          </button>
        </div>
      )}
    </>
  )
}

function Unreachable() {
  const silentMs = nowMs.value - heardAtMs.value
  const lost = connection.value === 'lost'
  if (!lost && !(connection.value === 'live' && silentMs > STALE_MS)) return null
  return (
    <div class="banner banner-refused" role="alert">
      <p>
        <b>{lost ? 'Headgate cannot be reached.' : 'Nothing was heard.'}</b> Not heard for{' '}
        {spanText(silentMs)}; what is below is as it was then. Traffic does not need this page:
        without word from the control plane for 30 s, control answers everything.
        {trouble.value !== null && <span class="fine"> ({trouble.value})</span>}
      </p>
    </div>
  )
}

/** What began it, where probes came between. */
function suspensionBefore(
  rolledBack: EventView | undefined,
  all: readonly EventView[],
): EventView | undefined {
  if (rolledBack?.before.state !== 'suspended') return undefined
  return all.findLast(({ rollout, type }) => rollout === rolledBack.rollout && type === 'suspended')
}

/** A rollback stays in sight: why, since when, and what happens next. */
function Stopped({ rollout }: { readonly rollout: RolloutView }) {
  const { state, name, doubt, killed } = rollout
  const last = lastChange(events.value, name)
  if (state === 'rolled_back') {
    const first = suspensionBefore(last, events.value)
    return (
      <div class="banner banner-stopped" role="alert">
        <div>
          <p class="stopped-what">
            <b>✕ Rolled back to 0 %</b>
            {last?.type === 'rolled_back' && (
              <>
                {' '}
                by <b>{last.by}</b>, {timeText(last.at)}
              </>
            )}
          </p>
          <p class="stopped-why">
            {last?.type === 'rolled_back' ? last.reason : rollout.verdict.reasons.join('; ')}
          </p>
          {first !== undefined && (
            <p>
              Before that suspended by <b>{first.by}</b>: {first.reason}
            </p>
          )}
          <p class="fine">
            What happens next: nothing. Control answers everything, and the canary’s recovery
            changes nothing, until a named person rearms it.
          </p>
        </div>
        <ActionButton rollout={rollout} verb="rearm" />
      </div>
    )
  }
  if (state === 'suspended') {
    return (
      <div class="banner banner-stopped" role="alert">
        <div>
          <p class="stopped-what">
            <b>! Suspended at 0 %</b>
            {last?.type === 'suspended' && ` by ${last.by}, ${timeText(last.at)}`}
          </p>
          <p class="stopped-why">{last?.reason ?? ''}</p>
          <p class="fine">
            What happens next: probes decide. Clean ones take it back to where it was, failing ones
            roll it back.
          </p>
        </div>
      </div>
    )
  }
  if (killed) {
    return (
      <div class="banner banner-stopped" role="alert">
        <p>
          <b>✕ Killed by its flag.</b> Control answers everything until the kill flag is off.
        </p>
      </div>
    )
  }
  if (doubt === null) return null
  return (
    <div class="banner banner-refused" role="alert">
      <p>
        <b>In doubt, control answers.</b> {doubt}
      </p>
    </div>
  )
}
