import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { eventViewOf } from '../../src/api/event-view.ts'
import { Secret } from '../../src/config/secret.ts'
import { formsOf, redacted } from '../../src/proxy/redact.ts'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import { ask, begin, CHAT, ENDPOINTS, MESSAGES, RESPONSES, TALKING } from '../fakes/asks.ts'
import { call, rawCall, statusOf, valuesOf } from '../fakes/caller.ts'
import { type Gateway, OFFICIAL_KEY, RELAY_KEY, TRANSPORTS } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from '../runtime/start.ts'
import { selfSigned } from './certificate.ts'
import { expectDialect, upstreamTotal } from './talk.ts'

/** Keys, planted like canaries, and looked for in everything that anybody can read afterwards. */

const TOKEN = 'CANARY-caller-token-0123456789'
const PROMPT = 'CANARY-prompt'
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** What a caller's systems put on a request, each with its own canary. */
const PRIVATE: Record<string, string> = {
  authorization: `Bearer ${TOKEN}`,
  'x-api-key': 'CANARY-x-api-key',
  'api-key': 'CANARY-api-key',
  'x-goog-api-key': 'CANARY-goog',
  cookie: 'session=CANARY-cookie',
  'proxy-authorization': 'Basic CANARY-proxy',
  'openai-organization': 'CANARY-organization',
  'openai-project': 'CANARY-project',
  x_api_key: 'CANARY-underscore',
  proxy_authorization: 'CANARY-underscore',
  openai_organization: 'CANARY-underscore',
  x_forwarded_for: 'CANARY-underscore',
  forwarded: 'for=CANARY-forwarded',
  via: '1.1 CANARY-via',
  'x-forwarded-for': 'CANARY-for',
  'x-real-ip': 'CANARY-ip',
  'cf-connecting-ip': 'CANARY-cf',
  'x-headgate-anything': 'CANARY-ours',
}

const traces = (upstream: Gateway['official']): string =>
  [...upstream.requests]
    .map(({ target, rawHeaders, body }) =>
      [target, ...rawHeaders, Buffer.from(body).toString('latin1')].join('\n'),
    )
    .join('\n')

