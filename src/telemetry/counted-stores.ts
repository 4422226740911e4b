import { HeadgateError } from '../errors.ts'
import type { Stores } from '../ports.ts'

/** Stores that are told of when they fail; else they are what they were. */
export function countedStores<Counts>(
  { state, evidence, ledger, pairs, close }: Stores<Counts>,
  onFault: (code: string) => void,
): Stores<Counts> {
  const told = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    try {
      return await answer
    } catch (error) {
      onFault(error instanceof HeadgateError ? error.code : 'other')
      throw error
    }
  }
  return {
    state: {
      read: (rollout) => told(state.read(rollout)),
      readAll: () => told(state.readAll()),
      commit: (events, dwell) => told(state.commit(events, dwell)),
      keepDwell: (rollout, version, dwell) => told(state.keepDwell(rollout, version, dwell)),
      events: (query) => told(state.events(query)),
      close: () => state.close(),
    },
    evidence: {
      append: (batches) => told(evidence.append(batches)),
      read: (query) => told(evidence.read(query)),
      forget: (query) => told(evidence.forget(query)),
      forgotten: (rollout) => told(evidence.forgotten(rollout)),
      checkpoint: (rollout) => told(evidence.checkpoint(rollout)),
      keepCheckpoint: (checkpoint) => told(evidence.keepCheckpoint(checkpoint)),
      close: () => evidence.close(),
    },
    ledger: {
      add: (batch) => told(ledger.add(batch)),
      read: (days) => told(ledger.read(days)),
      forget: (before) => told(ledger.forget(before)),
      close: () => ledger.close(),
    },
    pairs: {
      add: (more) => told(pairs.add(more)),
      read: (query) => told(pairs.read(query)),
      get: (id) => told(pairs.get(id)),
      forget: (rollout, limits) => told(pairs.forget(rollout, limits)),
      close: () => pairs.close(),
    },
    close,
  }
}
