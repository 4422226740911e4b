import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type FlagDocument, hashOf } from '../../src/flag/document.ts'
import { fileFlagSource } from '../../src/flag-sources/file.ts'
import type { FlagSource, Log } from '../../src/ports.ts'
import { clock, conformsToFlagSource, FIVE, ONE, until } from './conformance.ts'

/** PRODUCT.md: a kill in a file takes effect within a second of its write. */
const WITHIN_MS = 1_000

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

function recorder(): Log & { readonly lines: Line[] } {
  const lines: Line[] = []
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      lines.push({ level, message, fields })
    }
  return { lines, info: at('info'), warn: at('warn'), error: at('error') }
}

const directories: string[] = []
const sources: FlagSource<FlagDocument>[] = []

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'headgate-flags-'))
  directories.push(made)
  return made
}

function open(file: string, log: Log = recorder()): FlagSource<FlagDocument> {
  const source = fileFlagSource({ file, clock, log })
  sources.push(source)
  return source
}

function write(file: string, document: FlagDocument): void {
  writeFileSync(file, JSON.stringify(document))
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

afterEach(async () => {
  for (const source of sources.splice(0)) await source.close()
  for (const made of directories.splice(0)) rmSync(made, { recursive: true, force: true })
})

describe('flags in a file', () => {
  conformsToFlagSource(
    (first) => {
      const file = join(directory(), 'relay.json')
      if (first !== null) write(file, first)
      const whole = JSON.stringify(FIVE)
      return {
        source: open(file),
        publish: (document) => write(file, document),
        spoilers: [
          () => writeFileSync(file, ''),
          () => writeFileSync(file, whole.slice(0, whole.length / 2)),
          () => writeFileSync(file, '<!doctype html>'),
          () => writeFileSync(file, whole.replace('"rollout":5', '"rollout":"1e9"')),
          () => writeFileSync(file, Buffer.from([0xff, 0xfe, 0x00])),
          () => writeFileSync(file, Buffer.alloc(9_000_000, 0x20)),
          () => rmSync(file),
        ],
      }
    },
    { withinMs: WITHIN_MS },
  )

  it('are there at once when the file is good', () => {
    const file = join(directory(), 'relay.json')
    write(file, ONE)
    const log = recorder()
    const source = open(file, log)
    expect(source.current()?.hash).toBe(hashOf(ONE))
    expect(log.lines).toEqual([
      {
        level: 'info',
        message: 'flags read',
        fields: { source: `file:${file}`, hash: hashOf(ONE) },
      },
    ])
  })

  it('have a fault at once when the file or its directory is missing, or is no file', () => {
    const made = directory()
    expect(open(join(made, 'relay.json')).status().fault).toBe('does not exist')
    expect(open(join(made, 'no', 'relay.json')).status().fault).toBe('does not exist')
    expect(open(made).status().fault).toBe('is not a file')
  })

  it('appear with a directory that is made later', async () => {
    const made = directory()
    const source = open(join(made, 'later', 'relay.json'))
    mkdirSync(join(made, 'later'))
    write(join(made, 'later', 'relay.json'), ONE)
    await until(() => source.current() !== null, WITHIN_MS)
  })

  it('follow an editor that renames over the file', async () => {
    const file = join(directory(), 'relay.json')
    write(file, ONE)
    const source = open(file)
    for (const document of [FIVE, ONE, FIVE]) {
      write(`${file}.tmp`, document)
      renameSync(`${file}.tmp`, file)
      await until(() => source.current()?.hash === hashOf(document), WITHIN_MS)
    }
  })

  it('follow Kubernetes, which swaps a symlink beside the file', async () => {
    const made = directory()
    const mount = (name: string, document: FlagDocument) => {
      mkdirSync(join(made, name))
      write(join(made, name, 'relay.json'), document)
      symlinkSync(name, join(made, '..data_tmp'))
      renameSync(join(made, '..data_tmp'), join(made, '..data'))
    }
    mount('..2026_1', ONE)
    symlinkSync(join('..data', 'relay.json'), join(made, 'relay.json'))
    const source = open(join(made, 'relay.json'))
    expect(source.current()?.hash).toBe(hashOf(ONE))
    mount('..2026_2', FIVE)
    rmSync(join(made, '..2026_1'), { recursive: true })
    await until(() => source.current()?.hash === hashOf(FIVE), WITHIN_MS)
    expect(source.status().fault).toBeNull()
  })

  it('follow a link to a directory that nobody watches', async () => {
    const made = directory()
    for (const [name, document] of [
      ['a', ONE],
      ['b', FIVE],
    ] as const) {
      mkdirSync(join(made, name))
      write(join(made, name, 'relay.json'), document)
    }
    symlinkSync('a', join(made, 'current'))
    const source = open(join(made, 'current', 'relay.json'))
    await pause(100)
    symlinkSync('b', join(made, 'next'))
    renameSync(join(made, 'next'), join(made, 'current'))
    await until(() => source.current()?.hash === hashOf(FIVE), WITHIN_MS)
  })

  it('never show a document half-written in pieces', async () => {
    const file = join(directory(), 'relay.json')
    write(file, ONE)
    const source = open(file)
    const whole = JSON.stringify(FIVE)
    const hashes = new Set([source.current()?.hash])
    source.onChange(() => hashes.add(source.current()?.hash))
    for (let length = 0; length <= whole.length; length += 16) {
      writeFileSync(file, whole.slice(0, length))
      await pause(2)
    }
    writeFileSync(file, whole)
    await until(() => source.current()?.hash === hashOf(FIVE), WITHIN_MS)
    expect([...hashes]).toEqual([hashOf(ONE), hashOf(FIVE)])
    expect(source.status().fault).toBeNull()
  })

  it('log one line for a fault, not one a poll, and one for its end', async () => {
    const file = join(directory(), 'relay.json')
    write(file, ONE)
    const log = recorder()
    const source = open(file, log)
    writeFileSync(file, '<html>')
    await until(() => source.status().fault !== null, WITHIN_MS)
    writeFileSync(file, '<html><body>')
    await pause(2_100)
    expect(log.lines.slice(1)).toEqual([
      {
        level: 'warn',
        message: 'flags not read: the last good document stays',
        fields: {
          source: `file:${file}`,
          fault: 'the document is not JSON; it looks like HTML',
          kept: hashOf(ONE),
        },
      },
    ])
    rmSync(file)
    await until(() => source.status().fault === 'does not exist', WITHIN_MS)
    write(file, ONE)
    await until(() => source.status().fault === null, WITHIN_MS)
    expect(log.lines.map((line) => line.level)).toEqual(['info', 'warn', 'warn', 'info'])
  })

  it('are confirmed anew while the file stays as it is, and no longer once it is gone', async () => {
    const file = join(directory(), 'relay.json')
    write(file, ONE)
    const source = open(file)
    const { document, readAtMs = 0 } = source.current() ?? {}
    await until(() => (source.current()?.readAtMs ?? 0) > readAtMs + 500, 2_000)
    // The same object, so that what was compiled from it stays compiled.
    expect(source.current()?.document).toBe(document)
    rmSync(file)
    await until(() => source.status().fault !== null, WITHIN_MS)
    const last = source.current()?.readAtMs
    await pause(1_200)
    expect(source.current()?.readAtMs).toBe(last)
  })

  it('reach the other listeners when one of them fails, and say so', async () => {
    const file = join(directory(), 'relay.json')
    write(file, ONE)
    const log = recorder()
    const source = open(file, log)
    let told = 0
    source.onChange(() => {
      throw new Error('broken')
    })
    source.onChange(() => told++)
    write(file, FIVE)
    await until(() => told === 1, WITHIN_MS)
    expect(log.lines.filter((line) => line.level === 'error')).toHaveLength(1)
    write(file, ONE)
    await until(() => told === 2, WITHIN_MS)
  })
})
