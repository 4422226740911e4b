import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type FileRead, readFileNow, type WatchOptions, watchFile } from '../../src/watch-file.ts'
import { turns } from '../fakes/caller.ts'

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

interface Watched {
  readonly reads: FileRead[]
  /** Looks that found what was there before. */
  readonly idle: () => number
  /** Resolves once there were as many reads, ever. */
  read(count: number): Promise<void>
  /** Resolves once there were as many looks more that found nothing new. */
  looked(more: number): Promise<void>
}

function watched(last: FileRead, options?: WatchOptions, at = file): Watched {
  const reads: FileRead[] = []
  let idle = 0
  const looks = new EventEmitter()
  const onRead = (read: FileRead): void => {
    reads.push(read)
    looks.emit('look')
  }
  const onUnchanged = (): void => {
    idle++
    looks.emit('look')
  }
  watching.push(watchFile(at, last, onRead, { ...options, onUnchanged }))
  return {
    reads,
    idle: () => idle,
    async read(count) {
      while (reads.length < count) await once(looks, 'look')
    },
    async looked(more) {
      const until = idle + more
      while (idle < until) await once(looks, 'look')
    },
  }
}

/** At once: no look falls between its emptying and its writing. */
function replace(text: string): void {
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

const NEVER: WatchOptions = { pollMs: 1e9 }
const OFTEN: WatchOptions = { pollMs: 10 }

describe('a watched file', () => {
  it('calls back with what differs from what the caller read, and only then', async () => {
    writeFileSync(file, 'a')
    const at = watched({ ok: true, text: 'a' }, OFTEN)
    await at.looked(2)
    expect(at.reads).toEqual([])
    replace('b')
    await at.read(1)
    replace('b')
    await at.looked(3)
    expect(at.reads).toEqual([{ ok: true, text: 'b' }])
  })

  it('finds what was written between the caller’s own read and the watching', async () => {
    writeFileSync(file, 'b')
    await watched({ ok: true, text: 'a' }, NEVER).read(1)
  })

  it('is told of changes by the directory, without waiting for a poll', async () => {
    writeFileSync(file, 'a')
    const at = watched(readFileNow(file), NEVER)
    await at.looked(1)
    writeFileSync(file, 'b')
    await at.read(1)
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
    const at = watched(readFileNow(file), NEVER)
    await at.looked(1)
    mount('..2')
    await at.read(1)
    expect(at.reads).toEqual([{ ok: true, text: '..2' }])
  })

  it('is polled when the directory says nothing', async () => {
    // 60 s of quiet: whatever the directory reports, only the poll looks.
    writeFileSync(file, 'a')
    const at = watched(readFileNow(file), { ...OFTEN, quietMs: 60_000 })
    await at.looked(1)
    writeFileSync(file, 'b')
    await at.read(1)
  })

  it('is looked at once for a burst of writes', async () => {
    writeFileSync(file, 'a')
    const at = watched(readFileNow(file), NEVER)
    await at.looked(1)
    for (let i = 0; i < 20; i++) writeFileSync(file, `burst ${i}`)
    await at.read(1)
    writeFileSync(file, 'after')
    await at.read(2)
    expect(at.reads).toEqual([
      { ok: true, text: 'burst 19' },
      { ok: true, text: 'after' },
    ])
    expect(at.idle()).toBe(1)
  })

  it('is not put off for longer than five quiet times', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    writeFileSync(file, 'a')
    const at = watched(readFileNow(file), NEVER)
    const told = watch(made)
    onTestFinished(() => told.close())
    await at.looked(1)
    // Six writes 49 ms apart: never 50 ms of quiet, and 250 ms since the first during the last.
    for (let i = 0; i < 6; i++) {
      expect(at.reads).toEqual([])
      writeFileSync(file, `busy ${i}`)
      await once(told, 'change')
      await turns()
      vi.advanceTimersByTime(49)
    }
    await at.read(1)
    expect(at.reads).toEqual([{ ok: true, text: 'busy 5' }])
  })

  it('is not looked at for other files of its directory', async () => {
    writeFileSync(file, 'a')
    const other = join(made, 'state.db-wal')
    writeFileSync(other, '')
    const at = watched(readFileNow(file), NEVER)
    const beside = watched(readFileNow(other), NEVER, other)
    await Promise.all([at.looked(1), beside.looked(1)])
    for (let i = 1; i <= 5; i++) {
      writeFileSync(other, String(i))
      await beside.read(i)
    }
    expect(at.idle()).toBe(1)
  })

  it('calls back with a fault, in words, once', async () => {
    writeFileSync(file, 'a')
    const at = watched(readFileNow(file), OFTEN)
    rmSync(file)
    await at.read(1)
    await at.looked(3)
    expect(at.reads).toEqual([{ ok: false, fault: 'does not exist' }])
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
    const closed = watched({ ok: true, text: 'a' }, OFTEN)
    for (const one of watching) one.close()
    const later = watched({ ok: true, text: 'a' }, OFTEN)
    await later.read(1)
    await later.looked(3)
    expect(closed.reads).toEqual([])
    expect(closed.idle()).toBe(0)
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
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
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
    onTestFinished(() => void child.kill())
    const code = await new Promise((resolve) => child.on('exit', resolve))
    expect({ code, output }).toEqual({ code: 0, output: '{"left":0,"open":1}' })
  })
})
