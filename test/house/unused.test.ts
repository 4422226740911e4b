import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, treeOf } from './tree.ts'

const USED = {
  'knip.json': readFileSync(join(ROOT, 'knip.json'), 'utf8'),
  'tsconfig.json': '{}',
  'package.json': JSON.stringify({
    name: 'planted',
    type: 'module',
    dependencies: { zod: '1.0.0' },
  }),
  'src/node.ts': "import 'zod'\nimport { used } from './part.ts'\nused()\n",
  'src/part.ts': 'export const used = () => 1\nexport interface Shape {}\n',
  'bench/overhead/run.ts': "import '../../src/part.ts'\n",
}

/** What knip finds unused below `files`, as `kind file: name`. */
function unusedIn(files: Readonly<Record<string, string>>) {
  const knip = join(ROOT, 'node_modules/knip/bin/knip.js')
  const run = spawnSync(process.execPath, [knip, '--reporter=json', '--no-progress'], {
    cwd: treeOf(files),
    encoding: 'utf8',
  })
  const found: string[] = []
  for (const { file, ...kinds } of JSON.parse(run.stdout).issues) {
    for (const [kind, items] of Object.entries<readonly { name: string }[]>(kinds)) {
      for (const { name } of items) found.push(`${kind} ${file}: ${name}`)
    }
  }
  return { found: found.sort(), status: run.status }
}

test('used code passes, and an exported type needs no reader', () => {
  expect(unusedIn(USED)).toEqual({ found: [], status: 0 })
})

test('an unused file, export and dependency are found, and a package nobody declared', () => {
  const { found, status } = unusedIn({
    ...USED,
    'package.json': JSON.stringify({
      name: 'planted',
      type: 'module',
      dependencies: { zod: '1.0.0', 'left-over': '1.0.0' },
    }),
    'src/part.ts': "import 'undeclared'\nexport const used = () => 1\nexport const idle = 1\n",
    'src/forgotten.ts': 'export const nobody = 1\n',
  })
  expect(found).toEqual([
    'dependencies package.json: left-over',
    'exports src/part.ts: idle',
    'files src/forgotten.ts: src/forgotten.ts',
    'unlisted src/part.ts: undeclared',
  ])
  expect(status).not.toBe(0)
})
