import { describe, expect, test } from 'vitest'
import { eventView } from '../../src/api/views/event.ts'
import { configSchema } from '../../src/config/schema.ts'
import { resolveSecrets } from '../../src/config/secrets.ts'
import { configOf, faultsOf, linesOf, read, small } from './read.ts'

/** `webhooks:` of headgate.yaml. */

const hooks = (hook: string) => small(`webhooks: [${hook}]`)
const SECRET = 'secret: { env: HOOK }'
const wrong = (hook: string) =>
  linesOf(hooks(hook)).map((line) => line.replace(/^\d+:\d+ webhooks\[0\]\.? ?/, ''))

test('there are none unless they are named', () => {
  expect(configOf(small()).webhooks).toEqual([])
})

test('one is a URL and a secret, and may be for some events and rollouts', () => {
  const url = 'url: "https://hooks.example/in?key=1"'
  expect(configOf(hooks(`{ ${url}, ${SECRET} }`)).webhooks).toEqual([
    { url: 'https://hooks.example/in?key=1', secret: { env: 'HOOK' } },
  ])
  const some = `{ ${url}, ${SECRET}, events: [suspended, rolled_back], rollouts: [relay] }`
  expect(configOf(hooks(some)).webhooks[0]).toMatchObject({
    events: ['suspended', 'rolled_back'],
    rollouts: ['relay'],
  })
})

test('its events are those the API tells of', () => {
  for (const type of eventView.shape.type.options) {
    expect(wrong(`{ url: "https://a.example", ${SECRET}, events: [${type}] }`)).toEqual([])
  }
  const { webhooks } = configSchema.shape
  const { events } = webhooks.unwrap().element.shape
  expect(events.unwrap().element.options).toEqual(eventView.shape.type.options)
})

test.each([
  ['url: "http://127.0.0.1:9000/in"', []],
  ['url: "http://localhost/in"', []],
  ['url: "http://[::1]:9000/in"', []],
  ['url: "https://10.0.0.4/in"', []],
  [
    'url: "http://hooks.example/planted"',
    ['url must be https: unless the host is loopback (127.0.0.0/8, ::1, localhost)'],
  ],
  [
    'url: "http://127.0.0.1.example/planted"',
    ['url must be https: unless the host is loopback (127.0.0.0/8, ::1, localhost)'],
  ],
  [
    'url: "https://me:planted@hooks.example/"',
    ['url must not hold credentials: the receiver knows Headgate by its signature'],
  ],
  ['url: "ftp://planted.example/"', ['url must be an https: URL such as https://hooks.example/in']],
  ['url: planted', ['url must be an https: URL such as https://hooks.example/in']],
])('%s', (url, expected) => {
  expect(wrong(`{ ${url}, ${SECRET} }`)).toEqual(expected)
})

describe('a name that leads nowhere', () => {
  test('of a rollout', () => {
    expect(wrong(`{ url: "https://a.example", ${SECRET}, rollouts: [relay, relai] }`)).toEqual([
      'rollouts[1] names no rollout, got "relai": did you mean "relay"?',
    ])
  })

  test('of an event', () => {
    const [line] = wrong(`{ url: "https://a.example", ${SECRET}, events: [rolledback] }`)
    expect(line).toMatch(/^events\[0\] must be one of started, .*: did you mean "rolled_back"\?$/)
  })

  test('of a key', () => {
    const [line] = wrong(`{ url: "https://a.example", ${SECRET}, event: [started] }`)
    expect(line).toBe('has no key "event": did you mean "events"?')
  })
})

test('no list is empty: it would mean all to one reader and none to another', () => {
  for (const list of ['events: []', 'rollouts: []']) {
    expect(wrong(`{ url: "https://a.example", ${SECRET}, ${list} }`)).toHaveLength(1)
  }
})

describe('its secret', () => {
  const config = configOf(hooks(`{ url: "https://a.example", ${SECRET} }`))
  const findings = (value: string | undefined) => {
    const resolved = resolveSecrets(config, (ref) =>
      'env' in ref && ref.env === 'HOOK' ? value : 'other',
    )
    return resolved.ok ? [] : resolved.findings
  }

  test.each([24, 25, 26, 48, 64])('may be of %i bytes', (bytes) => {
    const encoded = btoa('x'.repeat(bytes))
    expect(findings(`whsec_${encoded}`)).toEqual([])
    expect(findings(`whsec_${encoded.replace(/=+$/, '')}`)).toEqual([])
  })

  test.each([
    `whsec_${btoa('x'.repeat(23))}`,
    `whsec_${btoa('x'.repeat(65))}`,
    btoa('x'.repeat(32)),
    'whsec_',
    `whsec_${'-'.repeat(40)}`,
    `whsk_${btoa('x'.repeat(32))}`,
  ])('is not %s, which is not said', (value) => {
    expect(findings(value)).toEqual([
      {
        path: ['webhooks', 0, 'secret'],
        message: 'is in HOOK, which is no webhook secret',
        suggestion: 'put whsec_ and the base64 of 24..64 random bytes into it',
      },
    ])
  })

  test('must be set', () => {
    expect(findings(undefined)[0]?.message).toBe(
      'needs the environment variable HOOK, which is not set',
    )
  })
})

test('no fault prints a URL or a secret', () => {
  for (const hook of [
    `{ url: "http://hooks.example/planted", ${SECRET} }`,
    `{ url: "https://x:planted@hooks.example", ${SECRET} }`,
    `{ url: planted, ${SECRET} }`,
    `{ url: [planted], ${SECRET} }`,
    '{ url: "https://a.example", secret: whsec_planted }',
    '{ url: "https://a.example", secret: { env: X, planted } }',
    '{ url: "https://a.example", secret: { planted: X } }',
  ]) {
    expect(faultsOf(hooks(hook)).length).toBeGreaterThan(0)
    const { notes } = read(hooks(hook))
    expect(JSON.stringify([faultsOf(hooks(hook)), notes])).not.toContain('planted')
  }
})
