import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hostsIn, lockFaultsOf, rangesIn } from '../../scripts/check-lockfile.ts'
import { ROOT, treeOf } from './tree.ts'

const PINNED = JSON.stringify({
  dependencies: { hono: '4.13.19' },
  devDependencies: { 'some-beta': '5.20261023.2-beta', alias: 'npm:@scope/name@1.2.3' },
  peerDependencies: { redis: '>=6' },
})

describe('a dependency that is not pinned is found', () => {
  test.each([
    '^4.1.3',
    '~4.1.3',
    '4',
    '4.1.x',
    '>=4.1.3',
    '*',
    'latest',
    'github:a/b',
    'npm:zod@^4.1.3',
    'npm:zod',
    '',
  ])('%s', (version) => {
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      expect(rangesIn(JSON.stringify({ [kind]: { zod: version } }))).toEqual([
        `zod is not pinned: ${version}`,
      ])
    }
  })

  test('exact versions pass, and peers may be ranges', () => {
    expect(rangesIn(PINNED)).toEqual([])
  })
})

describe('a lockfile that names a host is found', () => {
  test.each([
    '"resolved": "https://registry.example/zod/-/zod-4.6.7.tgz",',
    '"resolved": "http://npm.example/zod-4.6.7.tgz",',
    '"resolved": "git+ssh://git@github.com/a/b.git#1",',
    '"version": "https://registry.example/zod.tgz",',
  ])('%s', (line) => {
    expect(hostsIn(`{\n  ${line}\n}`)).toEqual([`names a host: ${line}`])
  })

  test('hashes, funding pages and links pass', () => {
    const lines = [
      '"integrity": "sha512-abc==",',
      '"url": "https://github.com/sponsors/colinhacks"',
      '"resolved": "packages/a",',
    ]
    expect(hostsIn(lines.join('\n'))).toEqual([])
  })
})

test('nested folders are seen, installed packages are not', () => {
  const root = treeOf({
    'package.json': PINNED,
    'package-lock.json': '{}',
    'test/unleash/package.json': JSON.stringify({ dependencies: { a: '^1.0.0' } }),
    'test/unleash/package-lock.json': '"resolved": "https://npm.example/a.tgz"',
    'node_modules/b/package.json': JSON.stringify({ dependencies: { c: '^1.0.0' } }),
  })
  expect(lockFaultsOf(root)).toEqual({
    files: 4,
    faults: [
      'test/unleash/package.json: a is not pinned: ^1.0.0',
      'test/unleash/package-lock.json: names a host: "resolved": "https://npm.example/a.tgz"',
    ],
  })
})

test('the check fails on a fault, and where there is no lockfile', () => {
  const script = join(ROOT, 'scripts/check-lockfile.ts')
  const statusOf = (files: Record<string, string>) =>
    spawnSync(process.execPath, [script, treeOf(files)]).status
  const range = JSON.stringify({ dependencies: { a: '^1.0.0' } })
  expect(statusOf({ 'package.json': PINNED, 'package-lock.json': '{}' })).toBe(0)
  expect(statusOf({ 'package.json': range, 'package-lock.json': '{}' })).toBe(1)
  expect(statusOf({ 'package.json': PINNED })).toBe(1)
})
