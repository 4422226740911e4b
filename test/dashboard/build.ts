import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Builds the page once for all tests, as `npm run page` does. */
export default function setup(): void {
  execFileSync(process.execPath, [join(import.meta.dirname, '../../scripts/page.ts')])
}
