import { describe, expect, test } from 'vitest'
import { faultsOf, notesOf, small } from './read.ts'

/** Without their places, which parse.test.ts is about. */
const linesOf = (text: string) => faultsOf(text).map(unplaced)
const remarksOf = (text: string) => notesOf(text).map(unplaced)
const unplaced = (line: unknown) => String(line).replace(/^headgate\.yaml:\d+:\d+ /, '')

const HASH = 'a'.repeat(64)
const rollout = (rest: string) =>
  `{ match: { paths: ["/v1/chat/completions"]${rest} }, control: official, canary: relay, flag: f, guard: {} }`

const SAME = 'control.viewer is kept where control.token is: who only reads could write'

describe('names', () => {
  test('default and rollouts name upstreams that are there', () => {
    expect(linesOf(small('default: { openai: official, anthropic: relay }'))).toEqual([])
    expect(linesOf(small().replace('canary: relay', 'canary: rely'))).toEqual([
      'rollouts.relay.canary names no upstream, got "rely": did you mean "relay"?',
    ])
  })

  test('a caller names rollouts that are there', () => {
    const callers = (name: string) =>
      small(`callers: [{ name: a, sha256: ${HASH}, rollouts: [${name}] }]`)
    expect(linesOf(callers('relay'))).toEqual([])
    expect(linesOf(callers('relai'))).toEqual([
      'callers[0].rollouts[0] names no rollout, got "relai": did you mean "relay"?',
    ])
  })

  test('no two callers have one name or one token', () => {
    const text = small(`callers:
  - { name: a, sha256: ${HASH} }
  - { name: a, sha256: ${'b'.repeat(64)} }
  - { name: c, sha256: ${HASH} }`)
    expect(linesOf(text)).toEqual([
      'callers[1].name is the same as callers[0].name',
      'callers[2].sha256 is the same as callers[0].sha256',
    ])
  })

  test('an upstream that nothing names is noted, but not while a name is misspelt', () => {
    const idle = small().replace(
      '  relay: {',
      '  idle: { baseUrl: "https://idle.example/v1" }\n  relay: {',
    )
    expect(remarksOf(idle)).toEqual([
      'upstreams.idle is never used: no rollout and no default names it',
    ])
    expect(notesOf(idle.replace('canary: relay', 'canary: rely'))).toEqual([])
  })

  test('a file that sends nothing anywhere is noted', () => {
    const text = 'version: 1\nupstreams: { a: { baseUrl: "https://a.example/v1" } }'
    expect(notesOf(text)).toHaveLength(1)
    expect(notesOf(`${text}\ndefault: { openai: a }`)).toEqual([])
  })
})

