// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config file's own ${…}, as text.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { configOf, faultsOf, linesOf, notesOf, PRODUCT, read, small } from './read.ts'

/** Splits a text at `«`, which stands where the fault must be. */
function marked(text: string): { text: string; line: number; column: number } {
  const at = text.indexOf('«')
  const before = text.slice(0, at)
  return {
    text: text.replace('«', ''),
    line: before.split('\n').length,
    column: at - before.lastIndexOf('\n'),
  }
}

describe('a good file', () => {
  test('the example of the product page parses, and says what nothing would roll back', () => {
    const config = configOf(PRODUCT)
    expect(config.rollouts['relay']?.plan?.steps).toEqual([
      100, 200, 500, 1000, 2500, 5000, 7500, 9900,
    ])
    expect(config.rollouts['relay']?.plan?.over).toBe(14 * 86_400_000)
    expect(config.upstreams['relay']?.timeouts).toEqual({
      connect: 3_000,
      firstByte: 60_000,
      idle: 30_000,
      total: 200_000,
    })
    expect(notesOf(PRODUCT).map(String)).toEqual([
      'headgate.yaml:26:3 rollouts.relay-messages has neither plan nor guard: its flag alone decides, and nothing rolls it back',
    ])
  })

  test('a small file has every default filled in and no note', () => {
    const parsed = read(small())
    expect(parsed.notes).toEqual([])
    expect(configOf(small())).toMatchObject({
      server: { host: '127.0.0.1', port: 8787, drainTimeout: 30_000, maxBody: 32_000_000 },
      flags: { maxAge: 900_000 },
      rollouts: { relay: { kill: 'headgate-kill', failover: true, force: false } },
    })
  })

  test('JSON is read as well, tabs and all', () => {
    const json = JSON.stringify(
      { version: 1, upstreams: { a: { baseUrl: 'https://a.example/v1' } } },
      null,
      '\t',
    )
    expect(configOf(json).upstreams['a']?.baseUrl).toBe('https://a.example/v1')
    expect(linesOf('{\n\t"version": 1,\n\t"upstreams": {},\n\t"version": 1\n}')).toEqual([
      '3:2 upstreams must name at least one upstream',
      '4:2 version is there twice, first on line 2: keep one',
    ])
  })

  test('an anchor is written once and used twice', () => {
    const config = configOf(
      'version: 1\nclasses:\n  simple: &t { idle: 5s }\n  batch: *t\nupstreams: { a: { baseUrl: "https://a.example/v1" } }',
    )
    expect(config.classes).toEqual({ simple: { idle: 5_000 }, batch: { idle: 5_000 } })
  })

  test('rollouts keep the order of the file, which decides who wins', () => {
    const one =
      '{ match: { paths: ["/v1/embeddings"] }, control: official, canary: relay, flag: f, guard: {} }'
    const config = configOf(small(`  z2: ${one}\n  a10: ${one}\n`))
    expect(Object.keys(config.rollouts)).toEqual(['relay', 'z2', 'a10'])
    expect(linesOf(small(`  "10": ${one}\n`))).toEqual([
      '8:3 rollouts["10"] has a name that must be 1..63 lower-case letters, digits, - or _, and not digits alone, got "10"',
    ])
  })
})

