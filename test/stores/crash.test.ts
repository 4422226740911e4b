import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Random, randomFrom } from '../../src/demo/random.ts'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import { type Ack, type Counts, expectWhole, type Found, startWriter } from './crash.ts'

/** kill -9 at moments that a seed decides. Each run goes on where the one before was killed. */

const folder = mkdtempSync(join(tmpdir(), 'headgate-crash-'))
const cache = join(folder, 'cache')

beforeAll(async () => {
  // Compiled code is kept by a process that ends by itself.
  await startWriter(join(folder, 'warm.db'), 'warm', '0', { turns: 3, cache }).gone
})

afterAll(() => rmSync(folder, { recursive: true }))

interface Tale extends Found {
  readonly acks: readonly Ack[]
  /** Runs that wrote before they were killed. */
  readonly wrote: number
}

/** Kills so many runs, with `writers` at once on one file, and looks after each. */
async function killed(name: string, kills: number, writers: number): Promise<Tale> {
  const file = join(folder, `${name}.db`)
  const random = randomFrom(name)
  const acks: Ack[] = []
  let found: Found = { events: [], batches: [] }
  let wrote = 0
  for (let run = 0; run < kills; run++) {
    const before = acks.length
    await Promise.all(
      Array.from({ length: writers }, (_, writer) =>
        killOne(file, `${name}-${run}-${writer}`, random.fork(`${run} ${writer}`), acks),
      ),
    )
    if (acks.slice(before).some(({ kind }) => kind !== 'open')) wrote++
    const stores = openSqliteStores<Counts>({ file })
    found = await expectWhole(stores, acks)
    await stores.close()
  }
  return { ...found, acks, wrote }
}

/** One in eight dies while it starts or opens, the others a few writes later. */
async function killOne(file: string, name: string, random: Random, acks: Ack[]): Promise<void> {
  const writer = startWriter(file, name, name, { cache })
  if (random.chance(1 / 8)) await sleep(40 + random.next() * 120)
  else await writer.opened.then(() => sleep(random.next() * 40))
  writer.kill()
  await writer.gone
  expect(writer.stderr()).toBe('')
  expect(writer.acks.filter(({ kind }) => kind === 'fault')).toEqual([])
  acks.push(...writer.acks)
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

describe('a store whose process is killed', () => {
  it('F-1: holds every acknowledged decision and count, and nothing by half, after each of 200 kills', async () => {
    const tales = await Promise.all(['a', 'b'].map((name) => killed(name, 100, 1)))
    for (const { events, batches, acks, wrote } of tales) {
      // The kills must fall into writing, or they prove nothing.
      expect(wrote).toBeGreaterThan(50)
      expect(events.filter(({ type }) => type === 'rolled_back').length).toBeGreaterThan(5)
      expect(batches.length).toBeGreaterThan(100)
      expect(events.length).toBeGreaterThanOrEqual(
        acks.filter(({ kind }) => kind === 'event').length,
      )
    }
  }, 180_000)

  it('F-1: holds them when two processes write to it at once, and both are killed', async () => {
    const { events, wrote } = await killed('two', 25, 2)
    expect(wrote).toBeGreaterThan(12)
    const writers = new Set(events.map(({ by }) => by.slice(-2)).filter((end) => /-\d/.test(end)))
    expect([...writers].sort()).toEqual(['-0', '-1'])
  }, 120_000)
})
