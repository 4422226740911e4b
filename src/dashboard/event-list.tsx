import type { EventView } from '../api/views/event.ts'
import { percentText, timeText, wordsOf } from './format.ts'
import { glyphOf } from './marks.ts'

/** Events, in the order given: what, by whom, why, and from where to where. */

export function EventList({ events }: { readonly events: readonly EventView[] }) {
  if (events.length === 0) return <p class="quiet-words">Nothing happened yet.</p>
  return (
    <ol class="events">
      {events.map((event) => (
        <EventRow key={event.id} event={event} />
      ))}
    </ol>
  )
}

function EventRow({ event }: { readonly event: EventView }) {
  const { type, by, reason, at, before, after } = event
  const [glyph, kind] = glyphOf(type)
  return (
    <li class={`event event-${kind}`} tabIndex={-1} data-row>
      <span class="event-glyph" aria-hidden="true">
        {glyph}
      </span>
      <div>
        <p class="event-what">
          <b>{wordsOf(type)}</b> {type !== 'note' && shareText(before.share, after.share)}{' '}
          <span class="by">by {by}</span>
        </p>
        <p class="event-why">{reason}</p>
        <time dateTime={at}>{timeText(at)}</time>
      </div>
    </li>
  )
}

function shareText(before: number, after: number): string {
  if (before === after) return `at ${percentText(after)}`
  return `${percentText(before)} → ${percentText(after)}`
}
