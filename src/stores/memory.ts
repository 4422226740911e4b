import type { Checkpoint, EvidenceBatch, LoggedBatch, StoredRollout, Stores } from '../ports.ts'
import type { RolloutEvent } from '../types.ts'

/** What is kept of the evidence unless told otherwise: a day of flushes of one process, about 100 MB. */
const MAX_BATCHES = 100_000

export interface MemoryStoreOptions {
  /** Of the evidence; the oldest go first, and a replay then begins with what is left. */
  readonly maxBatches?: number
}

/** For tests, demos and `state: { memory: true }`: a latch that does not outlive its process. */
export function memoryStores<Counts>({
  maxBatches = MAX_BATCHES,
}: MemoryStoreOptions = {}): Stores<Counts> {
  const rollouts = new Map<string, StoredRollout>()
  const events = new Map<string, RolloutEvent>()
  /** By (rollout, process, sequence), in the order they came. */
  const batches = new Map<string, LoggedBatch<Counts>>()
  const checkpoints = new Map<string, Checkpoint>()
  let position = 0

  const keyOf = ({ rollout, process, sequence }: EvidenceBatch<Counts>): string =>
    JSON.stringify([rollout, process, sequence])
  const close = async (): Promise<void> => {}

  return {
    state: {
      async read(rollout) {
        return structuredClone(rollouts.get(rollout) ?? null)
      },
      async readAll() {
        return structuredClone([...rollouts.values()])
      },
      async commit(added, dwell) {
        const last = added.at(-1)
        if (last === undefined)
          throw new RangeError('a commit needs an event: nothing changes silently')
        let version = rollouts.get(last.rollout)?.record.version ?? 0
        const fresh = new Map<string, RolloutEvent>()
        for (const event of structuredClone(added)) {
          const { id, rollout, by, reason, before, after } = event
          if (by === '' || reason === '') throw new RangeError(`event ${id} needs by and reason`)
          if (rollout !== last.rollout) throw new RangeError(`event ${id} is of another rollout`)
          if (before.version !== version || after.version !== version + 1) return 'conflict'
          if (events.has(id) || fresh.has(id)) throw new RangeError(`event ${id} is there already`)
          fresh.set(id, event)
          version = after.version
        }
        for (const [id, event] of fresh) events.set(id, event)
        rollouts.set(last.rollout, structuredClone({ record: last.after, dwell }))
        return 'written'
      },
      async keepDwell(rollout, version, dwell) {
        const stored = rollouts.get(rollout)
        if (stored?.record.version !== version) return 'conflict'
        rollouts.set(rollout, { record: stored.record, dwell: structuredClone(dwell) })
        return 'written'
      },
      async events({ rollout, after, limit }) {
        if (after !== undefined && !events.has(after)) return 'unknown_event'
        const all = [...events.values()]
        const found = all
          .slice(all.findIndex(({ id }) => id === after) + 1)
          .filter((event) => rollout === undefined || event.rollout === rollout)
        return structuredClone(found.slice(0, limit))
      },
      close,
    },
    evidence: {
      async append(added) {
        const fresh: LoggedBatch<Counts>[] = []
        for (const batch of structuredClone(added)) {
          const key = keyOf(batch)
          if (batches.has(key)) continue
          position++
          const logged = { ...batch, position }
          batches.set(key, logged)
          fresh.push(logged)
        }
        for (const key of batches.keys()) {
          if (batches.size <= maxBatches) break
          batches.delete(key)
        }
        return structuredClone(fresh)
      },
      async read({ rollout, epoch, after = 0, limit }) {
        const found: LoggedBatch<Counts>[] = []
        for (const batch of batches.values()) {
          if (found.length >= limit) break
          if (batch.rollout !== rollout || batch.position <= after) continue
          if (epoch === undefined || batch.epoch === epoch) found.push(batch)
        }
        return structuredClone(found)
      },
      async checkpoint(rollout) {
        return checkpoints.get(rollout) ?? null
      },
      async keepCheckpoint(checkpoint) {
        const before = checkpoints.get(checkpoint.rollout)
        if (before !== undefined && before.position >= checkpoint.position) return
        checkpoints.set(checkpoint.rollout, { ...checkpoint })
      },
      close,
    },
    close,
  }
}