describe('a fault stands where the mistake is', () => {
  const cases: readonly [what: string, text: string, message: string][] = [
    [
      'a misspelt key',
      small('server: { «prot: 1 }'),
      'server has no key "prot": did you mean "port"?',
    ],
    [
      'a misspelt key at the top',
      small('«sever: {}'),
      'has no key "sever": did you mean "server"?',
    ],
    [
      'an upstream that is not there',
      small('default: { openai: «offical }'),
      'default.openai names no upstream, got "offical": did you mean "official"?',
    ],
    [
      'an upstream that nobody can guess',
      small('default:\n  openai: «azure'),
      'default.openai names no upstream, got "azure": known here: official, relay',
    ],
    [
      'a number beyond its bound',
      small('server:\n  port: «70000'),
      'server.port must be a whole number in 0..65535, got 70000',
    ],
    [
      'text where a number belongs',
      small('server:\n  port: «"http"'),
      'server.port must be a whole number in 0..65535, got "http"',
    ],
    [
      'a number where a duration belongs',
      small('server: { drainTimeout: «30 }'),
      'server.drainTimeout must be a duration such as 30s, got 30: write 30s or 30ms',
    ],
    [
      'YAML 1.1 truth',
      small('server: { open: «yes }'),
      'server.open must be true or false, got "yes": write true',
    ],
    [
      'a word that is not on the list',
      small(`callers: [{ name: a, sha256: ${'a'.repeat(64)}, unit: «heder }]`),
      'callers[0].unit must be one of header, caller, got "heder": did you mean "header"?',
    ],
    [
      'a path that cannot be split',
      small().replace('"/v1/chat/completions"', '«"/v1/chat/completion"'),
      'rollouts.relay.match.paths[0] must be one of /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses, /v1/messages, /v1/messages/count_tokens, got "/v1/chat/completion": did you mean "/v1/chat/completions"?',
    ],
    [
      'a key that is missing: its map',
      small().replace('  relay: { match', '  «relay: { match').replace(', flag: f', ''),
      'rollouts.relay.flag is missing: it must be text',
    ],
    [
      'a key without a value',
      small('«control:'),
      'control must be a map, got nothing: fill it in, or leave the key out',
    ],
    [
      'a map where a list belongs',
      small('«callers: { name: a }'),
      'callers must be a list, got a map',
    ],
    [
      'one text where a list belongs',
      small().replace('["/v1/chat/completions"]', '«"/v1/embeddings"'),
      'rollouts.relay.match.paths must be a list, got "/v1/embeddings": write ["/v1/embeddings"]',
    ],
    [
      'a key twice',
      small('server: { port: 1 }\n«server: { port: 2 }'),
      'server is there twice, first on line 8: keep one',
    ],
    [
      'a share beyond 100 %',
      PRODUCT.replace('99%]', '«120%]'),
      'rollouts.relay.plan.steps[7] must be a percentage in 0%..100%, to 0.01%, got "120%"',
    ],
    [
      'a step that does not climb',
      PRODUCT.replace('2%, 5%', '2%, «2%'),
      'rollouts.relay.plan.steps[2] must be above the step before (2%), got 2%',
    ],
    [
      'a step with a misspelt key',
      PRODUCT.replace('2%, 5%', '2%, { share: 5%, «dwel: 1d }'),
      'rollouts.relay.plan.steps[2] has no key "dwel": did you mean "dwell"?',
    ],
    [
      'two ways to prove oneself',
      small().replace(
        '{ bearer: { env: RELAY_API_KEY } }',
        '{ bearer: { env: A }, «apiKey: { env: B } }',
      ),
      'upstreams.relay.auth takes either bearer or apiKey, not both',
    ],
    [
      'an unknown way to prove oneself',
      small().replace('{ bearer: { env: RELAY_API_KEY } }', '{ «baerer: { env: A } }'),
      'upstreams.relay.auth has no key "baerer": did you mean "bearer"?',
    ],
    [
      'a name with capitals',
      'version: 1\nupstreams:\n  «Official: { baseUrl: "https://a.example/v1" }',
      'upstreams.Official has a name that must be 1..63 lower-case letters, digits, - or _, and not digits alone, got "Official"',
    ],
    [
      'a class that is not one',
      small('classes: { «simpel: {} }'),
      'classes has no key "simpel": did you mean "simple"?',
    ],
    ['another version', small().replace('version: 1', 'version: «2'), 'version must be 1, got 2'],
    ['a tab', 'version: 1\nserver:\n«\tport: 1', 'is indented with a tab: use spaces'],
    ['an open quote', 'version: 1\n$schema: "x«', 'is not YAML here: Missing closing "quote'],
    [
      'a bracket too many',
      'version: 1\nserver: «}',
      'is not YAML here: something stands where nothing can: quote the value, or close the bracket or quote before it',
    ],
    ['two documents', 'version: 1\n«---\nversion: 1', 'holds a second document (---): keep one'],
    [
      'a merge key',
      small('server:\n  «<<: { port: 1 }'),
      'server has a merge key (<<), which YAML 1.2 does not know: write the keys out',
    ],
    [
      'an unknown tag',
      small('server: «!ENV x'),
      'has a tag (!…) that is not known here: leave it out',
    ],
    [
      'an alias to nothing',
      small('server: «*base'),
      'server refers to an anchor that does not exist',
    ],
    ['nothing at all', '«', 'is empty: it needs at least version and upstreams'],
    ['only a comment', '«# to do\n', 'is empty: it needs at least version and upstreams'],
    ['a list', '«- version: 1', 'must be { version: …, upstreams: … }, got a list'],
    [
      'a place after a line of another script',
      small('# 流量 😀\nserver: { «prot: 1 }'),
      'server has no key "prot": did you mean "port"?',
    ],
    [
      'a place on the first line, after a byte order mark',
      `\uFEFF{ «sever: 1, version: 1, upstreams: { a: { baseUrl: "https://a.example/v1" } } }`,
      'has no key "sever": did you mean "server"?',
    ],
    [
      'a place in a file with a byte order mark and CRLF',
      `\uFEFF${small('server: { «prot: 1 }').replaceAll('\n', '\r\n')}`,
      'server has no key "prot": did you mean "port"?',
    ],
  ]

  test.each(cases)('%s', (_, withMark, message) => {
    const { text, line, column } = marked(withMark)
    // The mark itself is no column of the file, nor is a byte order mark.
    const shift = text.startsWith('\uFEFF') && line === 1 ? 1 : 0
    expect(linesOf(text)).toEqual([`${line}:${column - shift} ${message}`])
  })

  test('all faults come at once, in the order of the file, whatever found them', () => {
    const text = `version: 1
server: { port: 99999, opne: true }
upstreams:
  relay: { baseUrl: "http://relay.example/v1", auth: passthrough }
rollouts:
  relay: { match: { paths: ["/v1/embeddings"] }, control: official, canary: relay, flag: "\${FLAG}" }
callers: [{ name: a, sha256: short }]
`
    expect(linesOf(text).map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      '2:17 server.port',
      '2:24 server',
      '4:21 upstreams.relay.baseUrl',
      '4:54 upstreams.relay.auth',
      '5:1 rollouts',
      '6:59 rollouts.relay.control',
      '6:91 rollouts.relay.flag',
      '7:30 callers[0].sha256',
    ])
  })

  test('faults say their file, and print as one line each', () => {
    const [fault] = faultsOf(small('sever: {}'))
    expect(fault).toMatchObject({
      file: 'headgate.yaml',
      line: 8,
      column: 1,
      path: '',
      message: 'has no key "sever"',
      suggestion: 'did you mean "server"?',
    })
    expect(String(fault)).toBe('headgate.yaml:8:1 has no key "sever": did you mean "server"?')
  })

  test('notes are there beside faults', () => {
    const parsed = read(small('state: { memory: true }\nsever: {}'))
    expect(parsed.ok).toBe(false)
    expect(parsed.notes.map(({ path }) => path)).toEqual(['state.memory'])
  })
})

