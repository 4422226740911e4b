import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { type FlagDocument, parseDocument } from '../../src/flag/document.ts'
import { fileBackup, readBackup } from '../../src/flag-sources/unleash-backup.ts'
import type { Log } from '../../src/ports.ts'
import { type ManualClock, manualClock } from '../fakes/clock.ts'
import { smallDisk } from '../fakes/small-disk.ts'
import { FIVE, ONE } from './conformance.ts'

const URL = 'https://unleash.example/api'
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

interface Place {
  readonly file: string
  readonly url: string
  readonly environment: string | null
}

function place(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-backup-'))
  folders.push(folder)
  return { file: join(folder, 'state/flags.json'), url: URL, environment: 'production' }
}

function logged(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const line = (message: string, fields: unknown = {}) => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
  }
  return { lines, info: line, warn: line, error: line }
}

async function written(clock: ManualClock, at: Place = place()): Promise<Place> {
  const backup = fileBackup(at, { clock, log: logged() })
  backup.keep(FIVE)
  await backup.close()
  return at
}

describe('the backup of flags', () => {
  it('comes back as it was kept, as old as it is', async () => {
    const clock = manualClock()
    const at = await written(clock)
    clock.advance(90_000)
    expect(readBackup(at, clock.wallMs(), logged())).toEqual({
      document: FIVE,
      ageMs: 90_000,
      words: `the backup of ${new Date(clock.wallMs() - 90_000).toISOString()}`,
      revision: null,
    })
  })

  it('E10: says which state of the flags it is, where the server numbers them', async () => {
    const clock = manualClock()
    const at = place()
    const backup = fileBackup(at, { clock, log: logged() })
    const revision = { query: 'fa4e', number: 7 }
    backup.keep(FIVE, revision)
    await backup.close()
    expect(readBackup(at, clock.wallMs(), logged())?.revision).toEqual(revision)
  })

  it('is a document that a flag file may be, and nobody else may read', async () => {
    const { file } = await written(manualClock())
    expect(parseDocument(readFileSync(file, 'utf8')).ok).toBe(true)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('is written at every new document, and once a minute for one that stays', async () => {
    const clock = manualClock()
    const at = place()
    const backup = fileBackup(at, { clock, log: logged() })
    const ageMs = async (): Promise<number | undefined> => {
      await backup.close()
      return readBackup(at, clock.wallMs(), logged())?.ageMs
    }
    backup.keep(FIVE)
    clock.advance(59_000)
    backup.keep(FIVE)
    expect(await ageMs()).toBe(59_000)
    clock.advance(1_000)
    backup.keep(FIVE)
    expect(await ageMs()).toBe(0)
    clock.advance(1_000)
    backup.keep(ONE)
    expect(await ageMs()).toBe(0)
    expect(readdirSync(join(at.file, '..'))).toEqual(['flags.json'])
  })

  it('of a clock that was ahead tells nothing of its age, and of one a little ahead nothing bad', async () => {
    const clock = manualClock()
    const at = await written(clock)
    expect(readBackup(at, clock.wallMs() - 59_000, logged())?.ageMs).toBe(0)
    expect(readBackup(at, clock.wallMs() - 3_600_000, logged())?.ageMs).toBe(
      Number.POSITIVE_INFINITY,
    )
  })

  it('of another server or environment is not used', async () => {
    const clock = manualClock()
    const at = await written(clock)
    for (const other of [{ url: 'https://other.example/api' }, { environment: 'development' }]) {
      const log = logged()
      expect(readBackup({ ...at, ...other }, clock.wallMs(), log)).toBeNull()
      expect(log.lines.join()).toContain('of another server, or of another environment')
    }
  })

  it('E6: that is damaged in any way is not used, is said, and stays as it is', async () => {
    const clock = manualClock()
    const at = await written(clock)
    const whole = readFileSync(at.file)
    const text = whole.toString()
    const spoiled: readonly (readonly [string, string | Uint8Array])[] = [
      ['is empty', ''],
      ['cut in the middle', text.slice(0, text.length / 2)],
      ['full of NULs', new Uint8Array(whole.length)],
      ['a bit that fell over', text.replace('"rollout": 5', '"rollout": 7')],
      ['without the mark', JSON.stringify(FIVE)],
      ['with a mark of another kind', JSON.stringify({ ...FIVE, headgate: { version: 0 } })],
      ['no document', '{"headgate":{}}'],
    ]
    for (const [what, bytes] of spoiled) {
      writeFileSync(at.file, bytes)
      const log = logged()
      expect(readBackup(at, clock.wallMs(), log), what).toBeNull()
      expect(log.lines, what).toHaveLength(1)
      expect(readFileSync(at.file), what).toEqual(Buffer.from(bytes))
    }
  })

  it('E6: that is a folder, or not there, is no backup; the latter needs no word', () => {
    const at = place()
    const log = logged()
    expect(readBackup(at, 0, log)).toBeNull()
    expect(log.lines).toEqual([])
    expect(readBackup({ ...at, file: join(at.file, '../..') }, 0, log)).toBeNull()
    expect(log.lines.join()).toContain('EISDIR')
  })
})

const disk = smallDisk()

describe.skipIf(disk === null)('the backup of flags on a full disk', () => {
  afterAll(() => disk?.remove())

  it('E6: that finds no room leaves the last one whole, says so once, and is written once there is room', async () => {
    const folder = disk?.folder ?? ''
    const at = { ...place(), file: join(folder, 'flags.json') }
    const clock = manualClock()
    const log = logged()
    const backup = fileBackup(at, { clock, log })
    const keep = (document: FlagDocument): Promise<void> => {
      clock.advance(60_000)
      backup.keep(document)
      return backup.close()
    }
    await keep(FIVE)
    const ballast = join(folder, 'ballast')
    expect(() => writeFileSync(ballast, Buffer.alloc(1_000_000))).toThrow('ENOSPC')
    await keep(ONE)
    await keep(ONE)
    expect(log.lines.filter((line) => line.includes('ENOSPC'))).toHaveLength(1)
    expect(readBackup(at, clock.wallMs(), logged())?.document).toEqual(FIVE)
    rmSync(ballast)
    await keep(ONE)
    expect(readBackup(at, clock.wallMs(), logged())?.document).toEqual(ONE)
    expect(readdirSync(folder)).toEqual(['flags.json'])
  })
})
