import { spawnSync } from 'node:child_process'
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ROOT, treeOf } from './tree.ts'

/** What only one runtime has, used as a core file would. */
const FOREIGN: Readonly<Record<string, string>> = {
  process: 'export const x = process.pid\n',
  Buffer: "export const x = Buffer.from('x')\n",
  'node:fs': "export { readFileSync } from 'node:fs'\n",
  DurableObjectNamespace: 'export type X = DurableObjectNamespace\n',
  document: 'export const x = document.title\n',
}

/** What every runtime has. */
const SHARED = `import { Hono } from 'hono'
export const app = new Hono()
export const request = new Request('https://example.com', { signal: AbortSignal.timeout(1) })
export const answer = (): Promise<Response> => fetch(request)
export const bytes = new TextEncoder().encode('x')
export const digest = crypto.subtle.digest('SHA-256', bytes)
`

const fileOf = (name: string) => `src/proxy/planted-${name.replace(/\W/g, '-')}.ts`

describe('core code that leans on one runtime does not compile', () => {
  let lines: string[] = []

  beforeAll(() => {
    const planted = Object.entries(FOREIGN).map(([name, source]) => [fileOf(name), source] as const)
    const root = treeOf({ ...Object.fromEntries(planted), [fileOf('shared')]: SHARED })
    // The whole core stands beside the planted files: a package that brings Node's types in would betray it.
    for (const name of ['src', 'tsconfig.json', 'package.json']) {
      cpSync(join(ROOT, name), join(root, name), { recursive: true })
    }
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const run = spawnSync(process.execPath, [tsc, '-p', root, '--pretty', 'false'], {
      cwd: root,
      encoding: 'utf8',
    })
    lines = run.stdout.split('\n')
  }, 60_000)

  test.each(Object.keys(FOREIGN))('%s', (name) => {
    const faults = lines.filter((line) => line.startsWith(fileOf(name)))
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(/error TS(2304|2307|2584|2591):/)
    expect(faults[0]).toContain(`'${name}'`)
  })

  test('what every runtime has does compile', () => {
    expect(lines.filter((line) => line.startsWith(fileOf('shared')))).toEqual([])
  })
})
