import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { flagsText } from '../../src/cli/starter.ts'
import { CHECK_IDS, type Check } from '../../src/doctor/check.ts'
import { openSqliteStores } from '../../src/stores/sqlite.ts'
import { ask } from '../cli/ask.ts'
import { folderWith } from '../cli/run.ts'
import { selfSigned } from '../faults/certificate.ts'
import { apiAt, upstream } from './upstream.ts'

/** `headgate doctor` as it is typed, against real servers on loopback that misbehave. */

const OFFICIAL = 'sk-official-hunter2-0123456789'
const RELAY = 'sk-relay-hunter2-9876543210'
const ENV = { OFFICIAL_KEY: OFFICIAL, RELAY_KEY: RELAY, HEADGATE_TOKEN: 'hunter2-token-0123456789' }

interface Setup {
  readonly official: string
  readonly relay: string
  /** In place of the usual, of the relay. */
  readonly auth?: string
  readonly more?: string
  readonly top?: string
  readonly flags?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly args?: readonly string[]
  readonly folder?: string
}

function configText({ official, relay, auth, more = '', top = '', flags }: Setup): string {
  return `version: 1
${top}
upstreams:
  official: { baseUrl: "${official}", auth: { bearer: { env: OFFICIAL_KEY } }, price: { ratio: 1 } }
  relay:
    baseUrl: "${relay}"
    auth: ${auth ?? '{ bearer: { env: RELAY_KEY } }'}
    models: { "m-1": "m-1" }
    price: { models: { "m-*": { input: 1, output: 1 } } }
    ${more}
flags: ${flags ?? '{ file: flags.json }'}
rollouts:
  relay:
    match: { paths: ["/v1/chat/completions"] }
    control: official
    canary: relay
    flag: headgate-relay
    guard: {}
`
}

interface Doctored {
  readonly code: number
  readonly items: readonly Check[]
  /** `auth.style upstreams.relay` → that check. */
  one(id: string, about: string): Check
  /** `id about` of all that have this status. */
  those(status: Check['status']): string[]
}

async function doctor(setup: Setup): Promise<Doctored> {
  const folder =
    setup.folder ?? folderWith({ 'headgate.yaml': configText(setup), 'flags.json': flagsText(1) })
  const env = Object.fromEntries(
    Object.entries({ ...ENV, ...setup.env }).filter(([, value]) => value !== undefined),
  ) as Record<string, string>
  const { code, stdout, stderr } = await ask(['doctor', '--json', ...(setup.args ?? [])], {
    cwd: folder,
    env,
  })
  for (const secret of Object.values(env)) {
    if (secret.includes('hunter2')) expect(stdout + stderr).not.toContain(secret)
  }
  const { items } = JSON.parse(stdout) as { items: Check[] }
  return {
    code,
    items,
    one: (id, about) => {
      const found = items.filter((one) => one.id === id && one.about === about)
      expect(found).not.toEqual([])
      return found[0] as Check
    },
    those: (status) =>
      items.filter((one) => one.status === status).map(({ id, about }) => `${id} ${about}`),
  }
}

async function both(): Promise<{ official: string; relay: string }> {
  const [official, relay] = await Promise.all([
    upstream(apiAt({ keys: [OFFICIAL] })),
    upstream(apiAt({ keys: [RELAY] })),
  ])
  return { official: `${official.url}/v1`, relay: `${relay.url}/v1` }
}

