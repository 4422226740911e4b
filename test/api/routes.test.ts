import { describe, expect, it, test } from 'vitest'
import { controlApp } from '../../src/api/routes.ts'
import { errorView } from '../../src/api/views/error.ts'
import { healthView } from '../../src/api/views/health.ts'
import { requestView } from '../../src/api/views/request.ts'
import { HeadgateError } from '../../src/errors.ts'
import { API, api } from './ask.ts'
import { fakePlane, REQUEST, TOKEN, VIEWER } from './fake-plane.ts'

/** Who is let in, what every answer carries, and how the API says no. */

const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"

/** Every method and path there is, with names for its parameters. */
function allRoutes(app: ReturnType<typeof controlApp>): [string, string][] {
  const pairs = app.routes.flatMap(({ method, path }): [string, string][] => {
    const filled = path
      .replace(/:command\{\(\?:([^}|]+)[^}]*\}/, '$1')
      .replaceAll(/:\w+/g, 'relay')
      .replace('*', 'anything')
    const methods = method === 'ALL' ? ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'] : [method]
    return methods.map((each) => [each, filled])
  })
  return [...new Map(pairs.map((pair) => [pair.join(' '), pair])).values()]
}

describe('the token', () => {
  const { app } = api()
  const routes = allRoutes(app)

  it('has a walk over every route that there is', () => {
    expect(routes.map((pair) => pair.join(' '))).toEqual(
      expect.arrayContaining([
        `GET ${API}/rollouts`,
        `GET ${API}/rollouts/relay`,
        `POST ${API}/rollouts/relay/start`,
        `PUT ${API}/rollouts/relay/share`,
        `GET ${API}/rollouts/relay/flushes`,
        `GET ${API}/events`,
        `GET ${API}/events/stream`,
        `GET ${API}/costs`,
        `GET ${API}/requests/relay`,
        `GET ${API}/health`,
        `GET ${API}/self`,
        `GET ${API}/requests`,
        `GET ${API}/rollouts/relay/history`,
        `GET ${API}/openapi.json`,
        'POST /-/ofrep/v1/evaluate/flags',
        'POST /-/ofrep/v1/evaluate/flags/relay',
        'GET /anything',
      ]),
    )
  })

  it.each(routes)('D1, D2: %s %s wants the token', async (method, path) => {
    const plane = fakePlane()
    const asked = controlApp(plane)
    const body = { by: 'alice', reason: 'because', percent: 5 }
    const init = {
      method,
      ...(method === 'POST' || method === 'PUT' ? { body: JSON.stringify(body) } : {}),
    }
    const places: [string, Record<string, string>][] = [
      [path, {}],
      [path, { authorization: 'Bearer wrong' }],
      [path, { authorization: `Basic ${btoa(`:${TOKEN}`)}` }],
      [path, { authorization: TOKEN }],
      [path, { authorization: `Bearer ${TOKEN} ${TOKEN}` }],
      [path, { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
      [path, { cookie: `token=${TOKEN}` }],
      [path, { 'x-api-key': TOKEN }],
      [`${path}?token=${TOKEN}&access_token=${TOKEN}`, {}],
    ]
    for (const [url, headers] of places) {
      const answer = await asked.request(url, {
        ...init,
        headers: { 'content-type': 'application/json', ...headers },
      })
      expect(answer.status, `${url} ${JSON.stringify(headers)}`).toBe(401)
      expect(errorView.parse(await answer.json()).error.code).toBe('unauthorised')
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="headgate"/)
    }
    expect(plane.commands).toEqual([])
    expect(plane.listeners()).toBe(0)
  })

  it('opens the door, whatever the case of "Bearer"', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER ']) {
      const authorization = `${scheme} ${TOKEN}`
      const answer = await app.request(`${API}/health`, { headers: { authorization } })
      expect(answer.status).toBe(200)
    }
  })

  it('opens nothing where there is none', async () => {
    const none = () => null
    const open = controlApp({ ...fakePlane(), token: none, viewerToken: none })
    for (const authorization of ['Bearer null', 'Bearer ', `Bearer ${TOKEN}`, `Bearer ${VIEWER}`]) {
      const answer = await open.request(`${API}/health`, { headers: { authorization } })
      expect(answer.status).toBe(401)
    }
  })
})

