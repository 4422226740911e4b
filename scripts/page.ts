import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { CONTENT_POLICY } from '../src/api/page-files.ts'

/**
 * Builds the page into `dist/page`, where Node and wrangler find it. Quick when nothing changed since. `--check` holds it to
 * its size; `--if-possible` is for an installation without the tools to build.
 */

/** Gzip, all files: what a browser loads once. */
const MOST_BYTES = 80_000
const ROOT = join(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'src/dashboard')
const SITE = join(ROOT, 'dist/page')
const FOLDER = join(SITE, '-')

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function isFresh(): boolean {
  const made = join(SITE, '_headers')
  if (!existsSync(made)) return false
  const madeMs = statSync(made).mtimeMs
  // It takes pure code from elsewhere in the tree.
  const sources = [
    ...filesIn(join(ROOT, 'src')),
    import.meta.filename,
    join(ROOT, 'package-lock.json'),
  ]
  return sources.every((file) => statSync(file).mtimeMs < madeMs)
}

async function build(): Promise<void> {
  // Whoever builds, and wherever: a page built under a test is the page that is shipped.
  process.env.NODE_ENV = 'production'
  const vite = await import('vite')
  await vite.build({
    configFile: false,
    root: SOURCE,
    base: '/-/',
    logLevel: 'error',
    build: {
      outDir: FOLDER,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: false,
      reportCompressedSize: false,
      target: 'es2022',
    },
  })
  writeFileSync(join(SITE, '_headers'), headersText())
}

/** What Node sends with each file, for Workers (developers.cloudflare.com/workers/static-assets/headers). */
function headersText(): string {
  const policy = Object.entries(CONTENT_POLICY)
    .map(([name, values]) =>
      [name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), ...values].join(' '),
    )
    .join('; ')
  return `/-/*
  Content-Security-Policy: ${policy}
  X-Content-Type-Options: nosniff
  X-Frame-Options: DENY
  Referrer-Policy: no-referrer
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Resource-Policy: same-origin
`
}

function sizeOf(): number {
  return filesIn(FOLDER).reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0)
}

if (process.argv.includes('--if-possible') && !existsSync(join(ROOT, 'node_modules/vite'))) {
  process.exit(0)
}
if (!isFresh()) await build()
if (process.argv.includes('--check')) {
  const bytes = sizeOf()
  console.log(`page: ${bytes} bytes gzip, at most ${MOST_BYTES}`)
  process.exitCode = bytes > 0 && bytes <= MOST_BYTES ? 0 : 1
}
