import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/**
 * Installs what tests need and Headgate does not: a real Unleash with a real PostgreSQL, from its own lockfile in
 * test/unleash, and from Debian a real Prometheus and a real Chromium. It is quick when all is there.
 */

const folder = resolve(import.meta.dirname, '../test/unleash')

/** npm writes what it installed to `node_modules/.package-lock.json`: the same packages, without the root. */
function isInstalled(): boolean {
  const installed = join(folder, 'node_modules/.package-lock.json')
  if (!existsSync(installed)) return false
  const wanted = packagesIn(join(folder, 'package-lock.json'))
  const there = packagesIn(installed)
  return Object.entries(there).every(([name, { version }]) => wanted[name]?.version === version)
}

function packagesIn(file: string): Record<string, { version?: string }> {
  return JSON.parse(readFileSync(file, 'utf8')).packages
}

if (!isInstalled()) {
  console.log('installing a real Unleash and a real PostgreSQL for the tests (test/unleash)')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
  })
  if (status !== 0) {
    console.error('test/unleash: npm ci failed; the tests that need Unleash cannot run')
    process.exitCode = 1
  }
}

/** `promtool` comes with Prometheus. */
for (const [command, what] of [
  ['prometheus', 'Prometheus'],
  ['chromium', 'Chromium'],
  ['zsh', 'zsh'],
  ['fish', 'fish'],
] as const) {
  if (spawnSync(command, ['--version']).status !== 0) install(command, what)
}

/** From Debian, by the name of its command. */
function install(name: string, what: string): void {
  console.log(`installing a real ${what} for the tests (apt-get install ${name})`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const get = (...args: readonly string[]) =>
    spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0
  const installed = () => get('install', '-y', '-qq', '--no-install-recommends', name)
  if (installed() || (get('update', '-qq') && installed())) return
  console.error(`${name}: apt-get failed; the tests that need ${what} cannot run`)
  process.exitCode = 1
}
