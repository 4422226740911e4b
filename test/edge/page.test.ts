import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONTENT_POLICY } from '../../src/api/page-files.ts'

/** The page as wrangler serves it: from its assets, before the Worker is asked. */

const ROOT = join(import.meta.dirname, '../..')

describe('the page at the edge', () => {
  let wrangler: ChildProcess
  let url: string

  beforeAll(async () => {
    const env = { ...process.env, HEADGATE_CONFIG: 'deploy/workers/headgate.yaml' }
    wrangler = spawn('wrangler', ['dev', '--ip', '127.0.0.1', '--port', '0'], { cwd: ROOT, env })
    let said = ''
    wrangler.stdout?.on('data', (chunk) => {
      said += chunk
    })
    while (!/Ready on (http\S+)/.test(said))
      await once(wrangler.stdout as NodeJS.ReadableStream, 'data')
    url = /Ready on (http[^\s]+)/.exec(said)?.[1] ?? ''
  }, 60_000)

  afterAll(async () => {
    wrangler.kill('SIGTERM')
    await once(wrangler, 'exit')
  })

  it('D6, D9: carries the same policy as on Node, and needs no token', async () => {
    const answer = await fetch(`${url}/-/`)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('<div id="page">')
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy.split('; ')).toHaveLength(Object.keys(CONTENT_POLICY).length)
    expect(policy).toContain("script-src 'self'; style-src 'self'")
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
  })

  it('leaves everything else to the Worker', async () => {
    for (const path of ['/-/api/v1/rollouts', '/-/nothing', '/_headers']) {
      const answer = await fetch(`${url}${path}`)
      expect(answer.headers.get('content-type')).toMatch(/json/)
      expect(answer.status).toBeGreaterThanOrEqual(401)
    }
  })
})
