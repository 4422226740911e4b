import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FileRead, readFileNow, type WatchOptions, watchFile } from '../../src/watch-file.ts'
import { until } from './conformance.ts'

let made = ''
let file = ''
const watching: { close(): void }[] = []

beforeEach(() => {
  made = mkdtempSync(join(tmpdir(), 'headgate-watch-'))
  file = join(made, 'headgate.yaml')
})

afterEach(() => {
  for (const one of watching.splice(0)) one.close()
  rmSync(made, { recursive: true, force: true })
})

function watched(last: FileRead, options?: WatchOptions): FileRead[] {
  const reads: FileRead[] = []
  watching.push(watchFile(file, last, (read) => reads.push(read), options))
  return reads
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const NEVER: WatchOptions = { pollMs: 1e9 }

describe('a watched file', () => {
  it('calls back with what differs from what the caller read, and only then', async () => {
    writeFileSync(file, 'a')
    const reads = watched({ ok: true, text: 'a' })
    await pause(200)
    expect(reads).toEqual([])
    writeFileSync(file, 'b')
    await until(() => reads.length === 1, 1_000)
    writeFileSync(file, 'b')
    await pause(1_100)
    expect(reads).toEqual([{ ok: true, text: 'b' }])
  })

  it('finds what was written between the caller’s own read and the watching', async () => {
    writeFileSync(file, 'b')
    const reads = watched({ ok: true, text: 'a' }, NEVER)
    await until(() => reads.length === 1, 200)
  })

  it('is told of changes by the directory, without waiting for a poll', async () => {
    writeFileSync(file, 'a')
    const reads = watched(readFileNow(file), NEVER)
    await pause(50)
    writeFileSync(file, 'b')
    await until(() => reads.length === 1, 400)
  })

  it('is told when Kubernetes swaps the link that the file is reached through', async () => {
    const mount = (name: string) => {
      mkdirSync(join(made, name))
      writeFileSync(join(made, name, 'headgate.yaml'), name)
      symlinkSync(name, join(made, '..data_tmp'))
      renameSync(join(made, '..data_tmp'), join(made, '..data'))
    }
    mount('..1')
    symlinkSync(join('..data', 'headgate.yaml'), file)
    const reads = watched(readFileNow(file), NEVER)
    await pause(50)
    mount('..2')
    await until(() => reads.length === 1, 400)
    expect(reads).toEqual([{ ok: true, text: '..2' }])
  })

  it('is polled when the directory says nothing', async () => {
    // 60 s of quiet: whatever the directory reports, only the poll looks.
    writeFileSync(file, 'a')
    const reads = watched(readFileNow(file), { quietMs: 60_000 })
    await pause(50)
    writeFileSync(file, 'b')
    await until(() => reads.length === 1, 1_000)
  })

  it('is looked at once for a burst of writes, but is not put off for ever', async () => {
    writeFileSync(file, 'a')
    const reads = watched(readFileNow(file), NEVER)
    await pause(50)
    for (let i = 0; i < 20; i++) writeFileSync(file, `burst ${i}`)
    await until(() => reads.length === 1, 400)
    await pause(100)
    expect(reads).toEqual([{ ok: true, text: 'burst 19' }])
    for (let i = 0; i < 60; i++) {
      writeFileSync(file, `busy ${i}`)
      await pause(10)
    }
    expect(reads.length).toBeGreaterThan(1)
  })

  it('is not looked at for other files of its directory', async () => {
    writeFileSync(file, 'a')
    let looks = 0
    watched(readFileNow(file), { ...NEVER, onUnchanged: () => looks++ })
    await until(() => looks === 1, 200)
    for (let i = 0; i < 5; i++) writeFileSync(join(made, 'state.db-wal'), String(i))
    await pause(300)
    expect(looks).toBe(1)
  })

  it('calls back with a fault, in words, once', async () => {
    writeFileSync(file, 'a')
    const reads = watched(readFileNow(file))
    rmSync(file)
    await until(() => reads.length === 1, 1_000)
    await pause(1_100)
    expect(reads).toEqual([{ ok: false, fault: 'does not exist' }])
  })

  it('has a fault when it is too large, not UTF-8, or a directory; a byte order mark is none', () => {
    writeFileSync(file, 'abcdef')
    expect(readFileNow(file, 5)).toEqual({ ok: false, fault: 'must be at most 5 bytes, got 6' })
    expect(readFileNow(file, 6)).toEqual({ ok: true, text: 'abcdef' })
    expect(readFileNow(made)).toEqual({ ok: false, fault: 'is not a file' })
    expect(readFileNow('/dev/zero')).toEqual({ ok: false, fault: 'is not a file' })
    writeFileSync(file, Buffer.from([0x61, 0xff]))
    expect(readFileNow(file)).toEqual({ ok: false, fault: 'is not UTF-8' })
    writeFileSync(file, '\ufeffa')
    expect(readFileNow(file)).toEqual({ ok: true, text: 'a' })
  })

  it('calls nobody after close, even for a look that was under way', async () => {
    writeFileSync(file, 'b')
    const reads = watched({ ok: true, text: 'a' }, { pollMs: 10 })
    for (const one of watching) one.close()
    await pause(150)
    expect(reads).toEqual([])
  })

  it('keeps no process alive, and leaves no handle once closed', async () => {
    writeFileSync(file, 'a')
    const module = new URL('../../src/watch-file.ts', import.meta.url).href
    const script = `
      const { watchFile } = await import(${JSON.stringify(module)})
      const options = { pollMs: 10 }
      const open = () => watchFile(${JSON.stringify(file)}, { ok: true, text: 'a' }, () => {}, options)
      const watchers = () => process.report.getReport().libuv.filter((one) => one.type === 'fs_event')
      open().close()
      await new Promise((resolve) => setTimeout(resolve, 100))
      const left = watchers().length
      open()
      process.stdout.write(JSON.stringify({ left, open: watchers().length }))`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      output += chunk
    })
    const timer = setTimeout(() => child.kill(), 8_000)
    const code = await new Promise((resolve) => child.on('exit', resolve))
    clearTimeout(timer)
    expect({ code, output }).toEqual({ code: 0, output: '{"left":0,"open":1}' })
  })
})
