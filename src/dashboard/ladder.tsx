import type { EventView } from '../api/views/event.ts'
import type { RolloutView } from '../api/views/rollout.ts'
import { countText, percentText, shortTimeText, spanText } from './format.ts'

/** The plan, step by step: when each began, how long it takes at least, and when the next may come. */

interface Props {
  readonly rollout: RolloutView
  readonly events: readonly EventView[]
}

export function Ladder({ rollout, events }: Props) {
  const { plan, step, state } = rollout
  if (plan.length === 0) {
    return <p class="quiet-words">There is no plan: its flag alone decides how much it gets.</p>
  }
  const climbing = state === 'ramping' || state === 'holding'
  return (
    <ol class="ladder">
      {plan.map((each, index) => {
        const now = index === step && state !== 'idle'
        const done = step !== null && index < step
        return (
          <li
            key={index}
            class={now ? 'now' : done ? 'done' : ''}
            aria-current={now ? 'step' : undefined}
          >
            <span class="rung" aria-hidden="true">
              {done ? '✓' : now ? '●' : '○'}
            </span>
            <span class="rung-share">{percentText(each.share)}</span>
            <span class="rung-words">
              {wordsFor({ rollout, index, began: beganAt(events, rollout, index), now, done })}
              {now && climbing && each.dwellMs > 0 && (
                <progress
                  max={each.dwellMs}
                  value={Math.min(rollout.dwellMs, each.dwellMs)}
                  aria-label="time served at this step"
                />
              )}
            </span>
          </li>
        )
      })}
    </ol>
  )
}

interface Rung {
  readonly rollout: RolloutView
  readonly index: number
  readonly began: number | null
  readonly now: boolean
  readonly done: boolean
}

function wordsFor({ rollout, index, began, now, done }: Rung): string {
  const { plan, step, dwellMs, at, state } = rollout
  const each = plan[index]
  if (each === undefined) return ''
  const climbing = state === 'ramping' || state === 'holding'
  const since = began === null ? '' : `since ${shortTimeText(began)}`
  if (done) return began === null ? 'done' : shortTimeText(began)
  if (now) {
    if (!climbing || each.dwellMs === 0) return since
    const leftMs = each.dwellMs - dwellMs
    return leftMs > 0 ? `${since} · ${spanText(leftMs)} left` : `${since} · time is served`
  }
  const asks = [
    each.dwellMs > 0 ? spanText(each.dwellMs) : null,
    each.minRequests > 0 ? `${countText(each.minRequests)} requests` : null,
    each.approve ? 'a person approves' : null,
    each.window,
  ].filter((one) => one !== null)
  if (!climbing || step === null) return asks.join(', ')
  const present = plan[step]
  const waitMs =
    Math.max(0, (present?.dwellMs ?? 0) - dwellMs) +
    plan.slice(step + 1, index).reduce((sum, { dwellMs: ms }) => sum + ms, 0)
  return `${shortTimeText(Date.parse(at) + waitMs)} at the earliest`
}

/** When this stay at the step began; null where the log that is here does not reach back so far. */
function beganAt(events: readonly EventView[], { name, epoch }: RolloutView, index: number) {
  const found = events.findLast(
    ({ rollout, epoch: of, before, after }) =>
      rollout === name && of === epoch && after.step === index && before.step !== index,
  )
  return found === undefined ? null : Date.parse(found.at)
}
