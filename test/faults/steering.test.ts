import { describe, expect, it } from 'vitest'
import { ask, CHAT, ENDPOINTS } from '../fakes/asks.ts'
import { call, rawCall, valuesOf } from '../fakes/caller.ts'
import { type Gateway, TRANSPORTS } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from '../runtime/start.ts'

/** Everything by which a caller tells some gateway or other where to go. Here config says so, and nothing else. */

const HEADERS = [
  ...[
    'x-portkey-custom-host',
    'x-portkey-config',
    'x-portkey-provider',
    'x-portkey-forward-headers',
  ],
  ...[
    'x-base-url',
    'x-api-base',
    'api-base',
    'x-openai-base-url',
    'x-llm-base-url',
    'x-target-url',
    'x-target',
  ],
  ...[
    'x-upstream',
    'x-upstream-host',
    'x-backend',
    'x-provider-url',
    'x-proxy-url',
    'x-url',
    'x-host',
    'x-endpoint',
  ],
  ...[
    'x-original-url',
    'x-rewrite-url',
    'x-original-host',
    'x-forwarded-host',
    'x-forwarded-server',
  ],
  ...[
    'x-forwarded-proto',
    'x-forwarded-prefix',
    'x-forwarded-port',
    'x-http-host-override',
    'x-envoy-original-path',
  ],
  ...[
    'x-headgate-upstream',
    'x-headgate-host',
    'x-headgate-base-url',
    'x-headgate-control',
    'helicone-target-url',
  ],
  ...[
    'helicone-openai-api-base',
    'cf-aig-custom-host',
    'x-litellm-api-base',
    'destination',
    'location',
    'referer',
  ],
  ...[
    'origin',
    'content-location',
    'refresh',
    'alt-used',
    'x-http-method-override',
    'x-method-override',
  ],
]

const FIELDS = [
  ...[
    'api_base',
    'base_url',
    'baseUrl',
    'apiBase',
    'endpoint',
    'host',
    'url',
    'proxy',
    'proxy_url',
    'target',
  ],
  ...[
    'azure_endpoint',
    'custom_llm_provider',
    'litellm_params',
    'extra_body',
    'extra_headers',
    'user_config',
  ],
  ...[
    'model_list',
    'fallbacks',
    'callbacks',
    'success_callback',
    'webhook_url',
    'organization',
    'api_key',
    '$schema',
  ],
]

describe.each(TRANSPORTS)('steering over %s', (transport) => {
  async function between() {
    const elsewhere = await closing(startScripted((_, response) => response.end('{}')))
    const gateway = await start({ transport, percent: 100 })
    return { elsewhere, gateway, host: elsewhere.url.slice('http://'.length) }
  }

  function expectAtRelay(gateway: Gateway, times: number): void {
    expect(gateway.relay.requests.total).toBe(times)
    expect(gateway.official.requests.total).toBe(0)
    for (const entry of gateway.relay.requests) {
      expect(valuesOf(entry.rawHeaders, 'host')).toEqual([new URL(gateway.relay.url).host])
      expect(entry.method).toBe('POST')
    }
  }

  it('C2: no header says where a request goes, or by which method', async () => {
    const { elsewhere, gateway, host } = await between()
    for (const name of HEADERS) {
      for (const value of [elsewhere.baseUrl, host]) {
        const reply = await ask(gateway, CHAT, {}, { [name]: value })
        expect(reply.headers['x-simulated-upstream'], `${name}: ${value}`).toBe('relay')
      }
    }
    expectAtRelay(gateway, HEADERS.length * 2)
    expect(elsewhere.requests).toEqual([])
  }, 15_000)

  it('C2: no field of a body says so, on any endpoint', async () => {
    const { elsewhere, gateway } = await between()
    const { baseUrl } = elsewhere
    for (const endpoint of ENDPOINTS) {
      for (const value of [baseUrl, { api_base: baseUrl, base_url: baseUrl }, [{ url: baseUrl }]]) {
        const fields = Object.fromEntries(FIELDS.map((name) => [name, value]))
        const reply = await ask(gateway, endpoint, fields)
        expect(reply.headers['x-simulated-upstream']).toBe('relay')
      }
    }
    expectAtRelay(gateway, ENDPOINTS.length * 3)
    expect(elsewhere.requests).toEqual([])
  })

  it('C2: no query says so', async () => {
    const { elsewhere, gateway } = await between()
    for (const name of FIELDS) {
      const query = `${name}=${encodeURIComponent(elsewhere.baseUrl)}`
      const reply = await call(`${gateway.url}${CHAT.path}?${query}`, {
        headers: { 'content-type': 'application/json' },
        body: CHAT.body(),
      })
      expect(reply.headers['x-simulated-upstream'], name).toBe('relay')
    }
    expectAtRelay(gateway, FIELDS.length)
    expect(elsewhere.requests).toEqual([])
  })

  it('C2: no model says so', async () => {
    const { elsewhere, gateway, host } = await between()
    const models = [
      elsewhere.baseUrl,
      `openai/${elsewhere.baseUrl}`,
      `${host}/gpt-5.2`,
      `@${host}`,
      '../../x',
      'official',
    ]
    for (const model of models) await ask(gateway, CHAT, { model })
    expect(elsewhere.requests).toEqual([])
    for (const entry of gateway.relay.requests) expect(entry.target).toBe(CHAT.path)
  })

  it.each([
    ['two Hosts', 'host: a.example\r\nhost: b.example\r\n'],
    ['a Host with a path', 'host: localhost:4000/#@x\r\n'],
    ['a Host with another path', 'host: localhost/livez?x=\r\n'],
    ['a Host with blanks', 'host: a b\r\n'],
    ['a Host with a port past all', 'host: a:99999\r\n'],
    ['a Host with a backslash', 'host: a\\b\r\n'],
    ['a Host with a comma', 'host: a,b\r\n'],
    ['a Host with a percent sign', 'host: %2f\r\n'],
    ['a Host of an upstream', 'host: official\r\n'],
    ['a Host of the control plane', 'host: 127.0.0.1:8788\r\n'],
    ['an address of IPv6', 'host: [::1]:80\r\n'],
    ['an empty Host', 'host:\r\n'],
  ])('B13: %s changes nothing, with callers that are known', async (_, host) => {
    const callers = [{ name: 'team-a', sha256: 'a'.repeat(64) }]
    const gateway = await start({ transport, config: { callers } })
    for (const target of [CHAT.path, '/v1/models', '/-/api/v1/rollouts', '/v1/files']) {
      const raw = await rawCall(
        gateway.url,
        `POST ${target} HTTP/1.1\r\n${host}connection: close\r\ncontent-length: 2\r\n\r\n{}`,
      )
      expect(raw).toMatch(/^HTTP\/1\.1 (400|401|404) /)
    }
    expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
  })
})