describe('where all is well', () => {
  test('every check is ok or has nothing to look at, and it ends with 0', async () => {
    const { code, items, those } = await doctor(await both())
    expect(code).toBe(0)
    expect([...those('failed'), ...those('warning')]).toEqual([])
    expect(those('skipped')).toEqual(['otlp.export telemetry'])
    expect(new Set(items.map(({ id }) => id))).toEqual(new Set(CHECK_IDS))
  })

  test('a key goes to its own upstream, and only once that has shown that it is one', async () => {
    const official = await upstream(apiAt({ keys: [OFFICIAL] }))
    const relay = await upstream(apiAt({ keys: [RELAY] }))
    await doctor({ official: `${official.url}/v1`, relay: `${relay.url}/v1` })
    expect(new Set(official.keys)).toEqual(new Set([`Bearer ${OFFICIAL}`]))
    expect(new Set(relay.keys)).toEqual(new Set([`Bearer ${RELAY}`]))
    expect(relay.asked.every((line) => line === 'GET /v1/models')).toBe(true)
  })

  test('a planted key is looked at in its place, and sent nowhere', async () => {
    const official = await upstream(apiAt({ keys: [OFFICIAL] }))
    const relay = await upstream(apiAt({ keys: [RELAY] }))
    const text = configText({ official: `${official.url}/v1`, relay: `${relay.url}/v1` }).replace(
      'guard: {}',
      'guard: {}\n    shadow: { planted: [{ name: trap-1, secret: { env: TRAP } }] }',
    )
    const folder = folderWith({ 'headgate.yaml': text, 'flags.json': flagsText(1) })
    const trap = 'sk-proj-0123456789abcdefghij'
    const { one } = await doctor({ official: '', relay: '', folder, env: { TRAP: trap } })
    const about = 'rollouts.relay.shadow.planted[0]'
    expect(one('secret.present', about).status).toBe('ok')
    expect(one('secret.shape', about).status).toBe('ok')
    expect([...official.keys, ...relay.keys].join()).not.toContain(trap)
  })

  test('is said in words for people, without a key', async () => {
    const cwd = folderWith({
      'headgate.yaml': configText(await both()),
      'flags.json': flagsText(1),
    })
    const { code, stdout } = await ask(['doctor', '--color', 'always'], { cwd, env: ENV })
    const plain = stripVTControlCharacters(stdout)
    expect(code).toBe(0)
    expect(plain).not.toBe(stdout)
    expect(plain).toMatch(/^upstreams\.relay$/m)
    expect(plain).toMatch(
      /^ {2}ok {7}secret\.shape {4}upstreams\.relay\.auth\.bearer: sk-r…, 27 characters, sha256 [0-9a-f]{8}$/m,
    )
    expect(plain).toMatch(/, 0 failed, 1 skipped in \d+\.\d s$/m)
    expect(plain).not.toContain('hunter2')
  })
})

describe('secrets', () => {
  test('one that is not set is named, and what needs it is skipped', async () => {
    const { code, one } = await doctor({ ...(await both()), env: { RELAY_KEY: undefined } })
    expect(code).toBe(1)
    expect(one('secret.present', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('RELAY_KEY, which is not set'),
      fix: 'set RELAY_KEY, where this process starts',
      docs: 'docs/guides/doctor.md#secretpresent',
    })
    for (const id of ['secret.shape', 'auth.cross', 'auth.style', 'model.exists']) {
      expect(one(id, 'upstreams.relay').status).toBe('skipped')
    }
    expect(one('path.probe', 'upstreams.relay').status).toBe('ok')
    expect(one('auth.style', 'upstreams.official').status).toBe('ok')
  })

  test('one that only a .env file has was not loaded', async () => {
    const folder = folderWith({
      'headgate.yaml': configText(await both()),
      'flags.json': flagsText(1),
      '.env': `RELAY_KEY=${RELAY}\n`,
    })
    const { one } = await doctor({ official: '', relay: '', folder, env: { RELAY_KEY: undefined } })
    expect(one('secret.present', 'upstreams.relay')).toMatchObject({
      detail: expect.stringContaining('a .env file has it'),
      fix: 'set -a; . ./.env; set +a',
    })
  })

  test.each([
    ['a blank at its end', `${RELAY} `, 'take the spaces and line ends away'],
    ['a line end', `${RELAY}\n`, 'take the spaces and line ends away'],
    ['quotes', `"${RELAY}"`, 'take the quotes away'],
    ['Bearer', `Bearer ${RELAY}`, 'leave "Bearer " out'],
    ['a variable nobody filled in', '$RELAY_HUNTER', 'set it to the key'],
  ])('one with %s is never sent', async (_, value, fix) => {
    const official = await upstream(apiAt({ keys: [OFFICIAL] }))
    const relay = await upstream(apiAt({ keys: [RELAY] }))
    const { code, one } = await doctor({
      official: `${official.url}/v1`,
      relay: `${relay.url}/v1`,
      env: { RELAY_KEY: value },
    })
    expect(code).toBe(1)
    expect(one('secret.shape', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      fix: expect.stringContaining(fix),
    })
    expect(relay.keys).toEqual([])
  })

  test('a short control token is worth a warning, and that is 1 only with --strict', async () => {
    const arms = await both()
    const env = { HEADGATE_TOKEN: 'hunter2' }
    const { code, one } = await doctor({ ...arms, env })
    expect(code).toBe(0)
    expect(one('secret.shape', 'control')).toMatchObject({
      status: 'warning',
      fix: 'make another: openssl rand -hex 32',
    })
    expect((await doctor({ ...arms, env, args: ['--strict'] })).code).toBe(1)
  })
})