describe('what could exhaust or confuse a reader', () => {
  test('aliases that multiply are stopped', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let at = 1; at < 9; at++) {
      lines.push(
        `a${at}: &a${at} [${Array(10)
          .fill(`*a${at - 1}`)
          .join(', ')}]`,
      )
    }
    expect(linesOf(lines.join('\n')).join('\n')).toContain('aliases multiply')
  })

  test('an alias of itself is stopped', () => {
    expect(linesOf('version: &v [*v]').join('\n')).toContain('nested deeper than 64 levels')
  })

  test('deep nesting is one fault, not a full stack', () => {
    expect(linesOf('['.repeat(20_000))).toHaveLength(1)
    expect(linesOf(`version: ${'['.repeat(100)}${']'.repeat(100)}`).join('\n')).toContain(
      'nested deeper than 64 levels',
    )
  })

  test('a file of a megabyte and more is not read', () => {
    expect(linesOf(`# ${'x'.repeat(1_000_000)}`)).toEqual([
      '1:1 is 1000002 characters long; a config file has at most 1000000',
    ])
  })

  test('__proto__ is no key', () => {
    expect(linesOf(small('server:\n  __proto__: { port: 1 }'))).toEqual([
      '9:3 server may not have a key __proto__',
    ])
    expect(({} as Record<string, unknown>)['port']).toBeUndefined()
  })

  test('any text gives an answer and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const parsed = read(text)
        expect(parsed.ok || parsed.faults.length > 0).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('any damage to a good file gives an answer with places inside the file', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ': ',
        '- ',
        '\n',
        '"',
        "'",
        '#',
        '&a ',
        '*a',
        '!',
        '${',
        '|',
        '? ',
        '\t',
        '%',
      ),
      fc.string({ maxLength: 5 }),
    )
    const damage = fc.record({
      at: fc.nat(PRODUCT.length),
      cut: fc.nat(40),
      put: piece,
    })
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
        let text = PRODUCT
        for (const { at, cut, put } of damages)
          text = text.slice(0, at) + put + text.slice(at + cut)
        const parsed = read(text)
        if (parsed.ok) return
        expect(parsed.faults.length).toBeGreaterThan(0)
        const lines = text.split('\n')
        for (const { line, column } of parsed.faults) {
          expect(column).toBeGreaterThanOrEqual(1)
          expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? -1) + 1)
        }
      }),
      { numRuns: 200 },
    )
  })
})