/** What is asked by POST because a question has a body; everything else that is no read writes. */
const QUESTIONS: ReadonlySet<string> = new Set([
  'POST /-/ofrep/v1/evaluate/flags',
  'POST /-/ofrep/v1/evaluate/flags/relay',
])

/** What asks upstreams, with their keys, in the owner's name. */
const OPERATORS: ReadonlySet<string> = new Set(['GET /-/api/v1/checks'])

describe("the viewer's token", () => {
  it.each(allRoutes(api().app))(
    'D7: %s %s lets a viewer read, and only read',
    async (method, path) => {
      const plane = fakePlane()
      const asked = controlApp(plane)
      const body = { by: 'mallory', reason: 'because', percent: 5 }
      const ask = (token: string) =>
        asked.request(path, {
          method,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
        })
      const answer = await ask(VIEWER)
      if (OPERATORS.has(`${method} ${path}`)) {
        expect([answer.status, (await ask(TOKEN)).status]).toEqual([403, 200])
      } else if (method === 'GET' || QUESTIONS.has(`${method} ${path}`)) {
        const operators = await ask(TOKEN)
        expect(answer.status).toBe(operators.status)
        await Promise.all([answer.body?.cancel(), operators.body?.cancel()])
      } else if (method === 'OPTIONS') {
        expect(answer.status).toBe(404)
      } else {
        expect(answer.status).toBe(403)
        expect(errorView.parse(await answer.json()).error).toEqual({
          code: 'forbidden',
          message:
            'This token (control.viewer in headgate.yaml) reads and asks, and does not write: use control.token.',
        })
      }
      expect(plane.commands).toEqual([])
    },
  )

  it('opens nothing where there is none', async () => {
    const open = controlApp({ ...fakePlane(), viewerToken: () => null })
    for (const token of [VIEWER, 'null']) {
      const headers = { authorization: `Bearer ${token}` }
      expect((await open.request(`${API}/rollouts`, { headers })).status).toBe(401)
    }
  })

  it('D7: makes nobody of the operator less than one, should both be the same', async () => {
    const same = controlApp({ ...fakePlane(), viewerToken: fakePlane().token })
    const answer = await same.request(`${API}/rollouts/relay/rollback`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
    })
    expect(answer.status).toBe(200)
  })
})

describe('every answer', () => {
  test.each([
    ['a good one', 'GET', `${API}/health`, true, 200],
    ['one refused', 'GET', `${API}/health`, false, 401],
    ['one of a wrong method', 'OPTIONS', `${API}/health`, true, 405],
    ['one to another site that writes', 'DELETE', `${API}/health`, true, 403],
    ['one of nothing', 'GET', '/-/nothing', true, 404],
    ['a stream', 'GET', `${API}/events/stream`, true, 200],
  ])(
    'D9: %s is stored nowhere, framed nowhere and shared with no other site',
    async (_, method, path, let_in, status) => {
      const { app } = api()
      const answer = await app.request(path, {
        method,
        headers: {
          origin: 'https://evil.example',
          ...(let_in ? { authorization: `Bearer ${TOKEN}` } : {}),
        },
      })
      expect(answer.status).toBe(status)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'cache-control': 'no-store',
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': POLICY,
      })
      expect(answer.headers.has('strict-transport-security')).toBe(false)
      expect(
        [...answer.headers.keys()].filter((name) => name.startsWith('access-control')),
      ).toEqual([])
      await answer.body?.cancel()
    },
  )
})

