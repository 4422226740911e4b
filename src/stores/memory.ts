import type {
  Checkpoint,
  EvidenceBatch,
  Forgotten,
  LedgerLine,
  LoggedBatch,
  StoredRollout,
  Stores,
} from '../ports.ts'
import type { Pair, RolloutEvent } from '../types.ts'

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
  const forgotten = new Map<string, Forgotten>()
  const checkpoints = new Map<string, Checkpoint>()
  /** By key, as text that sorts by day. */
  const ledger = new Map<string, LedgerLine>()
  const writers = new Map<string, { readonly sequence: number; readonly at: number }>()
  const pairs = new Map<string, Pair>()
  let position = 0

  const keyOf = ({ rollout, process, sequence }: EvidenceBatch<Counts>): string =>
    JSON.stringify([rollout, process, sequence])
  const letGo = (key: string, { rollout, epoch, at }: LoggedBatch<Counts>): void => {
    batches.delete(key)
    const before = forgotten.get(rollout) ?? { batches: 0, epoch, at }
    forgotten.set(rollout, {
      batches: before.batches + 1,
      epoch: Math.max(before.epoch, epoch),
      at: Math.max(before.at, at),
    })
  }
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
        for (const [key, batch] of batches) {
          if (batches.size <= maxBatches) break
          letGo(key, batch)
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
      async forget({ rollout, epoch, before, limit }) {
        const of = [...batches].filter(([, batch]) => batch.rollout === rollout)
        const oldest = Math.min(...of.map(([, batch]) => batch.epoch))
        if (oldest >= epoch) return 0
        const gone = of
          .filter(([, batch]) => batch.epoch === oldest)
          .slice(0, limit)
          .filter(([, batch]) => batch.at < before && batch.position < position)
        for (const [key, batch] of gone) letGo(key, batch)
        return gone.length
      },
      async forgotten(rollout) {
        return forgotten.get(rollout) ?? null
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
    ledger: {
      async add({ process, sequence, at, lines }) {
        if (sequence <= (writers.get(process)?.sequence ?? -1)) return 'known'
        writers.set(process, { sequence, at })
        for (const { key, amounts } of structuredClone(lines)) {
          const { day, rollout, arm, role, upstream, model, prices, caller } = key
          const name = JSON.stringify([day, rollout, arm, role, upstream, model, prices, caller])
          const sums: Record<string, bigint> = { ...ledger.get(name)?.amounts }
          for (const [each, amount] of Object.entries(amounts)) {
            sums[each] = (sums[each] ?? 0n) + amount
          }
          ledger.set(name, { key, amounts: sums })
        }
        return 'added'
      },
      async read({ from, to }) {
        const found = [...ledger.values()].filter(({ key }) => key.day >= from && key.day <= to)
        return structuredClone(found.sort((a, b) => a.key.day.localeCompare(b.key.day)))
      },
      async forget(before) {
        for (const [name, { key }] of ledger) if (key.day < before) ledger.delete(name)
        const beforeMs = Date.parse(before)
        for (const [process, { at }] of writers) if (at < beforeMs) writers.delete(process)
      },
      close,
    },
    pairs: {
      async add(added) {
        for (const pair of structuredClone(added)) {
          if (!pairs.has(pair.id)) pairs.set(pair.id, pair)
        }
      },
      async read({ rollout, after, only, limit }) {
        const found = newestFirst(pairs.values()).filter(
          (pair) =>
            (rollout === undefined || pair.rollout === rollout) &&
            (after === undefined || isOlder(pair, after)) &&
            (only !== 'different' || pair.verdict === 'different') &&
            (only !== 'findings' || pair.findings.length > 0),
        )
        return structuredClone(found.slice(0, limit).map(withoutText))
      },
      async get(id) {
        return structuredClone(pairs.get(id) ?? null)
      },
      async forget(rollout, { keep, before, textBefore }) {
        const of = newestFirst(pairs.values()).filter((pair) => pair.rollout === rollout)
        for (const [index, pair] of of.entries()) {
          if (index >= keep || pair.at < before) pairs.delete(pair.id)
          else if (pair.at < textBefore) pairs.set(pair.id, withoutText(pair))
        }
      },
      close,
    },
    close,
  }
}

function newestFirst(pairs: Iterable<Pair>): Pair[] {
  return [...pairs].sort((a, b) => (isOlder(a, b) ? 1 : -1))
}

function isOlder(one: Pick<Pair, 'at' | 'id'>, other: Pick<Pair, 'at' | 'id'>): boolean {
  return one.at === other.at ? one.id < other.id : one.at < other.at
}

function withoutText(pair: Pair): Pair {
  const { control, canary, again } = pair
  return {
    ...pair,
    question: null,
    control: { ...control, content: null },
    canary: { ...canary, content: null },
    again: again === null ? null : { ...again, content: null },
  }
}