describe('where the API is', () => {
  test.each([
    ['twice /v1', '/v1/v1', 'warning'],
    ['an endpoint', '/v1/chat/completions', 'warning'],
    ['no /v1', '', 'warning'],
    ['no /v1 behind something else', '/api', 'ok'],
  ])('%s: the exact base is found', async (_, path, shape) => {
    const relay = await upstream(
      apiAt({ keys: [RELAY], base: path === '/api' ? '/api/v1' : '/v1' }),
    )
    const { official } = await both()
    const { code, one } = await doctor({ official, relay: `${relay.url}${path}` })
    expect(code).toBe(1)
    const base = path === '/api' ? '/api/v1' : '/v1'
    expect(one('url.shape', 'upstreams.relay').status).toBe(shape)
    expect(one('path.probe', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      fix: `baseUrl: "${relay.url}${base}"`,
    })
    expect(one('model.exists', 'upstreams.relay').status).toBe('skipped')
  })

  test('a slash at the end does no harm', async () => {
    const { official, relay } = await both()
    const { code } = await doctor({ official: `${official}/`, relay: `${relay}/` })
    expect(code).toBe(0)
  })

  test('a redirect is not followed, and its target is what to write', async () => {
    const target = await upstream(apiAt({ keys: [RELAY] }))
    const relay = await upstream(({ path }) => ({
      status: 308,
      headers: { location: `${target.url}${path}?token=hunter2` },
    }))
    const { official } = await both()
    const { code, one } = await doctor({ official, relay: `${relay.url}/v1` })
    expect(code).toBe(1)
    expect(one('url.redirect', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('leave the key behind'),
      fix: `baseUrl: "${target.url}/v1"`,
    })
    expect(one('url.redirect', 'upstreams.relay').detail).not.toContain('token=')
    expect([...target.asked, ...relay.keys]).toEqual([])
  })

  test('a web page everywhere is no API', async () => {
    const relay = await upstream(() => ({ status: 200, html: '<html>welcome' }))
    const { official } = await both()
    const { one } = await doctor({ official, relay: `${relay.url}/v1` })
    expect(one('path.probe', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('200 (a web page), and no API at'),
    })
    expect(relay.keys).toEqual([])
  })

  test('an API that lists no models is found by what it says to an empty request', async () => {
    const relay = await upstream(({ method, bearer }) => {
      if (method === 'GET') return { status: 404, json: {} }
      return { status: bearer === RELAY ? 400 : 401, json: { error: {} } }
    })
    const { official } = await both()
    const { code, one } = await doctor({ official, relay: `${relay.url}/v1` })
    expect(code).toBe(0)
    expect(one('path.probe', 'upstreams.relay').detail).toContain('it lists no models')
    expect(one('auth.style', 'upstreams.relay').status).toBe('ok')
    expect(one('model.exists', 'upstreams.relay').status).toBe('skipped')
  })

  test('nobody there, and no such name', async () => {
    const { official } = await both()
    const gone = createServer()
    await new Promise<void>((done) => gone.listen(0, '127.0.0.1', done))
    const { port } = gone.address() as { port: number }
    await new Promise((done) => gone.close(done))
    const refused = await doctor({ official, relay: `http://127.0.0.1:${port}/v1` })
    expect(refused.one('path.probe', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('no answer (ECONNREFUSED)'),
    })
    const unknown = await doctor({ official, relay: 'https://no-such-host.invalid/v1' })
    expect(unknown.one('net.dns', 'upstreams.relay').status).toBe('failed')
    expect(unknown.one('net.tls', 'upstreams.relay')).toMatchObject({
      status: 'skipped',
      detail: 'needs net.dns',
    })
  })

  test('a certificate that nobody trusts is seen before a key is sent', async () => {
    const relay = await upstream(apiAt({ keys: [RELAY] }), selfSigned('localhost'))
    const { official } = await both()
    const { code, one } = await doctor({
      official,
      relay: `https://localhost:${relay.port}/v1`,
      env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    })
    expect(code).toBe(1)
    expect(one('net.tls', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('signed by nobody this machine trusts'),
      fix: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    })
    expect(relay.asked).toEqual([])
  })

  test('a proxy that others go through is not gone through', async () => {
    const { one } = await doctor({ ...(await both()), env: { HTTPS_PROXY: 'http://127.0.0.1:1' } })
    expect(one('net.proxy', 'this machine')).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining(
        'HTTPS_PROXY is set: Headgate connects to upstreams directly',
      ),
    })
    expect(one('path.probe', 'upstreams.relay').status).toBe('ok')
  })
})

