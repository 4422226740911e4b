import type { Stores } from '../ports.ts'

/** After a failed try the next is not made before this has passed: opening checks the whole file. */
const RETRY_MS = 5_000

/**
 * A store that may not open yet: Headgate starts all the same, with all traffic at control, and takes it into use once it
 * opens. What `open` throws, every call rejects with.
 * @param monotonicMs for the pause between two tries
 */
export function reopening<Counts>(
  open: () => Stores<Counts>,
  monotonicMs: () => number,
): Stores<Counts> {
  let opened: Stores<Counts> | null = null
  let fault: unknown = null
  let triedMs = Number.NEGATIVE_INFINITY

  async function stores(): Promise<Stores<Counts>> {
    if (opened !== null) return opened
    if (monotonicMs() - triedMs < RETRY_MS) throw fault
    triedMs = monotonicMs()
    try {
      opened = open()
      return opened
    } catch (error) {
      fault = error
      throw error
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
      checkpoint: async (rollout) => (await stores()).evidence.checkpoint(rollout),
      keepCheckpoint: async (checkpoint) => (await stores()).evidence.keepCheckpoint(checkpoint),
      close,
    },
    close,
  }
}
