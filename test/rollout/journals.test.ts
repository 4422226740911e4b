import { expect, it } from 'vitest'
import type { LoggedBatch } from '../../src/ports.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { Journals } from '../../src/rollout/journals.ts'

const record = (position: number, process: string, journal: readonly number[]) =>
  ({ position, process, counts: { journal } }) as unknown as LoggedBatch<FlushRecord>

it('tells what others took in behind a position', () => {
  const journals = new Journals()
  journals.add(record(1, 'a', [1, 1, 1]))
  journals.add(record(2, 'b', [2, 2, 2]))
  journals.add(record(4, 'c', [3, 3, 3]))
  expect(journals.since(0, 'b')).toEqual([1, 1, 1, 3, 3, 3])
  expect(journals.since(2, 'a')).toEqual([3, 3, 3])
  expect(journals.since(4, 'a')).toEqual([])
})

it('says so when it has forgotten what is asked for', () => {
  const journals = new Journals(6)
  for (const position of [1, 2, 3]) journals.add(record(position, 'a', [position, 0, 0]))
  expect(journals.since(0, 'b')).toBeNull()
  expect(journals.since(1, 'b')).toEqual([2, 0, 0, 3, 0, 0])
  journals.begin(7)
  expect(journals.since(6, 'b')).toBeNull()
  expect(journals.since(7, 'b')).toEqual([])
})