describe('arms', () => {
  test('shadows whose dollars nobody counts, that callers would pay, or that nothing acts on, are noted', () => {
    const shadow = small().replace('guard: {}', 'guard: {}, shadow: { rate: 1% }')
    const priced = shadow.replace('models: {},', 'models: {}, price: { ratio: 0.2 },')
    expect(remarksOf(priced)).toEqual([])
    expect(remarksOf(shadow)).toEqual([
      'rollouts.relay.shadow counts no dollars without upstreams.relay.price: its other budgets hold',
    ])
    expect(
      remarksOf(priced.replace('auth: { bearer: { env: OPENAI_API_KEY } }', 'auth: passthrough')),
    ).toEqual([
      'rollouts.relay.shadow asks official nothing, which callers pay with their own keys: no probes, and none of what the canary answered',
    ])
    expect(remarksOf(priced.replace('guard: {}, ', ''))).toContain(
      'rollouts.relay.shadow is shown and nothing more: without plan or guard nothing acts on it',
    )
  })

  test('small questions that nobody could ask, or hear the answers of, are noted', () => {
    const asking = small().replace('guard: {}', 'guard: {}, shadow: { questions: {} }')
    const at = 'rollouts.relay.shadow.questions are not asked:'
    const ofQuestions = (text: string) =>
      remarksOf(text).filter((remark) => remark.includes('questions'))
    expect(ofQuestions(asking)).toEqual([`${at} no model is known to ask; write probe.model`])
    expect(ofQuestions(asking.replace('guard: {},', 'guard: {}, probe: { model: m },'))).toEqual([])
    expect(ofQuestions(asking.replace('models: {}', 'models: { m: m }'))).toEqual([])
    expect(ofQuestions(asking.replace('guard: {}, ', ''))).toEqual([
      `${at} without a plan or a guard nothing judges the answers`,
    ])
  })

  test('shadows say what they are asked in words that hold', () => {
    const faults = (rest: string) =>
      linesOf(small().replace('guard: {}', `guard: {}, shadow: { ${rest} }`))
    expect(
      faults('rate: 1%, integrity: { model_echo: hold, usage: { action: suspend, after: 3 } }'),
    ).toEqual([])
    expect(faults('rate: 1%, integrity: { model_echoo: hold }')).toHaveLength(1)
    expect(faults('rate: 1%, content: { redact: ["("] }')).toHaveLength(1)
    expect(faults('rate: 1%, maxBody: 5MiB')).toHaveLength(1)
  })

  test('one upstream in both arms is an A/A run, and noted', () => {
    const text = small('default: { openai: relay }').replace('canary: relay', 'canary: official')
    expect(linesOf(text)).toEqual([])
    expect(remarksOf(text)).toEqual([
      'rollouts.relay.canary is the same upstream as control: an A/A run, which measures noise',
    ])
  })

  test("C3: the callers' own keys never go to a canary", () => {
    const passing = (name: string) =>
      small().replace(new RegExp(`(${name}: .*)auth: .* }`), '$1auth: passthrough }')
    expect(linesOf(passing('official'))).toEqual([])
    expect(linesOf(passing('relay'))).toEqual([
      "upstreams.relay.auth may not be passthrough: relay is the canary of rollouts.relay, and would be sent the callers' own keys: write { bearer: { env: NAME } }",
    ])
  })

  test('a rollout needs flags', () => {
    expect(linesOf(small().replace(/^flags.*\n/m, ''))).toEqual([
      'rollouts needs flags, which are not there: a rollout follows a flag: add flags: { file: flags/relay.json }',
    ])
  })

  test('a flag server is asked over https, or says that it is not', () => {
    const linesFor = (unleash: string): string[] =>
      linesOf(small().replace('{ file: flags/relay.json }', `{ unleash: ${unleash} }`))
    const token = 'token: { env: T }'
    expect(linesFor(`{ url: "https://u.example/api", ${token} }`)).toEqual([])
    expect(linesFor(`{ url: "http://127.0.0.1:4242/api", ${token} }`)).toEqual([])
    expect(linesFor(`{ url: "http://unleash.svc/api", ${token}, plaintext: true }`)).toEqual([])
    expect(linesFor(`{ url: "http://unleash.svc/api", ${token} }`)).toEqual([
      'flags.unleash.url must be https: unless the host is loopback (127.0.0.0/8, ::1, localhost): inside a cluster, where nobody listens: plaintext: true',
    ])
    expect(linesFor(`{ url: "https://me:secret@u.example/api", ${token} }`)).toEqual([
      'flags.unleash.url must not hold credentials: they belong in auth',
    ])
  })

  test('flags may not be too old before they can be asked for twice', () => {
    const linesFor = (flags: string): string[] =>
      linesOf(small().replace('{ file: flags/relay.json }', flags))
    const unleash = 'unleash: { url: "https://u.example/api", token: { env: T }'
    expect(linesFor(`{ ${unleash} }, maxAge: 30s }`)).toEqual([])
    expect(linesFor(`{ ${unleash} }, maxAge: 29s }`)).toEqual([
      'flags.maxAge must be at least twice flags.unleash.interval: 30s',
    ])
    expect(linesFor(`{ ${unleash}, interval: 1m }, maxAge: 1m }`)).toEqual([
      'flags.maxAge must be at least twice flags.unleash.interval: 120s',
    ])
    expect(linesFor('{ openFeature: { module: f.mjs }, maxAge: 29s }')).toEqual([
      'flags.maxAge must be at least twice flags.openFeature.interval: 30s',
    ])
  })

  test('a provider is asked for a flag once: rollouts of one flag are of one group', () => {
    const of = (one: string, other: string, flags = '{ openFeature: { module: f.mjs } }') =>
      linesOf(
        small(
          `  again: { match: { paths: ["/v1/messages"] }, control: official, canary: relay, ${other}, guard: {} }`,
        )
          .replace('flag: f', one)
          .replace('{ file: flags/relay.json }', flags),
      )
    expect(of('flag: f', 'flag: f')).toEqual([])
    expect(of('flag: f', 'flag: f, groupId: f')).toEqual([])
    expect(of('flag: f', 'flag: g, groupId: f')).toEqual([])
    expect(of('flag: f, groupId: g', 'flag: f, groupId: g')).toEqual([])
    expect(of('flag: f', 'flag: f, groupId: g')).toEqual([
      'rollouts.again.groupId must be that of rollouts.relay, which has the same flag: flags.openFeature asks a flag once',
    ])
    expect(of('flag: f, groupId: g', 'flag: f')).toEqual([
      'rollouts.again.flag must be that of rollouts.relay, which has the same flag: flags.openFeature asks a flag once',
    ])
    expect(of('flag: f', 'flag: f, groupId: g', '{ file: flags/relay.json }')).toEqual([])
  })

  test('a provider is a module, asked at an interval that is neither a storm nor a day', () => {
    const of = (openFeature: string) =>
      linesOf(small().replace('{ file: flags/relay.json }', `{ openFeature: ${openFeature} }`))
    expect(of('{ module: ./flags.mjs, interval: 1h }')).toEqual([])
    expect(of('{ module: "@openfeature/env-var-provider" }')).toEqual([
      expect.stringContaining('flags.openFeature.module must be a module'),
    ])
    expect(of('{ module: f.mjs, interval: 500ms }')).toEqual([
      expect.stringContaining('flags.openFeature.interval must be in 1s..1h'),
    ])
  })

  test('the URL of a flag server usually ends in /api, and that is noted', () => {
    const notesFor = (url: string): string[] =>
      remarksOf(
        small().replace(
          '{ file: flags/relay.json }',
          `{ unleash: { url: "${url}", token: { env: T } } }`,
        ),
      )
    expect(notesFor('https://u.example/api/')).toEqual([])
    expect(notesFor('https://u.example')).toEqual([
      'flags.unleash.url does not end in /api, as the API of Unleash usually does',
    ])
    expect(notesFor('https://u.example/api/client/features')).toEqual([
      'flags.unleash.url ends behind /api: the URL of the API itself is wanted, such as https://unleash.example/api',
    ])
  })

  test('rollouts that share a flag are noted where one rollback would turn it off for all', () => {
    const both = small(`  second: ${rollout(', models: [a]').replace('completions', 'more')}`)
    const unleash =
      '{ url: "https://u.example/api", token: { env: T }, writeBack: { token: { env: A } } }'
    const notesFor = (text: string): string[] =>
      remarksOf(text).filter((note) => note.includes('turns it off'))
    expect(notesFor(both)).toEqual([])
    const written = both.replace('{ file: flags/relay.json }', `{ unleash: ${unleash} }`)
    expect(notesFor(written)).toEqual([
      'rollouts.second.flag is f, as of other rollouts (relay, second): written back, a rollback of one turns it off for all of them',
    ])
    expect(notesFor(written.replace('flag: f', 'flag: g'))).toEqual([])
  })

  test('a rollout behind one that takes everything is noted', () => {
    const reached = remarksOf(small(`  second: ${rollout(', models: [a]')}`))
    expect(reached).toEqual([
      'rollouts.second is never reached: rollouts.relay before it takes every request to its paths',
    ])
    const part = `  second: ${rollout('')}`.replace('["', '["/v1/embeddings", "')
    expect(remarksOf(small(part))).toEqual([
      'rollouts.second.match.paths[1] is never reached: rollouts.relay before it takes every request to this path',
    ])
  })

  test.each([', models: [a]', ', headers: { x-team: [a] }'])(
    'a rollout behind one that takes only some (%s) is reached',
    (restriction) => {
      const first = small().replace('completions"] }', `completions"]${restriction} }`)
      expect(notesOf(`${first}  second: ${rollout('')}`)).toEqual([])
    },
  )

  test('equal steps and falling steps are faults, rising ones are not', () => {
    const plan = (steps: string) =>
      linesOf(small().replace('flag: f', `flag: f, plan: { steps: [${steps}] }`))
    expect(plan('0%, 0.01%, { share: 50% }, 100%')).toEqual([])
    expect(plan('5%, 5%')).toHaveLength(1)
    expect(plan('5%, 1%, 6%, { share: 5.5% }')).toEqual([
      'rollouts.relay.plan.steps[1] must be above the step before (5%), got 1%',
      'rollouts.relay.plan.steps[3].share must be above the step before (6%), got 5.5%',
    ])
  })
})

