import { HeadgateError } from '../errors.ts'
import type { Stores } from '../ports.ts'

/** After a failed try the next is not made before this has passed. */
const RETRY_MS = 5_000
/** The same where a person is needed: opening checks the whole file, and nothing else runs meanwhile. */
const MENDED_MS = 60_000

/**
 * A store that may not open yet: Headgate starts all the same, with all traffic at control, and takes it into use once it
 * opens. What `open` throws, every call rejects with.
 * @param open `again` is true when requests are served already, and should not wait
 * @param monotonicMs for the pause between two tries
 */
export function reopening<Counts>(
  open: (again: boolean) => Stores<Counts>,
  monotonicMs: () => number,
): Stores<Counts> {
  let opened: Stores<Counts> | null = null
  let fault: unknown = null
  let triedMs: number | null = null

  async function stores(): Promise<Stores<Counts>> {
    if (opened !== null) return opened
    const again = triedMs !== null
    if (triedMs !== null && monotonicMs() - triedMs < pauseAfter(fault)) throw fault
    try {
      opened = open(again)
      return opened
    } catch (error) {
      fault = error
      throw error
    } finally {
      triedMs = monotonicMs()
    }
  }
  const close = async (): Promise<void> => opened?.close()

  return {
    state: {
      read: async (rollout) => (await stores()).state.read(rollout),
      readAll: async () => (await stores()).state.readAll(),
      commit: async (events, dwell) => (await stores()).state.commit(events, dwell),
      keepDwell: async (rollout, version, dwell) =>
        (await stores()).state.keepDwell(rollout, version, dwell),
      events: async (query) => (await stores()).state.events(query),
      close,
    },
    evidence: {
      append: async (batches) => (await stores()).evidence.append(batches),
      read: async (query) => (await stores()).evidence.read(query),
      forget: async (query) => (await stores()).evidence.forget(query),
      forgotten: async (rollout) => (await stores()).evidence.forgotten(rollout),
      checkpoint: async (rollout) => (await stores()).evidence.checkpoint(rollout),
      keepCheckpoint: async (checkpoint) => (await stores()).evidence.keepCheckpoint(checkpoint),
      close,
    },
    ledger: {
      add: async (batch) => (await stores()).ledger.add(batch),
      read: async (days) => (await stores()).ledger.read(days),
      forget: async (before) => (await stores()).ledger.forget(before),
      close,
    },
    pairs: {
      add: async (pairs) => (await stores()).pairs.add(pairs),
      read: async (query) => (await stores()).pairs.read(query),
      get: async (id) => (await stores()).pairs.get(id),
      forget: async (rollout, limits) => (await stores()).pairs.forget(rollout, limits),
      close,
    },
    close,
  }
}

function pauseAfter(fault: unknown): number {
  return fault instanceof HeadgateError && fault.code === 'store_unavailable' ? RETRY_MS : MENDED_MS
}
