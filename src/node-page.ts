import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { PageFile, PageFiles } from './api/page-files.ts'

/** The page on Node: what `npm run page` built, read once, when it is first asked for. */

const FOLDER = join(import.meta.dirname, '../dist/page/-')

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Where it was not built, the page says so. */
export function nodePage(folder: string = FOLDER): PageFiles {
  let files: ReadonlyMap<string, PageFile> | null = null
  return (path) => {
    files ??= filesIn(folder)
    return files.get(path) ?? null
  }
}

function filesIn(folder: string): ReadonlyMap<string, PageFile> {
  if (!existsSync(join(folder, 'index.html'))) {
    return new Map([['', fileOf('.html', Buffer.from(NOT_BUILT), false)]])
  }
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  return new Map(
    names.map((name) => {
      const file = fileOf(extname(name), readFileSync(join(folder, name)), name.includes('assets/'))
      return [name === 'index.html' ? '' : name.replaceAll('\\', '/'), file]
    }),
  )
}

function fileOf(extension: string, bytes: Buffer<ArrayBuffer>, named: boolean): PageFile {
  const type = TYPES[extension] ?? 'application/octet-stream'
  return { type, bytes, gzip: gzipSync(bytes), named }
}

const NOT_BUILT = `<!doctype html>
<html lang="en">
<title>Headgate: the page is not built</title>
<h1>The page is not built</h1>
<p>Run <code>npm run page</code> in the folder of Headgate and start it again. The API below <code>/-/api/v1/</code> and the
command line work without it.</p>
</html>
`
