import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of 704 KiB, to be filled. */
export interface SmallDisk {
  readonly folder: string
  /** Also while files on it are open. */
  remove(): void
}

/**
 * Only who may mount has one: root, with the right to.
 * @returns null on a machine where this process may not
 * @throws in CI, where nothing is left out
 */
export function smallDisk(): SmallDisk | null {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-disk-'))
  const options = ['-t', 'tmpfs', '-o', 'size=704k', 'headgate-test', folder]
  const { status, stderr } = spawnSync('/usr/bin/mount', options, { encoding: 'utf8' })
  if (status === 0) {
    return {
      folder,
      remove() {
        execFileSync('/usr/bin/umount', ['-l', folder])
        rmSync(folder, { recursive: true })
      },
    }
  }
  rmSync(folder, { recursive: true })
  if (process.env['CI'] === undefined) return null
  throw new Error(`a full disk cannot be tested: mounting a tmpfs of 704 KiB must work, ${stderr}`)
}
