import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ErrorCode, HeadgateError } from '../../src/errors.ts'
import type { Stores } from '../../src/ports.ts'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import type { RolloutEvent } from '../../src/types.ts'
import { smallDisk } from '../fakes/small-disk.ts'
import { tale } from './conformance.ts'
import { type Ack, type Counts, countsOf, expectWhole, startWriter } from './crash.ts'

const DWELL = { ms: 0, at: 0 }
const root = process.getuid?.() === 0
const opened: Stores<Counts>[] = []
let folder = ''
let file = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-faults-'))
  file = join(folder, 'state.db')
})

afterEach(async () => {
  for (const stores of opened.splice(0)) await stores.close()
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true })
})

function open(busyTimeoutMs?: number): Stores<Counts> {
  const stores = openSqliteStores<Counts>({
    file,
    ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }),
  })
  opened.push(stores)
  return stores
}

/** A database with a history, closed. */
async function written(events = 5): Promise<void> {
  const stores = open()
  const relay = tale('relay')
  for (let turn = 0; turn < events; turn++) await stores.state.commit([relay.tell({})], DWELL)
  await append(stores, 0, 40)
  await stores.close()
}

async function append({ evidence }: Stores<Counts>, from: number, count: number): Promise<void> {
  await evidence.append(
    Array.from({ length: count }, (_, index) => ({
      rollout: 'relay',
      epoch: 1,
      process: 'p',
      sequence: from + index,
      at: 0,
      counts: countsOf('p', from + index),
    })),
  )
}

/** What it says when it is opened. */
function faultAtOpen(): HeadgateError {
  try {
    open()
  } catch (error) {
    if (error instanceof HeadgateError) return error
    throw error
  }
  throw new Error('it opened')
}

async function codeOf(doing: Promise<unknown>): Promise<ErrorCode | null> {
  try {
    await doing
    return null
  } catch (error) {
    if (error instanceof HeadgateError) return error.code
    throw error
  }
}

/** SQL behind the store's back. */
function sql(text: string): void {
  const database = new DatabaseSync(file)
  database.exec(text)
  database.close()
}

function scribble(at: number, bytes: Uint8Array): void {
  const handle = openSync(file, 'r+')
  writeSync(handle, bytes, 0, bytes.length, at)
  closeSync(handle)
}

