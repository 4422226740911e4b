import type { EventView } from '../../api/views/event.ts'
import { NOTE_TYPES } from '../../types.ts'
import type { Action } from '../command.ts'
import { type ConnectOptions, connect } from '../connect.ts'
import { EXIT } from '../exit.ts'
import { follow } from '../follow.ts'
import { oneLine, percentText, timeText } from '../format.ts'
import { interruption } from '../interrupt.ts'
import { newest } from '../newest.ts'

/** `headgate events`: the audit log, and what is added to it. */

export interface EventsOptions extends ConnectOptions {
  readonly rollout?: string | undefined
  readonly follow?: true
  readonly after?: string
  readonly limit: number
}

export const run: Action<EventsOptions> = async (options, context) => {
  const { output } = context
  const { rollout, after, limit } = options
  const client = connect(options, context)
  const { items, next } =
    after === undefined
      ? { items: await newest(client, rollout, limit), next: null }
      : await client.events({ rollout, after, limit })
  // A rollout that never was has no events either.
  if (rollout !== undefined && items.length === 0) await client.rollout(rollout)
  const tell = (event: EventView): void => {
    output.document({ type: 'event', event })
    output.line(lineOf(event))
  }
  if (!options.follow) {
    output.document({ ok: true, items, next })
    for (const event of items) output.line(lineOf(event))
    if (items.length === 0) output.say('no events')
    return EXIT.ok
  }
  for (const event of items) tell(event)
  const interrupt = interruption(context)
  const last = items.at(-1)?.id ?? after ?? null
  const lost = (message: string): void => {
    output.document({ type: 'lost', message })
    output.say(`lost: ${message}. Trying again.`)
  }
  const found = (): void => {
    output.document({ type: 'found' })
    output.say(`found: the control plane at ${client.url} answers again.`)
  }
  try {
    const follower = { rollout, after: last, event: tell, lost, found }
    await follow(client, follower, interrupt.signal)
  } finally {
    interrupt.forget()
  }
  return EXIT.ok
}

function lineOf({ at, rollout, version, type, by, reason, before, after }: EventView): string {
  const place = ({ state, share }: EventView['before']): string => `${state} ${percentText(share)}`
  // A note changes nothing.
  const moved = NOTE_TYPES.some((note) => note === type)
    ? ''
    : `${place(before)} -> ${place(after)}  `
  return `${timeText(at)}  ${rollout}  version ${version}  ${type}  ${moved}by ${oneLine(by)}: ${oneLine(reason)}`
}
