import { describe, expect, it } from 'vitest'
import { backupIn, keptIn } from '../../src/flag-sources/unleash-kept.ts'
import { manualClock } from '../fakes/clock.ts'
import { FIVE } from './conformance.ts'

const PLACE = { url: 'https://unleash.example/api', environment: 'production' }
const REVISION = { query: 'fa4e', number: 7 }
const silent = { info() {}, warn() {}, error() {} }

function kept() {
  const clock = manualClock()
  const storage = new Map<string, unknown>()
  const values = {
    get: (key: string) => storage.get(key),
    put: (key: string, value: unknown) => void storage.set(key, value),
  }
  backupIn(values, PLACE, { clock, log: silent }).keep(FIVE, REVISION)
  return { values, clock }
}

describe('what an object keeps of its flags', () => {
  it('E10: comes back as it was kept, as old as it is, with the state of the flags that it is', () => {
    const { values, clock } = kept()
    clock.advance(90_000)
    expect(keptIn(values, PLACE, clock)).toEqual({
      document: FIVE,
      ageMs: 90_000,
      words: 'what the object kept',
      revision: REVISION,
    })
  })

  it('of a clock that was ahead tells nothing of its age', () => {
    const { values, clock } = kept()
    const earlier = (ms: number) => ({ ...clock, wallMs: () => clock.wallMs() - ms })
    expect(keptIn(values, PLACE, earlier(59_000))?.ageMs).toBe(0)
    expect(keptIn(values, PLACE, earlier(3_600_000))?.ageMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('of another server or environment is not taken up', () => {
    const { values, clock } = kept()
    for (const other of [{ url: 'https://other.example/api' }, { environment: 'development' }]) {
      expect(keptIn(values, { ...PLACE, ...other }, clock)).toBeNull()
    }
  })
})
