import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Guesses } from '../../src/api/guesses.ts'
import { controlApp } from '../../src/api/routes.ts'
import { errorView } from '../../src/api/views/error.ts'
import { listen } from '../../src/transports/listen.ts'
import { nodeSource } from '../../src/transports/node.ts'
import { API } from '../api/ask.ts'
import { fakePlane, TOKEN, VIEWER } from '../api/fake-plane.ts'
import { configOf, small } from '../config/read.ts'
import { rawCall, statusOf } from '../fakes/caller.ts'
import { start } from '../runtime/start.ts'

/** Who wants to turn the wheel: with no token, with a wrong one, with many, and from another site's page. */

const right = { authorization: `Bearer ${TOKEN}` }

function guarded() {
  let nowMs = 0
  let from: string | null = '203.0.113.7'
  const alarms: (string | null)[] = []
  const plane = fakePlane()
  const app = controlApp(plane, {
    source: () => from,
    nowMs: () => nowMs,
    onGuessing: (source) => alarms.push(source),
  })
  return {
    plane,
    alarms,
    from: (source: string | null) => {
      from = source
    },
    advance: (ms: number) => {
      nowMs += ms
    },
    async guess(token = 'wrong') {
      return app.request(`${API}/health`, { headers: { authorization: `Bearer ${token}` } })
    },
    ask: (path: string, init: RequestInit) => app.request(path, init),
  }
}

describe('guessing the control token', () => {
  it('D4: is 429 at the 20th wrong token of a minute, with retry-after, and told once', async () => {
    const { guess, alarms } = guarded()
    const statuses: number[] = []
    for (let at = 0; at < 30; at++) statuses.push((await guess(`wrong-${at}`)).status)
    expect(statuses).toEqual([...Array(19).fill(401), ...Array(11).fill(429)])
    const answer = await guess()
    expect(answer.headers.get('retry-after')).toBe('60')
    expect(errorView.parse(await answer.json()).error.code).toBe('too_many_attempts')
    expect(alarms).toEqual(['203.0.113.7'])
  })

  it('D4: is not even looked at then: the right token does not tell itself from the others', async () => {
    const { guess, advance } = guarded()
    for (let at = 0; at < 20; at++) await guess()
    expect((await guess(TOKEN)).status).toBe(429)
    advance(59_999)
    expect((await guess(TOKEN)).status).toBe(429)
    advance(1)
    expect((await guess(TOKEN)).status).toBe(200)
  })

  it("D4: is the same for the viewer's token: as many guesses, and then the right one is not looked at", async () => {
    const { guess, advance } = guarded()
    expect((await guess(VIEWER)).status).toBe(200)
    const statuses: number[] = []
    for (let at = 0; at < 20; at++) statuses.push((await guess(`${VIEWER}-${at}`)).status)
    expect(statuses).toEqual([...Array(19).fill(401), 429])
    expect((await guess(VIEWER)).status).toBe(429)
    advance(60_000)
    expect((await guess(VIEWER)).status).toBe(200)
  })

  it('D4: counts anew in the next minute', async () => {
    const { guess, advance, alarms } = guarded()
    for (let minute = 0; minute < 3; minute++) {
      for (let at = 0; at < 19; at++) expect((await guess()).status).toBe(401)
      advance(60_000)
    }
    expect(alarms).toEqual([])
  })

  it('D4: shuts out nobody who shows no token, and no other source', async () => {
    const { guess, from, ask } = guarded()
    for (let at = 0; at < 40; at++) await guess()
    expect((await ask(`${API}/health`, {})).status).toBe(401)
    from('203.0.113.8')
    expect((await guess(TOKEN)).status).toBe(200)
  })

  it.each([null, '127.0.0.1', '::1', '::ffff:127.0.0.1', '127.9.9.9'])(
    'D4: from %s, where a proxy may hide everybody, shuts the owner out of no rollback',
    async (source) => {
      const { guess, from, ask, plane, alarms } = guarded()
      from(source)
      const statuses: number[] = []
      for (let at = 0; at < 120; at++) statuses.push((await guess()).status)
      expect(statuses.indexOf(429)).toBe(19)
      expect(alarms.length).toBeGreaterThan(0)
      const rollback = await ask(`${API}/rollouts/relay/rollback`, {
        method: 'POST',
        headers: right,
      })
      expect(rollback.status).not.toBe(429)
      expect(plane.commands).toHaveLength(1)
    },
  )

  it('D4: from many sources is 429 for all who have never shown the right one', async () => {
    const { guess, from } = guarded()
    from('198.51.100.1')
    expect((await guess(TOKEN)).status).toBe(200)
    for (let source = 0; source < 100; source++) {
      from(`203.0.113.${source}`)
      await guess()
    }
    from('192.0.2.1')
    expect((await guess(TOKEN)).status).toBe(429)
    from('198.51.100.1')
    expect((await guess(TOKEN)).status).toBe(200)
  })

  it('D4: of one source is one source, however many addresses of its network it has', () => {
    const guesses = new Guesses()
    for (let host = 0; host < 20; host++) guesses.wrong(`2001:db8:1:2::${host.toString(16)}`, 0)
    expect(guesses.waitMs('2001:db8:1:2:3:4:5:6', 0)).toBe(60_000)
    expect(guesses.waitMs('2001:db8:1:3::1', 0)).toBe(0)
    expect(guesses.waitMs('2001:db8::1', 0)).toBe(0)
  })

  it('D4: from a million addresses costs bounded memory', () => {
    const guesses = new Guesses()
    for (let source = 0; source < 100_000; source++) {
      const address = `10.${source >> 16}.${(source >> 8) & 255}.${source & 255}`
      guesses.wrong(address, source)
      guesses.right(address)
    }
    expect(guesses.size).toBeLessThanOrEqual(2_000)
  })

  it('D4: is counted by the connection, and no header changes that', async () => {
    const app = controlApp(fakePlane(), { source: nodeSource })
    const listener = await listen(app, '127.0.0.1', 0, 'port')
    onTestFinished(() => listener.close(0))
    const statuses = new Set<number>()
    for (let at = 0; at < 30; at++) {
      const answer = await fetch(`${listener.url}${API}/health`, {
        headers: { authorization: `Bearer ${at}`, 'x-forwarded-for': `203.0.113.${at}` },
      })
      statuses.add(answer.status)
    }
    expect([...statuses]).toEqual([401, 429])
  })

  it('D5: compares digests, two for each of both tokens, whatever the shown one has in common with either', async () => {
    const { guess } = guarded()
    const digest = vi.spyOn(crypto.subtle, 'digest')
    onTestFinished(() => digest.mockRestore())
    const near = [`${TOKEN}x`, TOKEN.slice(0, -1), `x${TOKEN.slice(1)}`, 'x', 'y'.repeat(4_000)]
    for (const token of near) {
      digest.mockClear()
      expect((await guess(token)).status).toBe(401)
      expect(digest).toHaveBeenCalledTimes(4)
    }
  })
})