describe.each(TRANSPORTS)('credentials over %s', (transport) => {
  it('C3, C4, C10: no key, token or prompt is anywhere but where it has to be', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headgate-canary-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const stores = openSqliteStores<never>({ file: join(folder, 'state.db') })
    const gateway = await start({
      transport,
      percent: 100,
      stores,
      config: { callers: [{ name: 'team-a', sha256: sha256(TOKEN) }] },
      rollout: { plan: { steps: ['50%', '99%'], over: '1d' } },
    })
    const answers: string[] = []
    let users = 0
    const asked = { messages: [{ role: 'user', content: PROMPT }], input: PROMPT, prompt: PROMPT }
    const everyone = async (): Promise<void> => {
      for (const endpoint of ENDPOINTS) {
        for (const stream of endpoint.streams ? [false, true] : [false]) {
          const user = `CANARY-user-${users++}`
          const reply = await ask(gateway, endpoint, { ...asked, user, stream }, PRIVATE).catch(
            () => null,
          )
          if (reply !== null) answers.push(`${reply.rawHeaders.join('\n')}\n${reply.text}`)
        }
      }
    }
    await gateway.command('start')
    await everyone()
    for (const fault of [
      { kind: 'status', status: 401 },
      { kind: 'status', status: 500 },
      { kind: 'reset_after_chunks', chunks: 4 },
      { kind: 'error_first' },
      { kind: 'refuse' },
    ] as const) {
      await gateway.relay.setFault(fault)
      await everyone()
      await gateway.official.setFault(fault)
      await everyone()
      await gateway.official.setFault(null)
    }
    await gateway.relay.setFault(null)
    await ask(gateway, RESPONSES, { ...asked, store: true }, PRIVATE)
    for (const path of ['/v1/files', '/v1/models?key=CANARY-query', '/v1/x?api_key=CANARY-query']) {
      const reply = await call(gateway.url + path, { headers: PRIVATE, body: 'x' })
      answers.push(reply.rawHeaders.join('\n') + reply.text)
    }
    const leaving = begin(gateway, CHAT, { ...asked, stream: true }, { headers: PRIVATE })
    leaving.leave()
    // Refusals, too.
    for (const headers of [{}, { authorization: 'Bearer CANARY-wrong' }, { cookie: 'CANARY-c' }]) {
      const reply = await call(gateway.url + CHAT.path, { headers, body: `{"x":"${PROMPT}` })
      answers.push(reply.rawHeaders.join('\n') + reply.text)
    }
    await gateway.command('rollback')
    await gateway.headgate.turn()

    const official = traces(gateway.official)
    const relay = traces(gateway.relay)
    expect(official).toContain(PROMPT)
    expect(relay).toContain(PROMPT)
    for (const trace of [official, relay]) {
      const left = trace.replaceAll(PROMPT, '').replaceAll(/CANARY-user-\d+/g, '')
      expect(left.match(/CANARY[\w-]*/g)).toBeNull()
    }
    expect(official).toContain(OFFICIAL_KEY)
    expect(relay).toContain(RELAY_KEY)
    for (const form of formsOf(RELAY_KEY)) expect(official).not.toContain(form)
    for (const form of formsOf(OFFICIAL_KEY)) expect(relay).not.toContain(form)

    const api: string[] = []
    const views = [
      'rollouts',
      'rollouts/relay',
      'rollouts/relay/flushes',
      'events',
      'health',
      'openapi.json',
    ]
    const ids = gateway.observations.map(({ requestId }) => `requests/${requestId}`)
    for (const path of [...views, ...ids, 'requests/none', 'nothing']) {
      const answer = await gateway.headgate.control.request(`/-/api/v1/${path}`, {
        headers: { authorization: 'Bearer control-token' },
      })
      api.push(await answer.text(), JSON.stringify([...answer.headers]))
    }
    expect(ids.length).toBeGreaterThan(100)
    await gateway.headgate.close()
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'))
    expect(files.join('').length).toBeGreaterThan(10_000)
    const sinks = {
      logs: gateway.logs.join('\n'),
      answers: answers.join('\n'),
      api: api.join('\n'),
      events: JSON.stringify(gateway.events.map(eventViewOf)),
      observations: JSON.stringify(gateway.observations),
      inspected: inspect([gateway.headgate, gateway.observations, gateway.view()], { depth: 12 }),
      store: files.join('\n'),
    }
    for (const [name, text] of Object.entries(sinks)) {
      expect(text.length, name).toBeGreaterThan(0)
      for (const key of [OFFICIAL_KEY, RELAY_KEY]) {
        for (const form of formsOf(key)) expect(text.includes(form), `${name}: ${form}`).toBe(false)
      }
      expect(text.includes(sha256(TOKEN)), name).toBe(false)
      const left = name === 'answers' ? text.replaceAll(PROMPT, '') : text
      expect(left.match(/CANARY[\w-]*/g), name).toBeNull()
    }
  }, 30_000)

  it.each([
    ['in JSON of an error', 401],
    ['in a page', 403],
    ['in a field', 400],
  ])(
    'C6: a key quoted %s by an upstream is taken out, in every form, on every endpoint',
    async (_, status) => {
      const behindScheme = Buffer.from(`Bearer ${OFFICIAL_KEY}`).toString('base64')
      const behindUser = Buffer.from(`user:${OFFICIAL_KEY}`).toString('base64')
      const inUrl = Buffer.from(`?${OFFICIAL_KEY}?`).toString('base64url')
      const forms = [...formsOf(OFFICIAL_KEY), behindScheme, behindUser, inUrl]
      const upstream = await closing(
        startScripted(({ index }, response) => {
          const form = forms[index % forms.length] ?? ''
          const fields = Object.fromEntries(forms.map((each, at) => [`x-debug-${at}`, each]))
          response.writeHead(status, { 'content-type': 'application/json', ...fields })
          response.end(JSON.stringify({ error: { message: `key ${form} is wrong`, key: form } }))
        }),
      )
      const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
      const paths = [...TALKING.map(({ path }) => path), '/v1/files']
      for (const path of paths) {
        for (let each = 0; each < forms.length; each++) {
          const body = CHAT.body()
          const reply = await call(gateway.url + path, {
            headers: { 'content-type': 'application/json' },
            body,
          })
          expect(reply.status).toBe(status)
          const seen = reply.text + reply.rawHeaders.join('\n')
          for (const form of formsOf(OFFICIAL_KEY))
            expect(seen.includes(form), `${path} ${form}`).toBe(false)
          expect(() => JSON.parse(reply.text)).not.toThrow()
        }
      }
    },
  )

  const callers = [
    { name: 'team-a', sha256: sha256(TOKEN) },
    { name: 'nobody', sha256: sha256('') },
  ]

  it('C5: nothing but a known token opens, on any path and method, and no upstream hears of the rest', async () => {
    const gateway = await start({ transport, percent: 100, config: { callers: [callers[0]] } })
    const values = [
      ...[
        '',
        ' ',
        'Bearer',
        'Bearer ',
        'Bearer  ',
        'bearer\t',
        'Basic',
        'null',
        'undefined',
        '[object Object]',
      ],
      ...[
        'Bearer null',
        'Bearer undefined',
        'Bearer true',
        'Bearer 0',
        'Bearer {}',
        'Bearer []',
        'Bearer __proto__',
      ],
      ...[
        'Bearer constructor',
        'Bearer toString',
        'Bearer *',
        'Bearer %',
        'Bearer ../x',
        "Bearer ' OR '1'='1",
      ],
      ...[
        `Basic ${TOKEN}`,
        TOKEN,
        `Token ${TOKEN}`,
        `Bearer${TOKEN}`,
        `Bearer:${TOKEN}`,
        `Bearer "${TOKEN}"`,
      ],
      ...[
        `Bearer ${TOKEN},x`,
        `Bearer x ${TOKEN}`,
        `Bearer ${TOKEN.slice(1)}`,
        `Bearer ${TOKEN.slice(0, -1)}`,
      ],
      ...[`Bearer ${TOKEN.toLowerCase()}`, `Bearer ${sha256(TOKEN)}`],
      ...[
        `Bearer ${Buffer.from(TOKEN).toString('base64')}`,
        `Bearer ${'x'.repeat(8_000)}`,
        `Bearer ${OFFICIAL_KEY}`,
      ],
      ...[
        `Bearer ${RELAY_KEY}`,
        'Bearer control-token',
        `Digest username="${TOKEN}"`,
        `Bearer ${TOKEN} ${TOKEN}`,
      ],
    ]
    const places = [
      ...TALKING.map(({ path }) => ['POST', path]),
      ['GET', '/v1/models'],
      ['DELETE', '/v1/files/x'],
    ]
    for (const value of values) {
      for (const name of value.includes(TOKEN) && !value.includes(' ')
        ? ['authorization']
        : ['authorization', 'x-api-key']) {
        for (const [method, path] of places) {
          const raw = await rawCall(
            gateway.url,
            Buffer.from(
              `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${name}: ${value}\r\n` +
                'content-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
              'latin1',
            ),
          )
          expect(statusOf(raw), `${name}: ${value}`).toBe(401)
        }
      }
    }
    expect(upstreamTotal(gateway)).toBe(0)
    expect(gateway.observations).toEqual([])
    const good = await ask(gateway, CHAT, {}, { authorization: `Bearer ${TOKEN}` })
    expect(good.status).toBe(200)
  }, 15_000)

  it('C5: a token of no characters opens nothing, even where somebody wrote down its hash', async () => {
    const gateway = await start({ transport, percent: 100, config: { callers } })
    for (const headers of [
      { authorization: 'Bearer ' },
      { 'x-api-key': '' },
      { authorization: '' },
    ]) {
      const reply = await call(gateway.url + MESSAGES.path, { headers, body: MESSAGES.body() })
      expect(reply.status).toBe(401)
      expectDialect(MESSAGES, reply.text)
    }
    expect(upstreamTotal(gateway)).toBe(0)
  })

  it('C8: neither one `connection` field nor several take our key away, or leave theirs', async () => {
    const gateway = await start({ transport, percent: 100 })
    const body = JSON.stringify(CHAT.body())
    const lines = [
      'connection: authorization\r\n',
      'connection: close\r\nconnection: authorization, content-type\r\n',
      'connection: keep-alive\r\nConnection: AUTHORIZATION\r\nCONNECTION: x-hop\r\n',
      'connection: ,,authorization ,\t x-hop\r\n',
      'proxy-connection: authorization\r\nconnection: x-hop\r\n',
    ]
    for (const line of lines) {
      const raw = await rawCall(
        gateway.url,
        `POST ${CHAT.path} HTTP/1.1\r\nhost: x\r\n${line}content-type: application/json\r\nx-hop: CANARY\r\n` +
          `authorization: Bearer CANARY\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      )
      expect(statusOf(raw)).toBe(200)
      const entry = gateway.relay.requests.at(-1)
      expect(valuesOf(entry?.rawHeaders ?? [], 'authorization')).toEqual([`Bearer ${RELAY_KEY}`])
      if (line.includes('x-hop')) expect(entry?.header('x-hop')).toBeNull()
    }
  })

  it('C9: what a caller writes into a model, a unit or a class comes back in no header', async () => {
    const gateway = await start({ transport, percent: 100 })
    const evil = 'CANARY\r\nset-cookie: CANARY=1\r\n\r\n<script>CANARY</script>'
    for (const endpoint of TALKING) {
      const reply = await ask(
        gateway,
        endpoint,
        { model: evil, user: evil, metadata: { user_id: evil }, prompt_cache_key: evil },
        { 'x-headgate-class': 'CANARY', 'x-headgate-arm': 'CANARY', 'x-request-id': 'CANARY-id' },
      )
      expect(reply.rawHeaders.join('\n')).not.toContain('CANARY')
    }
    const unit = await ask(gateway, CHAT, {}, { 'x-headgate-unit': 'CANARY\u00e9%0d%0a' })
    expect(unit.rawHeaders.join('\n')).not.toContain('CANARY')
    for (const log of gateway.logs) expect(log).not.toContain('CANARY')
  })

  it.each([
    ['a bare CR in a value', 'x-a: b\rset-cookie: CANARY=1'],
    ['NUL in a value', 'x-a: b\0CANARY'],
    ['an escape in a value', 'x-a: \x1b[31mCANARY'],
  ])('C9: %s is 400, and said nowhere', async (_, field) => {
    const gateway = await start({ transport })
    const raw = await rawCall(gateway.url, `GET /v1/models HTTP/1.1\r\nhost: x\r\n${field}\r\n\r\n`)
    expect(statusOf(raw)).toBe(400)
    expect(raw).not.toContain('CANARY')
    expect(upstreamTotal(gateway)).toBe(0)
  })
})

describe('a secret at rest and in hand', () => {
  it('C11: is [redacted] however it is printed, joined, copied or thrown', () => {
    const secret = new Secret('CANARY-secret')
    const said = [
      String(secret),
      `${secret}`,
      `${[secret]}`,
      JSON.stringify({ a: [secret] }),
      inspect({ a: secret }, { depth: 9, showHidden: true, getters: true }),
      inspect(new Map([[secret, secret]])),
      String(new Error(`no: ${secret}`)),
      JSON.stringify(Object.entries(secret)),
      JSON.stringify(structuredClone({ ...secret })),
      Object.getOwnPropertyNames(secret).join(),
    ]
    for (const text of said) expect(text).not.toContain('CANARY')
    expect(said.filter((text) => text.includes('[redacted]'))).toHaveLength(7)
  })

  it('C11: the state file is its owner’s alone, and so is all that lies beside it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headgate-mode-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const before = process.umask(0)
    try {
      const stores = openSqliteStores<never>({ file: join(folder, 'inner', 'state.db') })
      await stores.state.read('relay')
      for (const name of readdirSync(join(folder, 'inner'))) {
        expect(statSync(join(folder, 'inner', name)).mode & 0o077, name).toBe(0)
      }
      expect(statSync(join(folder, 'inner')).mode & 0o077).toBe(0)
      await stores.close()
    } finally {
      process.umask(before)
    }
  })

  it('C6: a key is found in base64 wherever it stands, and nothing else is', () => {
    for (const before of ['', 'a', 'ab', 'Bearer ', 'user:', 'a longer beginning ']) {
      for (const behind of ['', 'x', '\n', ' and more']) {
        for (const encoding of ['base64', 'base64url'] as const) {
          const text = Buffer.from(before + OFFICIAL_KEY + behind).toString(encoding)
          expect(redacted(text, formsOf(OFFICIAL_KEY)), before + behind).toContain('[redacted]')
        }
      }
    }
    for (const other of [RELAY_KEY, 'sk-official', 'sk-0123456789abcdef', 'an ordinary sentence']) {
      expect(redacted(other, formsOf(OFFICIAL_KEY))).toBe(other)
      const encoded = Buffer.from(other).toString('base64')
      expect(redacted(encoded, formsOf(OFFICIAL_KEY))).toBe(encoded)
    }
  })

  it('C6: a key that is configured with its scheme is a secret without it, too', () => {
    const forms = formsOf(`Bearer ${OFFICIAL_KEY}`)
    expect(redacted(`no ${OFFICIAL_KEY}`, forms)).toBe('no [redacted]')
    expect(redacted('Bearer is a scheme', forms)).toBe('Bearer is a scheme')
  })
})

describe('an upstream over TLS', () => {
  const asked = process.env['NODE_TLS_REJECT_UNAUTHORIZED']

  afterEach(() => {
    if (asked === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = asked
  })

  it('C12: is believed only with a certificate that holds, whatever the environment says', async () => {
    let requests = 0
    const server = createServer(selfSigned('localhost'), (_, response) => {
      requests++
      response.end('{}')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    const official = { baseUrl: `https://localhost:${port}/v1` }
    const gateway = await start({ transport: 'node', official })
    const reply = await ask(gateway, CHAT)
    expect(reply.status).toBe(502)
    expect(requests).toBe(0)
    expect((await gateway.observation()).outcome).toBe('connect_error')
  })
})