describe('keys', () => {
  test.each([
    ['bearer', 'apiKey', '{ bearer: { env: RELAY_KEY } }'],
    ['apiKey', 'bearer', '{ apiKey: { env: RELAY_KEY } }'],
  ] as const)('sent as %s where %s is wanted', async (_, style, auth) => {
    const relay = await upstream(apiAt({ keys: [RELAY], style }))
    const { official } = await both()
    const { code, one } = await doctor({ official, relay: `${relay.url}/v1`, auth })
    expect(code).toBe(1)
    expect(one('auth.style', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      fix: `auth: { ${style}: { env: RELAY_KEY } }`,
    })
    expect(one('model.exists', 'upstreams.relay').status).toBe('skipped')
  })

  test('one that is refused in every style is wrong; the word of the upstream is shown, its message is not', async () => {
    const relay = await upstream(apiAt({ keys: [] }))
    const { official } = await both()
    const { one } = await doctor({ official, relay: `${relay.url}/v1` })
    const { detail, fix } = one('auth.style', 'upstreams.relay')
    expect(detail).toBe('the key of env RELAY_KEY is refused: 401 (JSON), invalid_api_key')
    expect(fix).toContain('into env RELAY_KEY')
  })

  test('of several each is tried', async () => {
    const relay = await upstream(apiAt({ keys: [RELAY] }))
    const { official } = await both()
    const { one } = await doctor({
      official,
      relay: `${relay.url}/v1`,
      auth: '{ bearer: [{ env: RELAY_KEY }, { env: SECOND }] }',
      env: { SECOND: 'sk-hunter2-second' },
    })
    expect(one('auth.style', 'upstreams.relay').detail).toContain(
      'the key of env SECOND is refused',
    )
  })

  test('a public list of models proves no key: an empty request does', async () => {
    const open = (taken: number) =>
      upstream(({ method, bearer }) => {
        if (method === 'GET') return { status: 200, json: { data: [{ id: 'm-1' }] } }
        return { status: bearer === RELAY ? taken : 401, json: { error: {} } }
      })
    const { official } = await both()
    const [taking, refusing] = [await open(400), await open(401)]
    const good = await doctor({ official, relay: `${taking.url}/v1` })
    expect(good.one('auth.style', 'upstreams.relay').status).toBe('ok')
    expect(good.one('model.exists', 'upstreams.relay').status).toBe('ok')
    const bad = await doctor({ official, relay: `${refusing.url}/v1` })
    expect(bad.one('auth.style', 'upstreams.relay').status).toBe('failed')
  })

  test('an upstream that wants one where config has none', async () => {
    const relay = await upstream(apiAt({ keys: [RELAY] }))
    const { official } = await both()
    const { one } = await doctor({ official, relay: `${relay.url}/v1`, auth: 'none' })
    expect(one('auth.style', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      fix: 'auth: { bearer: { env: RELAY_API_KEY } }',
    })
  })

  test('a model that is not there, with the one that was meant', async () => {
    const relay = await upstream(apiAt({ keys: [RELAY], models: ['m-2', 'other'] }))
    const { official } = await both()
    const { code, one } = await doctor({ official, relay: `${relay.url}/v1` })
    expect(code).toBe(1)
    expect(one('model.exists', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      detail: 'it does not have m-1, among 2 models',
      fix: 'upstreams.relay.models: did you mean m-2?',
    })
  })

  test('an alias that no list has is there all the same', async () => {
    const relay = await upstream(apiAt({ keys: [RELAY], models: ['other'], aliases: ['m-1'] }))
    const { official } = await both()
    const { one } = await doctor({ official, relay: `${relay.url}/v1` })
    expect(one('model.exists', 'upstreams.relay').status).toBe('ok')
  })
})