describe('open doors', () => {
  const server = (host: string, more = '') => linesOf(small(`server: { host: "${host}"${more} }`))

  test.each(['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', 'LOCALHOST'])(
    '%s is loopback and open to nobody',
    (host) => {
      expect(server(host)).toEqual([])
    },
  )

  test.each(['0.0.0.0', '::', '10.0.0.4', 'headgate.internal', '128.0.0.1', '127.0.0.1.example'])(
    '%s needs callers',
    (host) => {
      expect(server(host)).toEqual([
        `server.host is not loopback, and there are no callers: anyone who reaches it would spend your keys, got "${host}": name callers, or write server.open: true where something else keeps the door`,
      ])
    },
  )

  test('callers, or open: true, open it', () => {
    expect(server('0.0.0.0', ', open: true')).toEqual([])
    expect(
      linesOf(small(`server: { host: 0.0.0.0 }\ncallers: [{ name: a, sha256: ${HASH} }]`)),
    ).toEqual([])
    expect(server('0.0.0.0', ', open: false')).toHaveLength(1)
  })
})

test.each([
  ['{ viewer: { env: VIEWER } }', []],
  ['{ token: { env: A }, viewer: { env: B } }', []],
  ['{ token: { file: a }, viewer: { env: a } }', []],
  ['{ token: { env: A }, viewer: { env: A } }', [SAME]],
  ['{ token: { file: a }, viewer: { file: a } }', [SAME]],
  ['{ viewer: { env: HEADGATE_TOKEN } }', [SAME]],
])('a viewer has a token of its own: control: %s', (control, faults) => {
  expect(linesOf(small(`control: ${control}`))).toEqual(faults)
})

