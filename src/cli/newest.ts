import type { EventView } from '../api/views/event.ts'
import type { ControlClient } from './client.ts'

const PAGE = 200

/** The last so many: the log is read from its beginning, where the oldest are. @param after only those behind this event */
export async function newest(
  client: ControlClient,
  rollout: string | undefined,
  limit: number,
  after?: string | undefined,
): Promise<readonly EventView[]> {
  let kept: readonly EventView[] = []
  let behind = after
  do {
    const { items, next } = await client.events({ rollout, after: behind, limit: PAGE })
    kept = [...kept, ...items].slice(-limit)
    behind = next ?? undefined
  } while (behind !== undefined)
  return kept
}
