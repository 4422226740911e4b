import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiText } from './reference/api.ts'
import { cliText } from './reference/cli.ts'
import { configText } from './reference/config.ts'
import { eventsText } from './reference/events.ts'
import { headersText } from './reference/headers.ts'

/** What `docs/reference/` says of the configuration, the command line, the API, headers and events: made from the code. */

const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'config.md': configText,
  'cli.md': cliText,
  'api.md': apiText,
  'headers.md': headersText,
  'events.md': eventsText,
}

const checks = process.argv.includes('--check')
const stale: string[] = []
for (const [name, textOf] of Object.entries(PAGES)) {
  const file = join(import.meta.dirname, '../docs/reference', name)
  const text = await textOf()
  if (!checks) writeFileSync(file, text)
  else if (readFileSync(file, 'utf8') !== text) stale.push(`docs/reference/${name}`)
}
const all = Object.keys(PAGES).join(', ')
if (!checks) console.log(`reference: wrote ${all}`)
else if (stale.length === 0) console.log('reference: up to date')
else
  console.error(
    `reference: ${stale.join(', ')}: run \`npm run reference\` and commit what it writes`,
  )
process.exitCode = stale.length === 0 ? 0 : 1