describe('base URLs', () => {
  const base = (url: string) => linesOf(small().replace('https://relay.example/v1', () => url))

  test.each([
    'https://relay.example/v1',
    'https://relay.example/v1/',
    'https://relay.example:8443/openai/v1',
    'https://10.0.0.4/v1',
    'http://127.0.0.1:9000/v1',
    'http://127.1/v1',
    'http://localhost:9000/v1',
    'http://[::1]:9000/v1',
  ])('%s is taken', (url) => {
    expect(base(url)).toEqual([])
  })

  test.each([
    ['http://relay.example/v1', 'https:'],
    ['http://localhost.example/v1', 'https:'],
    ['http://10.0.0.4/v1', 'https:'],
    ['http://[::2]/v1', 'https:'],
    ['ftp://relay.example/v1', 'https: URL'],
    ['relay.example/v1', 'https: URL'],
    ['', 'https: URL'],
    ['https://me:hunter2@relay.example/v1', 'credentials'],
    ['https://hunter2@relay.example/v1', 'credentials'],
    ['https://relay.example/v1?key=hunter2', 'query'],
    ['https://relay.example/v1?', 'query'],
    ['https://relay.example/v1#', 'fragment'],
    ['https://relay.example/v1#hunter2', 'fragment'],
    ['https://relay.example/../v1', '. or ..'],
    ['https://relay.example/a/./v1', '. or ..'],
    ['https://relay.example/a/..', '. or ..'],
    ['https://relay.example/a/%2E%2e/v1', '. or ..'],
    ['https://relay.example/a%2fv1', 'plain path'],
    ['https://relay.example//v1', 'plain path'],
    ['https://relay.example/v1;a', 'plain path'],
    ['https://relay.example/a b', 'plain path'],
  ])('C12: %s is refused, and not printed', (url, word) => {
    const [line, ...more] = base(url)
    expect(more).toEqual([])
    expect(line).toMatch(/^upstreams\.relay\.baseUrl /)
    expect(line).toContain(word)
    expect(line).not.toContain('hunter2')
  })

  test.each([
    ['https://relay.example', 'has no path'],
    ['https://relay.example/v1/v1', '/v1 once'],
    ['https://relay.example/v1/chat/completions', 'endpoint'],
  ])('%s is taken with a note', (url, word) => {
    expect(base(url)).toEqual([])
    expect(notesOf(small().replace('https://relay.example/v1', url))[0]?.message).toContain(word)
  })
})

