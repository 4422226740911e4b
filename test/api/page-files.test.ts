import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PageFiles } from '../../src/api/page-files.ts'
import { controlApp } from '../../src/api/routes.ts'
import { nodePage } from '../../src/node-page.ts'
import { fakePlane } from './fake-plane.ts'

/** The page's own files: for everybody, and nothing but them. */

const HTML = new TextEncoder().encode('<!doctype html>')
const FILES: PageFiles = (path) =>
  path === '' || path === 'assets/main.js'
    ? { type: 'text/html', bytes: HTML, gzip: HTML, named: path !== '' }
    : null

describe('the page', () => {
  const app = controlApp(fakePlane(), { page: FILES })

  it('needs no token, and is stored nowhere', async () => {
    const answer = await app.request('/-/')
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe('<!doctype html>')
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/html',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("script-src 'self'"),
    })
  })

  it('keeps what is named for its content', async () => {
    const answer = await app.request('/-/assets/main.js')
    expect(answer.headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
  })

  it('is found without the last slash', async () => {
    const answer = await app.request('/-')
    expect(answer.status).toBe(308)
    expect(answer.headers.get('location')).toBe('/-/')
  })

  it.each([
    ['GET', '/-/assets/other.js'],
    ['GET', '/-/assets/../api/v1/rollouts'],
    ['GET', '/-/%2e%2e/api/v1/rollouts'],
    ['GET', '/-/api/v1/rollouts'],
    ['GET', '/-/metrics'],
    ['POST', '/-/'],
    ['DELETE', '/-/assets/main.js'],
  ])('D1, D2: %s %s is none of it, and wants a token', async (method, path) => {
    expect((await app.request(path, { method })).status).toBe(401)
  })
})

describe('the page on Node', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headgate-page-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is what was built, compressed for those who can read it', async () => {
    writeFileSync(join(folder, 'index.html'), '<!doctype html>built')
    const app = controlApp(fakePlane(), { page: nodePage(folder) })
    expect(await (await app.request('/-/')).text()).toBe('<!doctype html>built')
    const small = await app.request('/-/', { headers: { 'accept-encoding': 'gzip, br' } })
    expect(small.headers.get('content-encoding')).toBe('gzip')
    expect(gunzipSync(await small.arrayBuffer()).toString()).toBe('<!doctype html>built')
    expect(nodePage(folder)('../index.html')).toBeNull()
  })

  it('says what to do where it was not built', async () => {
    const app = controlApp(fakePlane(), { page: nodePage(folder) })
    const answer = await app.request('/-/')
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('npm run page')
  })
})