describe('what is not there', () => {
  test.each([
    ['GET', '/', 404],
    ['GET', '/-/', 404],
    ['GET', `${API}/pairs/one/more`, 404],
    ['POST', `${API}/rollouts/relay/explode`, 404],
    ['POST', `${API}/rollouts/relay/xpause`, 404],
    ['POST', `${API}/rollouts/relay/pausex`, 404],
    ['POST', `${API}/rollouts/relay/start/now`, 404],
    ['POST', `${API}/rollouts/relay/rollback/now`, 404],
    ['GET', `${API}/rollouts/relay/rollback/now`, 404],
  ])('%s %s', async (method, path, status) => {
    const reply = await api().ask(method, path)
    expect(reply.status).toBe(status)
    expect(errorView.parse(reply.json).error.code).toBe('not_found')
  })

  test.each([
    ['POST', `${API}/rollouts`, 'GET, HEAD'],
    ['DELETE', `${API}/rollouts/relay`, 'GET, HEAD'],
    ['GET', `${API}/rollouts/relay/rollback`, 'POST'],
    ['PUT', `${API}/rollouts/relay/start`, 'POST'],
    ['POST', `${API}/rollouts/relay/share`, 'PUT'],
    ['PATCH', `${API}/events`, 'GET, HEAD'],
    ['OPTIONS', `${API}/events/stream`, 'GET, HEAD'],
    ['PUT', `${API}/openapi.json`, 'GET, HEAD'],
  ])('%s %s is the wrong method', async (method, path, allow) => {
    const reply = await api().ask(method, path)
    expect(reply.status).toBe(405)
    expect(reply.headers.get('allow')).toBe(allow)
    expect(errorView.parse(reply.json).error).toEqual({
      code: 'method_not_allowed',
      message: `${method} is not possible here: use ${allow}`,
    })
  })
})

describe('requests and health', () => {
  it('says why a request went where it went', async () => {
    const { ask } = api()
    const reply = await ask('GET', `${API}/requests/${REQUEST.id}`)
    expect(reply.status).toBe(200)
    expect(requestView.parse(reply.json)).toEqual(REQUEST)
    const unknown = await ask('GET', `${API}/requests/hg_2`)
    expect(unknown.status).toBe(404)
    expect(unknown.json.error.code).toBe('not_found')
  })

  it('says how it stands', async () => {
    const reply = await api().ask('GET', `${API}/health`)
    expect(healthView.parse(reply.json)).toEqual(reply.json)
    expect(reply.json.store).toEqual({ kind: 'memory', fault: null })
  })

  it('answers HEAD as GET, without a body', async () => {
    const reply = await api().ask('HEAD', `${API}/health`)
    expect(reply.status).toBe(200)
    expect(reply.text).toBe('')
  })
})

describe('a store that fails', () => {
  const WRITES: [string, string, object | undefined][] = [
    ['GET', `${API}/events`, undefined],
    ['GET', `${API}/events/stream`, undefined],
    ['GET', `${API}/rollouts/relay/flushes`, undefined],
    ['POST', `${API}/rollouts/relay/start`, { by: 'alice', reason: 'go' }],
    ['POST', `${API}/rollouts/relay/rollback`, {}],
    ['PUT', `${API}/rollouts/relay/share`, { percent: 5, by: 'alice', reason: 'go' }],
  ]

  test.each(WRITES)('%s %s is 503, in the words of the store', async (method, path, json) => {
    for (const code of ['store_unavailable', 'store_corrupt'] as const) {
      const defects: unknown[] = []
      const { plane, ask } = api({ onDefect: (error) => defects.push(error) })
      plane.break(new HeadgateError(code, 'state.db is locked'))
      const reply = await ask(method, path, { json })
      expect(reply.status).toBe(503)
      expect(reply.json).toEqual({ error: { code, message: 'state.db is locked' } })
      expect(defects).toEqual([])
    }
  })

  it('still reads back what is in memory', async () => {
    const { plane, ask } = api()
    plane.break(new HeadgateError('store_unavailable', 'away'))
    expect((await ask('GET', `${API}/rollouts/relay`)).status).toBe(200)
    expect((await ask('GET', `${API}/health`)).status).toBe(200)
  })

  it('is told from a defect of ours, whose message stays inside', async () => {
    const defects: unknown[] = []
    const { plane, ask } = api({ onDefect: (error) => defects.push(error) })
    const defect = new TypeError('planted')
    plane.break(defect)
    const reply = await ask('GET', `${API}/events`)
    expect(reply.status).toBe(500)
    expect(reply.json.error.code).toBe('internal_error')
    expect(reply.text).not.toContain('planted')
    expect(defects).toEqual([defect])
  })
})