describe('a damaged file', () => {
  const GARBAGE = new Uint8Array(300).fill(0xa5)
  const DAMAGE: Readonly<Record<string, () => void>> = {
    'a text': () => writeFileSync(file, 'state: rolled_back\n'.repeat(100)),
    'a file that lost all its bytes': () => truncateSync(file, 0),
    'half a file': () => truncateSync(file, Math.trunc(statSync(file).size / 2 / 4_096) * 4_096),
    'a file cut inside a page': () => truncateSync(file, statSync(file).size - 1_000),
    'an overwritten header': () => scribble(0, GARBAGE),
    'an overwritten page': () => scribble(4_096 * 3 + 8, GARBAGE),
    'another program’s database': () => {
      rmSync(file)
      sql('CREATE TABLE notes (text TEXT)')
    },
    'a record that says what no event said': () =>
      sql(`UPDATE rollouts SET record = replace(record, '"paused"', '"ramping"')`),
    'a record whose event is gone': () =>
      sql('DROP TRIGGER events_last; DELETE FROM events WHERE version = 5'),
    'a gap in the audit log': () =>
      sql('DROP TRIGGER events_last; DELETE FROM events WHERE version = 2'),
    'an event whose record is gone': () => sql('DELETE FROM rollouts'),
    'a record older than its events': () =>
      sql(
        `UPDATE rollouts SET version = 4, record = (SELECT event -> 'after' FROM events WHERE version = 4)`,
      ),
    'a record that is no JSON': () =>
      sql(`PRAGMA ignore_check_constraints = 1; UPDATE rollouts SET record = '{'`),
    'a schema of nobody': () => sql('DELETE FROM headgate'),
  }

  it.each(Object.entries(DAMAGE))('F-8: %s is refused, and left as it is', async (_, damage) => {
    await written()
    damage()
    const before = readFileSync(file)
    const fault = faultAtOpen()
    expect(fault.code).toBe('store_corrupt')
    expect(fault.message).toContain(file)
    expect(fault.message).toContain('move it aside')
    expect(readFileSync(file).equals(before)).toBe(true)
    // And it is no accident of the first attempt.
    expect(faultAtOpen().code).toBe('store_corrupt')
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it('says what it found: nothing, or something else', async () => {
    await written()
    truncateSync(file, 0)
    expect(faultAtOpen().message).toContain('it is empty')
    sql('CREATE TABLE notes (text TEXT)')
    expect(faultAtOpen().message).toContain('a database of another program')
  })

  it('keeps what its write-ahead log still holds', async () => {
    const stores = open()
    const relay = tale('relay')
    await stores.state.commit([relay.tell({})], DWELL)
    await append(stores, 0, 100)
    await stores.close()
    const alive = open()
    await alive.state.commit([relay.tell({ reason: 'only in the log' })], DWELL)
    const copy = join(folder, 'copy.db')
    for (const suffix of ['', '-wal']) copyFileSync(file + suffix, copy + suffix)
    file = copy
    // A page that the log does not hold: what it holds is read from there.
    scribble(statSync(file).size - 4_096, GARBAGE)
    const before = ['', '-wal'].map((suffix) => readFileSync(copy + suffix))
    expect(before[1]?.includes('only in the log')).toBe(true)
    expect(faultAtOpen().code).toBe('store_corrupt')
    expect(['', '-wal'].map((suffix) => readFileSync(copy + suffix))).toEqual(before)
  })

  it('is not made anew beside the write-ahead log of one that is gone', async () => {
    await written()
    const alive = open()
    await append(alive, 100, 1)
    const copy = join(folder, 'copy.db')
    copyFileSync(`${file}-wal`, `${copy}-wal`)
    file = copy
    expect(faultAtOpen()).toMatchObject({ code: 'store_corrupt' })
    expect(existsSync(copy)).toBe(false)
  })

  it('is written to no more once damage shows', async () => {
    const stores = open()
    const relay = tale('relay')
    await stores.state.commit([relay.tell({})], DWELL)
    sql(`PRAGMA ignore_check_constraints = 1; UPDATE rollouts SET record = '{'`)
    expect(await codeOf(stores.state.read('relay'))).toBe('store_corrupt')
    expect(await codeOf(stores.state.commit([relay.tell({})], DWELL))).toBe('store_corrupt')
    expect(await codeOf(append(stores, 0, 1))).toBe('store_corrupt')
    await stores.close()
    const database = new DatabaseSync(file)
    expect(database.prepare('SELECT count(*) AS n FROM events').get()).toEqual({ n: 1 })
    expect(database.prepare('SELECT count(*) AS n FROM evidence').get()).toEqual({ n: 0 })
    database.close()
  })
})

describe('a whole file', () => {
  it('C11: is readable by its owner only, and so is its folder', async () => {
    file = join(folder, 'made', 'here', 'state.db')
    const stores = open()
    await append(stores, 0, 1)
    const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)
    expect([file, `${file}-wal`, `${file}-shm`].map(modeOf)).toEqual(['600', '600', '600'])
    expect(modeOf(join(folder, 'made'))).toBe('700')
    expect(execFileSync('ls', [join(folder, 'made/here')], { encoding: 'utf8' })).not.toContain(
      '.new',
    )
  })

  it('F-8: of a newer version is refused, and left as it is', async () => {
    await written()
    sql('UPDATE headgate SET schema = 2; ALTER TABLE rollouts ADD COLUMN more TEXT')
    const before = readFileSync(file)
    const fault = faultAtOpen()
    expect(fault.code).toBe('store_newer')
    expect(fault.message).toContain('has schema 2')
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it('lets nobody change or delete an event', async () => {
    await written()
    expect(() => sql(`UPDATE events SET event = '{}'`)).toThrow('append-only')
    expect(() => sql('DELETE FROM events')).toThrow('append-only')
  })

  it('opens again whatever names it holds', async () => {
    const stores = open()
    const words = '\\"\n\t\0\u2028 用户 🙂 {"after":1} $.after'
    const relay = tale(words)
    await stores.state.commit([relay.tell({ by: words, reason: words })], DWELL)
    await stores.close()
    expect((await open().state.read(words))?.record).toEqual(relay.standing().record)
  })
})

describe('a file that another process is writing to', () => {
  it('F-8: is unavailable for as long, and loses nothing', async () => {
    const stores = open(50)
    const relay = tale('relay')
    await stores.state.commit([relay.tell({})], DWELL)
    const other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    const event = relay.tell({})
    expect(await codeOf(stores.state.commit([event], DWELL))).toBe('store_unavailable')
    expect(await codeOf(append(stores, 0, 1))).toBe('store_unavailable')
    expect(await codeOf(stores.state.keepDwell('relay', 1, DWELL))).toBe('store_unavailable')
    // Reading waits for nobody.
    expect((await stores.state.read('relay'))?.record.version).toBe(1)
    other.exec('ROLLBACK')
    other.close()
    expect(await stores.state.commit([event], DWELL)).toBe('written')
    await append(stores, 0, 1)
    expect(await stores.state.events({ limit: 9 })).toHaveLength(2)
  })
})

const disk = smallDisk()
const MOUNTED = disk?.folder ?? ''
afterAll(() => disk?.remove())

async function expectFound(
  { state, evidence }: Stores<Counts>,
  events: readonly RolloutEvent[],
  batches: number,
): Promise<void> {
  expect(await state.events({ limit: 1e6 })).toEqual(events)
  const relay = events.filter(({ rollout }) => rollout === 'relay').at(-1)
  expect((await state.read('relay'))?.record).toEqual(relay?.after)
  expect(await evidence.read({ rollout: 'relay', limit: 1e6 })).toHaveLength(batches)
}

describe('a full disk', () => {
  it.skipIf(disk === null)(
    'F-7: refuses what is new, keeps what was said, and recovers',
    async () => {
      file = join(MOUNTED, 'state.db')
      const ballast = join(MOUNTED, 'ballast')
      writeFileSync(ballast, new Uint8Array(100_000))
      const stores = open()
      const relay = tale('relay')
      const events: RolloutEvent[] = []
      let batches = 0
      let refused = 0
      for (let turn = 0; turn < 5_000 && refused < 3; turn++) {
        const event = refused === 0 ? relay.tell({ reason: 'x'.repeat(500) }) : events.at(-1)
        if (event === undefined) throw new Error('full before a first event')
        const codes = [
          refused === 0 ? await codeOf(stores.state.commit([event], DWELL)) : 'store_unavailable',
          await codeOf(append(stores, batches * 10, 10)),
        ]
        if (codes[0] === null) events.push(event)
        if (codes[1] === null) batches++
        for (const code of codes) if (code !== null) expect(code).toBe('store_unavailable')
        if (codes.includes('store_unavailable')) refused++
      }
      expect(refused).toBe(3)
      expect(events.length).toBeGreaterThan(3)
      // Readable meanwhile, and by whoever comes.
      expect(await stores.state.events({ limit: 1e6 })).toEqual(events)
      await expectFound(open(), events, batches * 10)
      await opened.pop()?.close()
      rmSync(ballast)
      const other = tale('other')
      const next = other.tell({})
      expect(await stores.state.commit([next], DWELL)).toBe('written')
      await append(stores, batches * 10, 10)
      await stores.close()
      const again = open()
      await expectFound(again, [...events, next], batches * 10 + 10)
      expect(await again.state.commit([other.tell({})], DWELL)).toBe('written')
      await again.close()
    },
  )

  it.skipIf(disk === null)('F-7: cannot hold a new file, and says so', () => {
    mkdirSync(join(MOUNTED, 'full'))
    file = join(MOUNTED, 'full', 'state.db')
    try {
      writeFileSync(join(MOUNTED, 'ballast'), new Uint8Array(1_000_000))
    } catch {
      // It takes what there is room for.
    }
    expect(faultAtOpen().code).toBe('store_unavailable')
    expect(existsSync(file)).toBe(false)
    rmSync(join(MOUNTED, 'ballast'))
    open()
    opened.pop()?.close()
  })

  it('F-7: that fails in the middle of a write costs a writer nothing it was promised', async () => {
    // Blocks of 1,024 bytes; beyond them a write fails with EFBIG.
    const limited = ['bash', '-c', 'ulimit -f 700; exec "$@"', 'bash']
    const acks: Ack[] = []
    for (let run = 0; run < 3; run++) {
      const writer = startWriter(file, `w${run}`, `${run}`, { turns: 5_000, through: limited })
      await writer.gone
      expect(writer.stderr()).toBe('')
      expect(writer.acks.at(-1)).toMatchObject({ kind: 'fault', code: 'store_unavailable' })
      acks.push(...writer.acks)
      const { events } = await expectWhole(open(), acks)
      expect(events.length).toBeGreaterThan(10)
      await opened.pop()?.close()
    }
    const free = startWriter(file, 'free', 'free', { turns: 30 })
    await free.gone
    expect(free.acks.filter(({ kind }) => kind === 'fault')).toEqual([])
    await expectWhole(open(), [...acks, ...free.acks])
  }, 60_000)
})

describe('a file that may not be written', () => {
  const user = root ? { uid: 65_534 } : {}

  async function attempt(): Promise<Ack | undefined> {
    const writer = startWriter(file, 'w', '1', { turns: 5, ...user })
    await writer.gone
    expect(writer.stderr()).toBe('')
    expect(writer.acks).toHaveLength(1)
    return writer.acks[0]
  }

  it.each([
    ['a read-only file in a read-only folder', 0o444, 0o555],
    ['a read-only file', 0o444, 0o777],
    ['an unreadable file', 0o000, 0o777],
    ['an unreadable folder', 0o666, 0o000],
  ])('F-7: is unavailable: %s', async (_, fileMode, folderMode) => {
    await written()
    const before = readFileSync(file)
    chmodSync(file, fileMode)
    chmodSync(folder, folderMode)
    expect(await attempt()).toMatchObject({ kind: 'fault', code: 'store_unavailable' })
    chmodSync(folder, 0o700)
    chmodSync(file, 0o600)
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(await open().state.events({ limit: 9 })).toHaveLength(5)
  })

  it('F-7: is not made in a read-only folder', async () => {
    chmodSync(folder, 0o555)
    expect(await attempt()).toMatchObject({ kind: 'fault', code: 'store_unavailable' })
    expect(existsSync(file)).toBe(false)
  })

  it('is unavailable where a folder of its path is a file', () => {
    writeFileSync(join(folder, 'plain'), '')
    file = join(folder, 'plain', 'state.db')
    expect(faultAtOpen().code).toBe('store_unavailable')
  })
})
