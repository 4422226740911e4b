import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Runs every `check:*` script of package.json, all of them, and fails if one did. */
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
const checks = Object.keys(scripts).filter((name) => name.startsWith('check:'))
const failed = checks.filter((name) => {
  console.log(`\n${name}`)
  return spawnSync('npm', ['run', '--silent', name], { stdio: 'inherit' }).status !== 0
})
console.log(
  failed.length === 0
    ? `\n${checks.length} checks passed`
    : `\n${failed.length} of ${checks.length} checks failed: ${failed.join(', ')}`,
)
process.exitCode = checks.length === 0 || failed.length > 0 ? 1 : 0