describe('the control plane’s door', () => {
  it('D1: is on loopback unless config says otherwise', () => {
    const { control } = configOf(small('control: { token: { env: T } }'))
    expect(control?.host).toBe('127.0.0.1')
  })

  it('D1: is not opened by a key of a caller or of an upstream, nor on the data plane’s port', async () => {
    const gateway = await start({ transport: 'node', percent: 100 })
    const listener = await listen(gateway.headgate.control, '127.0.0.1', 0, 'port')
    onTestFinished(() => listener.close(0))
    for (const token of [
      'caller-key',
      'sk-official-0123456789abcdef',
      'rk-relay-fedcba9876543210',
      '',
    ]) {
      for (const headers of [{ authorization: `Bearer ${token}` }, { 'x-api-key': token }]) {
        const answer = await fetch(`${listener.url}${API}/rollouts`, { headers })
        expect(answer.status).toBe(401)
        expect(await answer.text()).not.toContain('relay')
      }
    }
    const headers = { authorization: 'Bearer control-token' }
    expect((await fetch(`${listener.url}${API}/rollouts`, { headers })).status).toBe(200)
    expect((await fetch(`${gateway.url}${API}/rollouts`, { headers })).status).toBe(404)
    expect((await fetch(`${listener.url}/v1/models`, { headers })).status).toBe(404)
  })

  it.each([
    ['a path that climbs', '/-/api/v1/../v1/rollouts', ''],
    ['a path that is encoded', '/-/api/v1/%72ollouts', ''],
    ['empty segments', '//-/api//v1/rollouts', ''],
    ['an encoded slash', '/-%2fapi/v1/rollouts', ''],
    ['a semicolon', '/-/api/v1/rollouts;x', ''],
    ['another case', '/-/API/v1/rollouts', ''],
    ['an absolute form', 'http://127.0.0.1/-/api/v1/rollouts', ''],
    ['a health path in front', '/livez/../-/api/v1/rollouts', ''],
    ['x-forwarded-for', '/-/api/v1/rollouts', 'x-forwarded-for: 127.0.0.1\r\n'],
    ['forwarded', '/-/api/v1/rollouts', 'forwarded: for=127.0.0.1;by=127.0.0.1\r\n'],
    ['x-real-ip', '/-/api/v1/rollouts', 'x-real-ip: 127.0.0.1\r\n'],
    ['x-original-url', '/', 'x-original-url: /-/api/v1/rollouts\r\n'],
    ['x-rewrite-url', '/', 'x-rewrite-url: /-/api/v1/rollouts\r\n'],
    [
      'x-http-method-override',
      '/-/api/v1/rollouts/relay/rollback',
      'x-http-method-override: POST\r\n',
    ],
    ['a Host with a path', '/-/api/v1/rollouts', 'host: 127.0.0.1/livez?x=\r\n'],
    ['a Host with a fragment', '/-/api/v1/rollouts', 'host: 127.0.0.1:8788/#@x\r\n'],
    ['two Hosts', '/-/api/v1/rollouts', 'host: localhost\r\nhost: 127.0.0.1\r\n'],
  ])('D2: is not gone round by %s', async (_, target, fields) => {
    const plane = fakePlane()
    const listener = await listen(controlApp(plane), '127.0.0.1', 0, 'port')
    onTestFinished(() => listener.close(0))
    const host = fields.startsWith('host') ? '' : 'host: 127.0.0.1\r\n'
    for (const method of ['GET', 'POST', 'HEAD']) {
      const raw = await rawCall(
        listener.url,
        `${method} ${target} HTTP/1.1\r\n${host}${fields}connection: close\r\ncontent-length: 0\r\n\r\n`,
      )
      expect([400, 401]).toContain(statusOf(raw))
      expect(raw).not.toContain('ramping')
    }
    expect(plane.commands).toEqual([])
  })

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour', { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:8788' }],
    ['another origin, in an old browser', { origin: 'https://evil.example' }],
    ['an origin that is none', { origin: 'null' }],
    ['this host on another port', { origin: 'http://127.0.0.1:1' }],
  ])('D3: a page of %s writes nothing, token or not', async (_, headers) => {
    const { ask, plane } = guarded()
    const bodies = [
      ['POST', 'start', { by: 'ada', reason: 'x' }],
      ['POST', 'rollback', {}],
      ['PUT', 'share', { percent: 50, by: 'ada', reason: 'x' }],
    ] as const
    for (const [method, name, body] of bodies) {
      for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
        const init = { method, body: JSON.stringify(body) }
        const own = { 'content-type': type, host: '127.0.0.1:8788', ...headers }
        const url = `${API}/rollouts/relay/${name}`
        expect((await ask(url, { ...init, headers: { ...own, ...right } })).status).toBe(403)
        expect((await ask(url, { ...init, headers: own })).status).toBe(401)
      }
    }
    expect(plane.commands).toEqual([])
  })

  it.each([
    ['the page itself', { 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1:8788' }],
    ['the page itself, in an old browser', { origin: 'http://127.0.0.1:8788' }],
    ['a person who typed it', { 'sec-fetch-site': 'none' }],
    ['what is no browser', {}],
  ])('D3: %s does write', async (_, headers) => {
    const { ask, plane } = guarded()
    const own = { host: '127.0.0.1:8788', 'content-type': 'application/json' }
    const init = { method: 'POST', headers: { ...own, ...right, ...headers }, body: '{}' }
    const answer = await ask(`${API}/rollouts/relay/pause`, init)
    expect(answer.status).not.toBe(403)
    expect(plane.commands).toHaveLength(1)
  })

  it('D3: there is nothing a browser would send by itself: no cookie is set, none is read', async () => {
    const { ask } = guarded()
    const answer = await ask(`${API}/health`, { headers: { ...right, cookie: 'x=1' } })
    expect(answer.headers.get('set-cookie')).toBeNull()
    expect((await ask(`${API}/health`, { headers: { cookie: `token=${TOKEN}` } })).status).toBe(401)
  })

  it('D8: of two who read the same version, the second to write is told 409, and changes nothing', async () => {
    const { ask, plane } = guarded()
    const write = (name: string, body: object, method = 'POST') =>
      ask(`${API}/rollouts/relay/${name}`, {
        method,
        headers: { ...right, 'content-type': 'application/json' },
        body: JSON.stringify({ by: 'ada', reason: 'x', ...body }),
      })
    const started = (await (await write('start', {})).json()) as { version: number }
    const version = started.version
    expect((await write('share', { percent: 5, version }, 'PUT')).status).toBe(200)
    for (const [name, body, method] of [
      ['share', { percent: 50 }, 'PUT'],
      ['advance', {}, 'POST'],
      ['promote', {}, 'POST'],
      ['resume', {}, 'POST'],
    ] as const) {
      const late = await write(name, { ...body, version }, method)
      expect(late.status, name).toBe(409)
      expect(errorView.parse(await late.json()).error).toMatchObject({ version: version + 1 })
    }
    const now = (await (await ask(`${API}/rollouts/relay`, { headers: right })).json()) as {
      version: number
    }
    expect(now.version).toBe(version + 1)
    expect(plane.commands.length).toBeGreaterThan(2)
  })
})
