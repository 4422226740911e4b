import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { Secret } from '../../src/config/secret.ts'
import { askOf } from '../../src/proxy/ask.ts'
import { outboundBody } from '../../src/proxy/body.ts'
import { endpointOf } from '../../src/proxy/endpoint.ts'
import { routesOf, type Upstream } from '../../src/proxy/routes.ts'

function upstream(config: Record<string, unknown>): Upstream {
  const parsed = configSchema.parse({
    version: 1,
    upstreams: { u: { baseUrl: 'https://u.test/v1', usage: { ask: false }, ...config } },
  })
  return routesOf(parsed, () => new Secret('x')).upstreams.get('u') as Upstream
}

function sent(
  text: string,
  config: Record<string, unknown>,
  path = '/v1/chat/completions',
): string {
  const endpoint = endpointOf('POST', path, false)
  const ask = askOf(endpoint, new TextEncoder().encode(text))
  if (ask === null || endpoint.wire === null) throw new Error('not readable')
  return new TextDecoder().decode(outboundBody(ask, endpoint.wire, upstream(config)).bytes)
}

describe('the body an upstream gets', () => {
  const odd = '{ "model" : "m",\n "seed": 12345678901234567890, "x": 1.0, "s": "\\ud800", "x": 2 }'

  it('is the caller’s own, byte for byte, when config changes nothing', () => {
    expect(sent(odd, {})).toBe(odd)
  })

  it('has the model mapped in place, at each of its spellings, and nothing else touched', () => {
    const config = { models: { m: 'relay/m "v2"' } }
    expect(sent(odd, config)).toBe(odd.replace('"m"', '"relay/m \\"v2\\""'))
    expect(sent('{"model":"a","model":"m"}', config)).toBe(
      '{"model":"relay/m \\"v2\\"","model":"relay/m \\"v2\\""}',
    )
    expect(sent('{"model":"other"}', config)).toBe('{"model":"other"}')
  })

  it.each([
    ['{"stream":true}', '{"stream":true,"stream_options":{"include_usage":true}}'],
    [
      '{"stream":true,"stream_options":null}',
      '{"stream":true,"stream_options":{"include_usage":true}}',
    ],
    [
      '{"stream":true,"stream_options":{}}',
      '{"stream":true,"stream_options":{"include_usage":true}}',
    ],
    [
      '{"stream_options":{"include_obfuscation":false},"stream":true}',
      '{"stream_options":{"include_usage":true,"include_obfuscation":false},"stream":true}',
    ],
    ['{"stream":true,"stream_options":{"include_usage":false}}', null],
    ['{"stream":true,"stream_options":{"include_usage":true}}', null],
    ['{"stream":false}', null],
    ['{}', null],
  ])('asks for usage only where the caller was silent: %s', (text, expected) => {
    expect(sent(text, { usage: { ask: true } })).toBe(expected ?? text)
  })

  it('asks no other endpoint for usage', () => {
    const text = '{"stream":true}'
    expect(sent(text, { usage: { ask: true } }, '/v1/messages')).toBe(text)
    expect(sent(text, { usage: { ask: true } }, '/v1/responses')).toBe(text)
  })

  it('has parameters renamed, dropped and defaulted, in this order', () => {
    const params = {
      rename: { max_tokens: 'max_completion_tokens', user: 'gone' },
      drop: ['gone', 'logit_bias'],
      default: { temperature: 0.2, stop: ['x'], max_completion_tokens: 9 },
    }
    const text =
      '{"user":"u","max_tokens":5,"logit_bias":{"1":2},"temperature":1,"n":12345678901234567890}'
    expect(sent(text, { params })).toBe(
      '{"max_completion_tokens":5,"temperature":1,"n":12345678901234567890,"stop":["x"]}',
    )
    expect(
      sent('{"max_tokens":5,"max_completion_tokens":6}', { params: { rename: params.rename } }),
    ).toBe('{"max_completion_tokens":6}')
  })
})