describe('swapped keys: a relay never sees official’s', () => {
  const SWAPPED = { OFFICIAL_KEY: RELAY, RELAY_KEY: OFFICIAL }
  const arms = async () => ({
    official: await upstream(apiAt({ keys: [OFFICIAL] })),
    relay: await upstream(apiAt({ keys: [RELAY] })),
  })

  test('without --cross official is asked about its own only, and the other stays here', async () => {
    const { official, relay } = await arms()
    const { code, one } = await doctor({
      official: `${official.url}/v1`,
      relay: `${relay.url}/v1`,
      env: SWAPPED,
    })
    expect(code).toBe(1)
    expect(one('auth.style', 'upstreams.official').status).toBe('failed')
    expect(one('auth.cross', 'upstreams.relay')).toMatchObject({
      status: 'warning',
      fix: expect.stringContaining('headgate doctor --cross'),
    })
    expect(one('auth.style', 'upstreams.relay')).toMatchObject({
      status: 'skipped',
      detail: 'needs auth.cross',
    })
    expect(relay.keys).toEqual([])
    expect(official.keys.join()).not.toContain(OFFICIAL)
  })

  test('with --cross official is asked whether it is its own, and then it is certain', async () => {
    const { official, relay } = await arms()
    const { code, one } = await doctor({
      official: `${official.url}/v1`,
      relay: `${relay.url}/v1`,
      env: SWAPPED,
      args: ['--cross'],
    })
    expect(code).toBe(1)
    expect(one('auth.cross', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      fix: expect.stringContaining('swap them: env RELAY_KEY and env OFFICIAL_KEY'),
    })
    expect(relay.keys).toEqual([])
  })

  test('where official’s is only wrong, --cross clears the relay’s, and that is tried', async () => {
    const { official, relay } = await arms()
    const { one } = await doctor({
      official: `${official.url}/v1`,
      relay: `${relay.url}/v1`,
      env: { OFFICIAL_KEY: 'sk-hunter2-expired' },
      args: ['--cross'],
    })
    expect(one('auth.cross', 'upstreams.relay').status).toBe('ok')
    expect(one('auth.style', 'upstreams.relay').status).toBe('ok')
    expect(relay.keys.join()).not.toContain('expired')
  })

  test('a canary that is a control elsewhere is asked before its own canary', async () => {
    const [official, relay, third] = await Promise.all([
      upstream(apiAt({ keys: [OFFICIAL] })),
      upstream(apiAt({ keys: [RELAY] })),
      upstream(apiAt({ keys: ['sk-hunter2-third'] })),
    ])
    const usual = configText({ official: `${official.url}/v1`, relay: `${relay.url}/v1` })
    const text = usual
      .replace(
        'upstreams:\n',
        `upstreams:\n  third: { baseUrl: "${third.url}/v1", auth: { bearer: { env: THIRD } } }\n`,
      )
      .concat(
        '  next: { match: { paths: ["/v1/embeddings"] }, control: relay, canary: third, flag: headgate-relay, guard: {} }\n',
      )
    const folder = folderWith({ 'headgate.yaml': text, 'flags.json': flagsText(1) })
    const { one } = await doctor({
      official: '',
      relay: '',
      folder,
      env: { RELAY_KEY: 'sk-hunter2-third', THIRD: RELAY },
    })
    expect(one('auth.style', 'upstreams.relay').status).toBe('failed')
    expect(one('auth.cross', 'upstreams.third').status).toBe('warning')
    expect(third.keys).toEqual([])
  })

  test('one key in both places is sent to neither as the relay’s', async () => {
    const { official, relay } = await arms()
    const { one } = await doctor({
      official: `${official.url}/v1`,
      relay: `${relay.url}/v1`,
      env: { RELAY_KEY: OFFICIAL },
    })
    expect(one('auth.cross', 'upstreams.relay')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('the same key as upstreams.official'),
    })
    expect(relay.keys).toEqual([])
  })
})

