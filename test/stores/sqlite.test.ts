import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import { type Counts, conformsToStores } from './conformance.ts'

const folderOf = () => mkdtempSync(join(tmpdir(), 'headgate-stores-'))

describe('sqlite', () => {
  conformsToStores(() => {
    const folder = folderOf()
    const file = join(folder, 'state.db')
    const open = () => openSqliteStores<Counts>({ file })
    return { stores: open(), again: open, cleanUp: () => rmSync(folder, { recursive: true }) }
  })

  it('a file from before the ledger gets one, and keeps what it holds', async () => {
    const folder = folderOf()
    const file = join(folder, 'state.db')
    const made = openSqliteStores<Counts>({ file })
    const checkpoint = { rollout: 'relay', position: 7, kept: 'null' }
    await made.evidence.keepCheckpoint(checkpoint)
    await made.close()
    const database = new DatabaseSync(file)
    database.exec('DROP TABLE ledger; DROP TABLE ledger_writers')
    database.close()

    const stores = openSqliteStores<Counts>({ file })
    expect(await stores.ledger.add({ process: 'p', sequence: 0, at: 1, lines: [] })).toBe('added')
    expect(await stores.evidence.checkpoint('relay')).toEqual(checkpoint)
    await stores.close()
    rmSync(folder, { recursive: true })
  })
})
