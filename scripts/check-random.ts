import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The member itself, by dot or by bracket, and a `Math` that is taken apart or renamed. */
const CHANCE = /\bMath\s*(\??\.\s*random\b|(\?\.)?\s*\[)|=\s*Math\s*[;,)\n]/

/** Where `Math.random` is named in `src/` below `root`: chance is an argument, so that a run can be repeated. */
export function chanceIn(root: string): { files: number; found: string[] } {
  const files = globSync('src/**/*.{ts,tsx}', { cwd: root }).sort()
  const found = files.flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split(/(?<=\n)/)
      .flatMap((line, index) => (CHANCE.test(line) ? [`${file}:${index + 1}`] : [])),
  )
  return { files: files.length, found }
}

if (import.meta.main) {
  const { files, found } = chanceIn(process.argv[2] ?? '.')
  for (const place of found) console.error(`Math.random: ${place}`)
  console.log(`random: ${files} files, ${found.length} found`)
  process.exitCode = files === 0 || found.length > 0 ? 1 : 0
}