describe('flags, store, clock and collector', () => {
  test.each([
    [
      'a flag that is not there',
      '{ "version": 2, "features": [] }',
      'flag "headgate-relay" is not in the document',
      'add the flag',
    ],
    [
      'half a percent',
      flagsText(1).replace('"rollout": "1"', '"rollout": "0.5"'),
      'Unleash takes whole percents',
      'a plan with finer steps',
    ],
  ])('%s', async (_, text, words, fix) => {
    const folder = folderWith({ 'headgate.yaml': configText(await both()), 'flags.json': text })
    const { code, items } = await doctor({ official: '', relay: '', folder })
    const found = items.find(({ id, detail }) => id === 'flags.source' && detail.includes(words))
    expect(found).toMatchObject({ status: 'warning', fix: expect.stringContaining(fix) })
    expect(code).toBe(0)
  })

  test('no flags file', async () => {
    const { code, one } = await doctor({ ...(await both()), flags: '{ file: nowhere.json }' })
    expect([code, one('flags.source', 'flags').detail]).toEqual([
      1,
      'file:nowhere.json: cannot be read (ENOENT)',
    ])
  })

  test('an Unleash that does not take the token', async () => {
    const unleash = await upstream(() => ({ status: 401, json: {} }))
    const { code, one } = await doctor({
      ...(await both()),
      flags: `{ unleash: { url: "${unleash.url}/api", token: { env: UNLEASH } } }`,
      env: { UNLEASH: '*:development.hunter2hunter2' },
    })
    expect(code).toBe(1)
    expect(one('flags.source', 'flags')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('401: the token is not taken'),
      fix: expect.stringContaining('make a backend token for this environment'),
    })
  })

  test('an Unleash that has the flags', async () => {
    const unleash = await upstream(() => ({ status: 200, json: JSON.parse(flagsText(1)) }))
    const { one } = await doctor({
      ...(await both()),
      flags: `{ unleash: { url: "${unleash.url}/api", token: { env: UNLEASH } } }`,
      env: { UNLEASH: '*:development.hunter2hunter2' },
    })
    expect(one('flags.source', 'flags').status).toBe('ok')
    expect(unleash.asked).toEqual(['GET /api/client/features'])
  })

  test('a clock that is ten minutes off, unless one upstream agrees with it', async () => {
    const date = new Date(Date.now() + 600_000).toUTCString()
    const skewed = (key: string) => upstream(apiAt({ keys: [key], headers: { date } }))
    const [official, relay] = [await skewed(OFFICIAL), await skewed(RELAY)]
    const off = await doctor({ official: `${official.url}/v1`, relay: `${relay.url}/v1` })
    expect(off.one('clock.skew', 'this machine')).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/^the clock here is (59\d|60\d) s behind what upstreams say$/),
      fix: 'synchronise it: timedatectl set-ntp true',
    })
    const { official: right } = await both()
    const one = await doctor({ official: right, relay: `${relay.url}/v1` })
    expect(one.one('clock.skew', 'this machine').status).toBe('ok')
  })

  test.each([
    ['takes it', 200, 'ok', ''],
    ['wants a token', 401, 'failed', 'OTEL_EXPORTER_OTLP_HEADERS'],
    ['is elsewhere', 404, 'failed', 'no /v1/traces at its end'],
  ] as const)('a collector that %s', async (_, status, expected, fix) => {
    const collector = await upstream(() => ({ status }))
    const { items } = await doctor({
      ...(await both()),
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=hunter2%20token',
      },
    })
    const found = items.filter(({ id }) => id === 'otlp.export')
    expect(found.map((one) => one.status)).toEqual([expected, expected])
    expect(found[0]?.fix ?? '').toContain(fix)
    expect(collector.asked.toSorted()).toEqual(['POST /v1/metrics', 'POST /v1/traces'])
    expect(collector.keys).toEqual(['hunter2 token', 'hunter2 token'])
  })

  test('a collector that is not there', async () => {
    const { code, items } = await doctor({
      ...(await both()),
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4' },
    })
    expect(code).toBe(1)
    expect(items.find(({ id }) => id === 'otlp.export')).toMatchObject({
      status: 'failed',
      fix: expect.stringContaining('start the collector'),
    })
  })

  test('a store that cannot be written, one that another process writes, and one that is well', async () => {
    const arms = await both()
    const folder = folderWith({ 'flags.json': flagsText(1), taken: '' })
    const at = async (sqlite: string) => {
      writeFileSync(
        join(folder, 'headgate.yaml'),
        configText({ ...arms, top: `state: { sqlite: "${sqlite}" }` }),
      )
      return (await doctor({ ...arms, folder })).one('store.write', 'state')
    }
    expect(await at('taken/state.db')).toMatchObject({ status: 'failed' })
    writeFileSync(
      join(folder, 'other.db'),
      'no database at all, but long enough to be one'.repeat(20),
    )
    expect(await at('other.db')).toMatchObject({ status: 'failed' })

    const file = join(folder, 'state.db')
    await openSqliteStores({ file }).close()
    expect(await at('state.db')).toMatchObject({ status: 'ok' })
    const writer = new DatabaseSync(file)
    onTestFinished(() => writer.close())
    writer.exec('BEGIN IMMEDIATE')
    expect(await at('state.db')).toMatchObject({
      status: 'warning',
      fix: 'a process that serves may be writing; ask again',
    })
    writer.exec('ROLLBACK')
    chmodSync(file, 0o444)
    // Root writes what it may not.
    if (process.getuid?.() !== 0) expect(await at('state.db')).toMatchObject({ status: 'failed' })
  })

  test('an upstream without a price', async () => {
    const { one } = await doctor({ ...(await both()), more: '' })
    expect(one('price.coverage', 'prices').status).toBe('ok')
    const { official, relay } = await both()
    const folder = folderWith({
      'headgate.yaml': configText({ official, relay }).replace(/ {4}price: .*\n/, ''),
      'flags.json': flagsText(1),
    })
    const bare = await doctor({ official, relay, folder })
    expect(bare.one('price.coverage', 'prices')).toMatchObject({
      status: 'warning',
      detail: 'upstreams.relay: nobody says what it costs',
      fix: 'write price: { ratio: 0.15 }, or 1 where it asks the official price',
    })
  })
})

describe('without a configuration that holds up', () => {
  test.each([
    ['there is none', {}],
    [
      'it has faults',
      { 'headgate.yaml': 'version: 1\nupstreams: { relay: { baseUrl: "relay.example" } }\n' },
    ],
  ])('it ends with 3: %s', async (_, files) => {
    const { code, stdout } = await ask(['doctor', '--json'], { cwd: folderWith(files) })
    expect(code).toBe(3)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false })
  })
})
