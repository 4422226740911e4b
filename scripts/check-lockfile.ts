import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A version; or one of another package, under a name of our own. */
const EXACT = /^(npm:(@[a-z0-9-]+\/)?[a-z0-9-]+@)?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/
const HOST = /"resolved":\s*"[^"]*:\/\/|https?:\/\/registry\b/

/** Dependencies of a package.json that are not pinned to one version. */
export function rangesIn(manifest: string): string[] {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(manifest)
  return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
    .filter(([, version]) => !EXACT.test(String(version)))
    .map(([name, version]) => `${name} is not pinned: ${version}`)
}

/** Lines of a lockfile that name a registry: it must install through whichever one npm is set to. */
export function hostsIn(lockfile: string): string[] {
  return lockfile
    .split('\n')
    .filter((line) => HOST.test(line))
    .map((line) => `names a host: ${line.trim()}`)
}

/** What is wrong with every package.json and package-lock.json below `root`. */
export function lockFaultsOf(root: string): { files: number; faults: string[] } {
  const faultsOf = (name: string, faultsIn: (text: string) => string[]) =>
    globSync(`**/${name}`, { cwd: root, exclude: ['**/node_modules'] }).map((file) =>
      faultsIn(readFileSync(join(root, file), 'utf8')).map((fault) => `${file}: ${fault}`),
    )
  const all = [...faultsOf('package.json', rangesIn), ...faultsOf('package-lock.json', hostsIn)]
  return { files: all.length, faults: all.flat() }
}

if (import.meta.main) {
  const { files, faults } = lockFaultsOf(process.argv[2] ?? '.')
  for (const fault of faults) console.error(fault)
  console.log(`lockfile: ${files} files, ${faults.length} faults`)
  process.exitCode = files < 2 || faults.length > 0 ? 1 : 0
}
