import { describe, expect, test } from 'vitest'
import type { SecretRef } from '../../src/config/schema/values.ts'
import { inspectSecrets } from '../../src/config/secrets.ts'
import { secretFindings } from '../../src/doctor/secrets.ts'
import { configOf } from '../config/read.ts'

const config = configOf(`version: 1
upstreams:
  openai: { baseUrl: "https://api.openai.com/v1", auth: { bearer: { env: OPENAI } } }
  anthropic: { baseUrl: "https://api.anthropic.com/v1", auth: { apiKey: { env: ANTHROPIC } } }
  relay: { baseUrl: "https://relay.example/v1", auth: { bearer: { env: RELAY } }, models: { a: a } }
rollouts:
  relay: { match: { paths: ["/v1/chat/completions"] }, control: openai, canary: relay, flag: f, guard: {} }
flags: { file: flags.json }
`)

/** What is said of the shape of each, and whose keys must not be sent. */
function shapesOf(env: Readonly<Record<string, string>>) {
  const read = (ref: SecretRef) => ('env' in ref ? env[ref.env] : undefined)
  const seen = inspectSecrets(config, read).map((one) => ({
    ...one,
    value: read(one.ref) ?? null,
    digest: '0a1b2c3d',
  }))
  const { checks, unfit } = secretFindings(config, seen, new Set())
  const shapes = checks.filter(({ id }) => id === 'secret.shape')
  return { shapes: new Map(shapes.map((one) => [one.about, one])), unfit: [...unfit] }
}

const GOOD = {
  OPENAI: 'sk-proj-0123456789abcdefghij',
  ANTHROPIC: 'sk-ant-api03-0123456789abcdefghij',
  RELAY: 'sk-0123456789abcdefghij',
}

describe('the shape of a key', () => {
  test('that fits is shown by its first characters, its length and eight digits of its hash', () => {
    const { shapes, unfit } = shapesOf(GOOD)
    expect(unfit).toEqual([])
    expect([...shapes.values()].map(({ status }) => status)).toEqual(['ok', 'ok', 'ok'])
    expect(shapes.get('upstreams.anthropic')?.detail).toBe(
      'upstreams.anthropic.auth.apiKey: sk-an…, 33 characters, sha256 0a1b2c3d',
    )
  })

  test('is never shown by more than six characters, and of a short one by fewer', () => {
    const { shapes } = shapesOf({ ...GOOD, RELAY: 'x'.repeat(500), OPENAI: 'abc' })
    expect(shapes.get('upstreams.relay')?.detail).toContain(' xxxxxx…, 500 characters')
    expect(shapes.get('upstreams.openai')?.detail).toContain('(3 characters, sha256')
  })

  test.each([
    ['OPENAI', 'sk-ant-api03-0123456789', 'openai', 'of Anthropic, and api.openai.com is OpenAI'],
    ['ANTHROPIC', 'sk-proj-0123456789', 'anthropic', 'of OpenAI, and api.anthropic.com'],
    ['OPENAI', 'sk-or-v1-0123456789', 'openai', 'of OpenRouter, and api.openai.com'],
    ['RELAY', 'sk-svcacct-0123456789', 'relay', 'of OpenAI, which is for upstreams.openai'],
  ])('%s=%s is another vendor’s, and is not sent', (name, value, upstream, words) => {
    const { shapes, unfit } = shapesOf({ ...GOOD, [name]: value })
    expect(unfit).toEqual([upstream])
    expect(shapes.get(`upstreams.${upstream}`)).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining(words),
    })
  })

  test.each([
    ['a key of a vendor that no control has', 'gsk_0123456789abcdef', 'ok'],
    ['an old key of OpenAI, which relays make alike', 'sk-0123456789', 'ok'],
  ])('%s may be a relay’s', (_, RELAY, status) => {
    expect(shapesOf({ ...GOOD, RELAY }).shapes.get('upstreams.relay')?.status).toBe(status)
  })

  test('that begins as no key of this vendor does is worth a warning, and is sent', () => {
    const { shapes, unfit } = shapesOf({ ...GOOD, ANTHROPIC: 'my-gateway-key-0123' })
    expect(unfit).toEqual([])
    expect(shapes.get('upstreams.anthropic')).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('does not begin with sk-ant-'),
    })
  })
})