describe('headers of an upstream', () => {
  const headers = (text: string) =>
    linesOf(small().replace('models: {}', () => `headers: { ${text} }`))

  test('plain text and references are taken', () => {
    expect(headers('openai-organization: org-1, x-key: { env: K }, x-note: "a b"')).toEqual([])
  })

  test.each(['authorization', 'x-api-key', 'api-key', 'cookie', 'x-relay-token', 'x-secret'])(
    'a literal %s is a secret, and refused',
    (name) => {
      const [line] = headers(`${name}: hunter2`)
      expect(line).toContain('holds a secret itself')
      expect(line).not.toContain('hunter2')
    },
  )

  test.each(['host', 'content-length', 'connection', 'transfer-encoding', 'x-headgate-arm'])(
    '%s is not for config',
    (name) => {
      expect(headers(`${name}: a`)[0]).toContain('is a header that Headgate sets itself')
    },
  )

  test('a line end cannot be smuggled in', () => {
    expect(headers('x-a: "b\\r\\nx-c: d"')[0]).toContain('must be text that a header can carry')
  })
})

describe('retries and limits', () => {
  const relay = (rest: string) => small().replace('  relay: {', `  relay: { ${rest},`)

  test('keys that do nothing are noted', () => {
    expect(remarksOf(relay('retry: { backoff: 1s }'))).toEqual([
      'upstreams.relay.retry does nothing: write attempts: 2 to try again',
    ])
    expect(remarksOf(relay('limits: { queue: { size: 3 } }'))).toEqual([
      'upstreams.relay.limits does nothing: it names none of concurrency, rpm, tpm',
    ])
    expect(remarksOf(relay('limits: { rpm: 60, queue: { size: 0 } }'))).toEqual([])
  })

  test('one arm that is tried twice beside one that is not is noted', () => {
    expect(remarksOf(relay('retry: { attempts: 2 }'))).toEqual([
      'rollouts.relay compares relay, which is tried twice, with official, which is not: give both the same retry',
    ])
    const both = relay('retry: { attempts: 2 }').replace(
      '  official: {',
      '  official: { retry: { attempts: 2 },',
    )
    expect(remarksOf(both)).toEqual([])
  })

  test.each([
    ['retry: { attempts: 3 }', 'attempts'],
    ['retry: { attempts: 2, on: [timeout] }', 'on[0]'],
    ['retry: { attempts: 2, backoff: 2d }', 'backoff'],
    ['limits: { concurrency: 0 }', 'concurrency'],
    ['limits: { rpm: 1.5 }', 'rpm'],
    ['limits: { rpm: 1, queue: { size: -1 } }', 'size'],
    ['limits: { rps: 1 }', 'rps'],
  ])('%s is refused', (rest, key) => {
    const lines = linesOf(relay(rest))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(key)
  })
})
