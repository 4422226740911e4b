import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { chanceIn } from '../../scripts/check-random.ts'
import { ROOT, treeOf } from './tree.ts'

const PURE_FOLDERS = ['config', 'flag', 'judge', 'compare', 'wire', 'api/views']
const PURE_FILES: Readonly<Record<string, string>> = {
  proxy:
    'ask body event event-filter stream whole fingerprint assign bucket murmur3 pin headers outcome dialect endpoint scan splice target routes redact sliding-sum limit fair-queue budget retry cooldown coins keys stored model-echoes',
  rollout:
    'plan advance command split evidence tally events state flushes guard probing checkpoint',
  api: 'invalid page history',
  unleash: 'environment',
  cost: 'price price-list charge coverage pricing lines budget invoice reconcile savings',
  telemetry: 'names redact',
  doctor: 'advice answer base check clock parts places secrets target vendors',
  eval: 'rubric blind result chance prompt lines verdict interval records report junit chat code table numbers conclusion golden-pair golden-question golden-set golden-result golden-report',
}
const PURE = [
  'joined.ts',
  'token-bucket.ts',
  ...PURE_FOLDERS.flatMap((folder) => [`${folder}/any.ts`, `${folder}/below/any.ts`]),
  ...Object.entries(PURE_FILES).flatMap(([folder, names]) =>
    names.split(' ').map((name) => `${folder}/${name}.ts`),
  ),
]
const FLOW = ['proxy/handle.ts', 'proxy/observe.ts', 'rollout/controller.ts', 'rollout/register.ts']

const IMPURE: Readonly<Record<string, string>> = {
  Date: 'Date.now()',
  performance: 'performance.now()',
  fetch: "fetch('https://example.com')",
  setTimeout: 'setTimeout(() => {}, 1)',
  setInterval: 'setInterval(() => {}, 1)',
  setImmediate: 'setImmediate(() => {})',
  queueMicrotask: 'queueMicrotask(() => {})',
  crypto: 'crypto.randomUUID()',
  console: 'console.log(1)',
  globalThis: 'globalThis.Date.now()',
  self: 'self.crypto.randomUUID()',
}

/** Rules that biome finds broken, by file. */
function lint(sources: Readonly<Record<string, string>>): Map<string, string[]> {
  const files: Record<string, string> = {}
  for (const name of ['biome.json', '.gitignore'])
    files[name] = readFileSync(join(ROOT, name), 'utf8')
  for (const [path, source] of Object.entries(sources)) files[path] = source
  const root = treeOf(files)
  const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')
  const run = spawnSync(
    process.execPath,
    [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '--error-on-warnings'],
    { cwd: root, encoding: 'utf8' },
  )
  const found = new Map<string, string[]>()
  for (const { category, location } of JSON.parse(run.stdout).diagnostics) {
    found.set(location.path, [...(found.get(location.path) ?? []), category])
  }
  if (run.status === 0 && found.size > 0) throw new Error('biome found faults and did not fail')
  return found
}

describe('pure code names no clock, no chance and no I/O', () => {
  test.each(Object.entries(IMPURE))('%s', (name, use) => {
    const found = lint({
      'src/judge/guard.ts': `export const x = () => ${use}\n`,
      'src/judge/said.ts': `// ${name}\nexport const x = '${name}'\n`,
    })
    expect([...found]).toEqual([['src/judge/guard.ts', ['lint/style/noRestrictedGlobals']]])
  })

  test('the rule covers every pure file, and leaves the flow alone', () => {
    const clock = 'export const x = () => Date.now()\n'
    const found = lint(Object.fromEntries([...PURE, ...FLOW].map((path) => [`src/${path}`, clock])))
    expect([...found.keys()].sort()).toEqual(PURE.map((path) => `src/${path}`).sort())
  })

  test.each(['src', 'test', 'bench', 'scripts'])('%s is linted', (folder) => {
    const found = lint({ [`${folder}/a.ts`]: 'export const x: any = 1\n' })
    expect([...found]).toEqual([[`${folder}/a.ts`, ['lint/suspicious/noExplicitAny']]])
  })
})

describe('chance is an argument', () => {
  test.each([
    'export const x = Math.random()',
    'export const x = Math.random',
    'export const x = Math?.random()',
    "export const x = Math['random']()",
    'const { random } = Math\nexport const x = random()',
    'const M = Math\nexport const x = M.random()',
  ])('%s is found', (source) => {
    const root = treeOf({
      'src/demo/load.ts': `// first line\n${source}\n`,
      'src/proxy/pin.ts': 'export const x = Math.round(random) + Math.max(1, 2)\n',
    })
    expect(chanceIn(root)).toEqual({ files: 2, found: ['src/demo/load.ts:2'] })
  })

  test('the check fails when it finds chance, and when it has seen no file', () => {
    const script = join(ROOT, 'scripts/check-random.ts')
    const statusOf = (root: string) => spawnSync(process.execPath, [script, root]).status
    expect(statusOf(treeOf({ 'src/a.ts': 'export const x = Math.random()\n' }))).toBe(1)
    expect(statusOf(treeOf({ 'src/a.ts': 'export const x = Math.round(1)\n' }))).toBe(0)
    expect(statusOf(treeOf({ 'README.md': '' }))).toBe(1)
  })
})
