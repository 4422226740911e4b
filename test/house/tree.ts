import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'

/** The repository these tests stand in. */
export const ROOT = join(import.meta.dirname, '../..')

const planted: string[] = []

afterAll(() => {
  for (const root of planted) rmSync(root, { recursive: true })
})

/**
 * Plants files, path to content, in a directory of their own; it is removed when the test file is done.
 * @returns the directory
 */
export function treeOf(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'headgate-house-'))
  planted.push(root)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return root
}
