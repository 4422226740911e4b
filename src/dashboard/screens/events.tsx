import { useState } from 'preact/hooks'
import { ActionButton } from '../actions.tsx'
import { MOST_ROWS } from '../bounded.ts'
import { EventList } from '../event-list.tsx'
import { countText } from '../format.ts'
import { events, rollout, rollouts } from '../live.ts'
import { place } from '../route.ts'
import { Card, Filter } from '../ui.tsx'

/** The audit log: what happened, who did it, why. */

export function EventsScreen() {
  const [words, setWords] = useState('')
  const name = place.value.rollout ?? rollout.value?.name ?? null
  const one = rollouts.value?.find((rollout) => rollout.name === name) ?? null
  const wanted = words.trim().toLowerCase()
  const found = events.value.filter(
    (event) =>
      (name === null || event.rollout === name) &&
      `${event.type.replaceAll('_', ' ')} ${event.by} ${event.reason}`
        .toLowerCase()
        .includes(wanted),
  )
  return (
    <Card
      main
      title="Events"
      aside={
        <div class="tools">
          {one !== null && <ActionButton rollout={one} verb="note" />}
          <Filter words={words} hint="Filter by what, who or why" onWords={setWords} />
        </div>
      }
    >
      <EventList events={found.slice(-MOST_ROWS).reverse()} />
      {found.length > MOST_ROWS && (
        <p class="fine">
          The newest {MOST_ROWS} of {countText(found.length)}; <code>headgate events</code> has all.
        </p>
      )}
    </Card>
  )
}
