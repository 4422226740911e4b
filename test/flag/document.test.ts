import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashOf, MAX_DOCUMENT_CHARS, parseDocument } from '../../src/flag/document.ts'
import { documentOf, gradual, type Loose, relay } from './documents.ts'

function faultsOf(value: unknown): readonly string[] {
  const parsed = parseDocument(typeof value === 'string' ? value : JSON.stringify(value))
  return parsed.ok ? [] : parsed.faults
}

function withRollout(rollout: unknown): unknown {
  return { version: 2, features: [relay([gradual(1, {}, { rollout })])] }
}

describe('a flag document', () => {
  it('is read as it was written, unknown keys and all', () => {
    const value = {
      version: 2,
      query: { environment: 'production' },
      segments: [{ id: 1, name: 'eu', constraints: [] }],
      features: [relay([gradual('5', { sortOrder: 3, title: null })], { stale: false })],
    }
    expect(parseDocument(JSON.stringify(value))).toEqual({ ok: true, document: value })
  })

  it('may be of version 1: no segments, no constraints', () => {
    const value = {
      version: 1,
      features: [{ name: 'a', enabled: true, strategies: [{ name: 'default' }] }],
    }
    expect(faultsOf(value)).toEqual([])
  })

  it('may leave lists null', () => {
    const nulls = { variants: null, dependencies: null }
    const strategy = {
      name: 'default',
      parameters: null,
      constraints: null,
      segments: null,
      variants: null,
    }
    expect(faultsOf({ segments: null, features: [relay([strategy], nulls)] })).toEqual([])
  })

  it.each(['0', '1', '5', '33.3', '100', '100.0', 0, 50, 99.5, 100])(
    'takes the percent %j',
    (rollout) => {
      expect(faultsOf(withRollout(rollout))).toEqual([])
    },
  )

  it.each([
    '1e9',
    '1e1',
    '-1',
    -1,
    'NaN',
    101,
    '100.1',
    1e9,
    '0x10',
    'Infinity',
    '',
    ' 5',
    '5%',
    true,
    [5],
    {},
  ])('is refused whole for the percent %j', (rollout) => {
    expect(faultsOf(withRollout(rollout))).toEqual([
      expect.stringMatching(
        /^features\[0\] "headgate-relay" strategies\[0\] "flexibleRollout" parameters\.rollout must be a percentage in 0\.\.100, got /,
      ),
    ])
  })

  it.each(['gradualRolloutUserId', 'gradualRolloutSessionId', 'gradualRolloutRandom'])(
    'is refused whole for a percentage beyond 100 in %s',
    (name) => {
      expect(
        faultsOf({ features: [relay([{ name, parameters: { percentage: '101' } }])] }),
      ).toEqual([
        `features[0] "headgate-relay" strategies[0] "${name}" parameters.percentage must be a percentage in 0..100, got "101"`,
      ])
    },
  )

  it('leaves the parameters of strategies it does not know alone', () => {
    const custom = { name: 'byPlan', parameters: { rollout: 'fast', percentage: 'most' } }
    expect(faultsOf({ features: [relay([custom])] })).toEqual([])
  })

  const wrong: [string, unknown, string][] = [
    ['a list', [], 'the document must be an object with a list "features", got a list'],
    [
      'a text',
      '"features"',
      'the document must be an object with a list "features", got "features"',
    ],
    ['null', 'null', 'the document must be an object with a list "features", got null'],
    ['no features', {}, 'features must be a list of features, got nothing'],
    [
      'features that are an object',
      { features: {} },
      'features must be a list of features, got an object',
    ],
    ['HTML', '<!doctype html><html>', 'the document is not JSON; it looks like HTML'],
    ['nothing', ' \n', 'the document is empty'],
    [
      'a delta',
      { events: [] },
      'the document is a delta ("events"); only whole documents are read',
    ],
    [
      'segments of text',
      { features: [], segments: 'x' },
      'segments must be a list of segments, got "x"',
    ],
    [
      'enabled as text',
      { features: [relay([], { enabled: 'true' })] },
      'features[0] "headgate-relay" enabled must be true or false, got "true"',
    ],
    [
      'no strategies',
      { features: [{ name: 'a', enabled: true }] },
      'features[0] "a" strategies must be a list, got nothing',
    ],
    [
      'a strategy without a name',
      { features: [relay([{ parameters: {} }])] },
      'features[0] "headgate-relay" strategies[0] name must be a text, got nothing',
    ],
    [
      'a groupId that is a number',
      { features: [relay([gradual(1, {}, { groupId: 7 })])] },
      'features[0] "headgate-relay" strategies[0] "flexibleRollout" parameters.groupId must be a text, got 7',
    ],
    [
      'values that are numbers',
      {
        features: [
          relay([gradual(1, { constraints: [{ contextName: 'm', operator: 'IN', values: [1] }] })]),
        ],
      },
      'features[0] "headgate-relay" strategies[0] "flexibleRollout" constraints[0] values[0] must be a text, got 1',
    ],
    [
      'a negative weight',
      { features: [relay([], { variants: [{ name: 'canary', weight: -1 }] })] },
      'features[0] "headgate-relay" variants[0] "canary" weight must be a number of at least 0, got -1',
    ],
    [
      'a feature named twice',
      { features: [relay([]), relay([])] },
      'features: "headgate-relay" is there twice',
    ],
    [
      'a segment numbered twice',
      { features: [], segments: [{ id: 4 }, { id: 4 }] },
      'segments: 4 is there twice',
    ],
  ]
  it.each(wrong)('is refused whole for %s', (_what, value, fault) => {
    expect(faultsOf(value)).toEqual([fault])
  })

  it('is refused when truncated anywhere', () => {
    const whole = JSON.stringify({ version: 2, features: [relay([gradual(5)])] })
    for (let length = 0; length < whole.length; length++) {
      expect(faultsOf(whole.slice(0, length))).toHaveLength(1)
    }
  })

  it('reports every fault, and no more than 20 lines of them', () => {
    const two = { features: [relay([gradual('-1')]), { name: 'b', enabled: 1, strategies: [] }] }
    expect(faultsOf(two)).toHaveLength(2)
    const many = { features: Array.from({ length: 50 }, () => ({})) }
    expect(faultsOf(many)).toHaveLength(21)
    expect(faultsOf(many).at(-1)).toMatch(/^and \d+ more$/)
  })

  it('is refused at 5 MB, and read just below', () => {
    const padded = (length: number) => {
      const start = '{"features":[],"pad":"'
      return `${start}${'x'.repeat(length - start.length - 2)}"}`
    }
    expect(faultsOf(padded(MAX_DOCUMENT_CHARS))).toEqual([
      'the document must be under 5000000 characters, got 5000000 characters',
    ])
    expect(faultsOf(padded(MAX_DOCUMENT_CHARS - 1))).toEqual([])
  })

  it('keeps control characters and long values out of its faults', () => {
    const name = `a\n\u0000${'b'.repeat(500)}`
    const [fault] = faultsOf({ features: [{ name, enabled: 'x'.repeat(500), strategies: [] }] })
    expect(fault).not.toMatch(/\p{Cc}/u)
    expect(fault?.length).toBeLessThan(220)
    expect(faultsOf('\u0000\u0001garbage')[0]).not.toMatch(/\p{Cc}/u)
  })

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.jsonValue().map(wrapped)), (text) => {
        const parsed = parseDocument(text)
        expect(parsed.ok || parsed.faults.length > 0).toBe(true)
      }),
    )
    expect(faultsOf('['.repeat(200_000))).toHaveLength(1)
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    expect(faultsOf(`{"features":[${deep}]}`).length).toBeGreaterThan(0)
    expect(
      faultsOf('{"features":[{"__proto__":{"name":"a"},"enabled":true,"strategies":[]}]}'),
    ).toHaveLength(1)
  })
})

function wrapped(value: unknown): string {
  return JSON.stringify({ features: [relay([value as Loose])], segments: [value] })
}

describe('the hash of a document', () => {
  it('is 12 hex digits, the same however the JSON was spaced, and another for another percent', () => {
    const one = documentOf([relay([gradual('5')])])
    const spaced = parseDocument(JSON.stringify(one, null, 4))
    if (!spaced.ok) throw new Error('refused')
    expect(hashOf(one)).toMatch(/^[0-9a-f]{12}$/)
    expect(hashOf(spaced.document)).toBe(hashOf(one))
    const hashes = Array.from({ length: 101 }, (_, p) => hashOf(documentOf([relay([gradual(p)])])))
    expect(new Set(hashes).size).toBe(101)
  })
})
