import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import { type Counts, conformsToStores } from './conformance.ts'

describe('sqlite', () => {
  conformsToStores(() => {
    const folder = mkdtempSync(join(tmpdir(), 'headgate-stores-'))
    const file = join(folder, 'state.db')
    const open = () => openSqliteStores<Counts>({ file })
    return { stores: open(), again: open, cleanUp: () => rmSync(folder, { recursive: true }) }
  })
})
