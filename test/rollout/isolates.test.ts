import { expect, it } from 'vitest'
import type { Dispatch } from '../../src/rollout/exchange.ts'
import { Isolates } from '../../src/rollout/isolates.ts'
import { TallyParcel } from '../../src/rollout/tally.ts'

const dispatch = (process: string, sequence: number | null, inFlight = 0): Dispatch => ({
  process,
  parcel:
    sequence === null
      ? null
      : {
          sequence,
          batch: null,
          tally: new TallyParcel().take(),
          spend: [],
          shadows: null,
          measured: null,
        },
  knows: null,
  like: null,
  inFlight,
  flagsHash: null,
  failure: null,
})

it('tallies each parcel of each isolate once', () => {
  const isolates = new Isolates()
  expect(isolates.hear('relay', dispatch('a', 0), 0)).not.toBeNull()
  expect(isolates.hear('relay', dispatch('a', 0), 1)).toBeNull()
  expect(isolates.hear('relay', dispatch('a', null), 2)).toBeNull()
  expect(isolates.hear('relay', dispatch('a', 1), 3)).not.toBeNull()
  expect(isolates.hear('relay', dispatch('b', 0), 4)).not.toBeNull()
})

it('sums what is under way in the isolates it heard lately', () => {
  const isolates = new Isolates()
  isolates.hear('relay', dispatch('a', null, 3), 0)
  isolates.hear('relay', dispatch('b', null, 4), 5_000)
  isolates.hear('other', dispatch('c', null, 9), 5_000)
  expect(isolates.inFlight('relay', 9_999)).toBe(7)
  expect(isolates.inFlight('relay', 10_000)).toBe(4)
})
