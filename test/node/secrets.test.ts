import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ask, type Served, startServe } from './process.ts'

let served: Served | null = null

afterEach(async () => {
  await served?.stop()
  served = null
})

describe('a key in a file', () => {
  it('is read again when the file changes; while it is gone the last one serves', async () => {
    served = await startServe({ percent: 0 })
    const file = join(served.folder, 'official.key')
    const used = async (): Promise<string | undefined> => {
      const arriving = served?.official.requests.next()
      await (await ask(served?.dataUrl ?? '')).text()
      const rawHeaders = (await arriving)?.rawHeaders ?? []
      return rawHeaders[rawHeaders.indexOf('authorization') + 1]
    }
    writeFileSync(file, 'first-key\n')
    const text = served.configText().replace('{ env: OFFICIAL_KEY }', '{ file: official.key }')
    served.writeConfig(text)
    await served.logged('configuration taken')
    expect(await used()).toBe('Bearer first-key')
    writeFileSync(file, '')
    await served.logged('configuration not taken', 'official.key')
    expect(await used()).toBe('Bearer first-key')
    writeFileSync(file, 'second-key\n')
    while ((await used()) !== 'Bearer second-key') {}
    expect(served.stderr()).not.toMatch(/first-key|second-key/)
  })
})
