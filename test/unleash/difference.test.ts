import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FlagDocument, FlagFeature } from '../../src/flag/document.ts'
import { parseDocument } from '../../src/flag/document.ts'
import { killedBy, ruleOf } from '../../src/flag/evaluate.ts'
import type { AdminFlag, AdminSegment, AdminStrategy } from '../../src/unleash/admin.ts'
import {
  type Change,
  type Difference,
  differenceOf,
  documentOf,
  neededOf,
  type RolloutFlags,
  type Server,
} from '../../src/unleash/difference.ts'
import { pulledText } from '../../src/unleash/pulled.ts'

const USE: RolloutFlags = { rollout: 'relay', flag: 'flag', kill: 'kill', groupId: 'flag' }
const NAMES = new Set(['flexibleRollout', 'default', 'remoteAddress'])
const MODEL = { contextName: 'model', operator: 'IN', values: ['gpt-5.2'] }

type Loose = Readonly<Record<string, unknown>>

const gradual = (rollout: unknown, more: Loose = {}) => ({
  name: 'flexibleRollout',
  parameters: { rollout, groupId: 'flag', stickiness: 'default' },
  ...more,
})
const flag = (strategies: readonly Loose[], more: Loose = {}) => ({
  name: 'flag',
  enabled: true,
  strategies,
  ...more,
})
const kill = (enabled: boolean) => ({ name: 'kill', enabled, strategies: [{ name: 'default' }] })

function documentWith(features: readonly Loose[], segments: readonly Loose[] = []): FlagDocument {
  const parsed = parseDocument(JSON.stringify({ version: 2, features, segments }))
  if (!parsed.ok) throw new Error(parsed.faults.join())
  return parsed.document
}

type FlagChange = Exclude<Change, { kind: 'create_segment' | 'update_segment' | 'create_flag' }>

/** An Unleash in memory: what a change does there, 8.2.0's own ideas included. */
class Model implements Server {
  readonly flags = new Map<string, AdminFlag>()
  segments: AdminSegment[] = []
  readonly strategyNames = NAMES
  #ids = 100

  constructor(document: FlagDocument = documentWith([])) {
    this.segments = (document.segments ?? []) as unknown as AdminSegment[]
    for (const one of document.features) this.flags.set(one.name, this.#flagOf(one))
  }

  #flagOf({ name, enabled, strategies, dependencies, ...more }: FlagFeature): AdminFlag {
    const { type = 'release', impressionData = false } = more as Partial<AdminFlag>
    return {
      name,
      type,
      description: null,
      impressionData,
      parents: (dependencies ?? []) as AdminFlag['parents'],
      enabled,
      strategies: strategies.map((one) => this.#strategyOf(one)),
    }
  }

  #strategyOf(body: object): AdminStrategy {
    return { id: `id-${this.#ids++}`, disabled: false, ...body } as AdminStrategy
  }

  #set(name: string, more: Partial<AdminFlag>): void {
    this.flags.set(name, { ...(this.flags.get(name) as AdminFlag), ...more })
  }

  apply(change: Change, segmentIds: Map<number, number>): void {
    if (change.kind === 'create_segment') {
      const id = this.#ids++
      this.segments = [...this.segments, { ...change.body, id } as AdminSegment]
      segmentIds.set(change.id, id)
      return
    }
    if (change.kind === 'update_segment') {
      this.segments = this.segments.map((one) =>
        one.id === change.id ? ({ ...one, ...change.body } as AdminSegment) : one,
      )
      return
    }
    if (change.kind === 'create_flag') {
      const { flag: name } = change
      if (this.flags.has(name)) throw new Error(`${name} is there`)
      this.flags.set(name, {
        ...this.#flagOf({ name, enabled: false, strategies: [] }),
        ...change.head,
      })
      return
    }
    const there = this.flags.get(change.flag)
    if (there === undefined) throw new Error(`${change.flag} is not there`)
    this.#set(change.flag, this.#after(change, there, segmentIds))
  }

  #after(change: FlagChange, there: AdminFlag, ids: Map<number, number>): Partial<AdminFlag> {
    const { strategies, parents } = there
    const body = (of: { readonly segments: readonly number[] }) => ({
      ...of,
      segments: of.segments.map((id) => ids.get(id) ?? Number.NaN),
    })
    switch (change.kind) {
      case 'update_flag':
        return change.head
      case 'add_strategy':
        return {
          strategies: [...strategies, this.#strategyOf(body(change.body))],
        }
      case 'update_strategy':
        return {
          strategies: strategies.map((one) =>
            one.id === change.id ? { ...one, ...body(change.body) } : one,
          ) as AdminStrategy[],
        }
      case 'remove_strategy':
        return {
          strategies: strategies.filter(({ id }) => id !== change.id),
        }
      case 'add_parent':
        if (!this.flags.has(change.parent.feature)) throw new Error('no such parent')
        return {
          parents: [
            ...parents.filter(({ feature }) => feature !== change.parent.feature),
            change.parent,
          ],
        }
      case 'remove_parent':
        return {
          parents: parents.filter(({ feature }) => feature !== change.parent),
        }
      case 'turn_off':
        return { enabled: false }
      case 'turn_on': {
        const own = gradual('100', { groupId: change.flag })
        const isEmpty = strategies.every(({ disabled }) => disabled === true)
        const more = isEmpty ? [this.#strategyOf(own)] : []
        return { enabled: true, strategies: [...strategies, ...more] }
      }
    }
  }
}

function found(document: FlagDocument, server: Server): Extract<Difference, { ok: true }> {
  const difference = differenceOf(document, server, [USE])
  if (!difference.ok) throw new Error(difference.refusals.join())
  return difference
}

const wordsOf = (document: FlagDocument, server: Server): readonly string[] =>
  found(document, server).changes.map(({ words }) => words)

describe('a difference', () => {
  it.each<[string, readonly Loose[], readonly Loose[], readonly string[]]>([
    ['nothing, where both say the same', [flag([gradual(5)])], [flag([gradual('5')])], []],
    [
      'nothing, where one writes out what the other leaves out',
      [flag([gradual('5', { constraints: [MODEL], variants: null })])],
      [
        flag([
          gradual('5', {
            constraints: [{ ...MODEL, inverted: false, caseInsensitive: false }],
            segments: [],
            variants: [],
          }),
        ]),
      ],
      [],
    ],
    [
      'a percentage',
      [flag([gradual('5')])],
      [flag([gradual('1')])],
      ['~ flag "flag" strategies[0] parameters.rollout: "1" → "5"'],
    ],
    [
      'a switch',
      [flag([gradual('5')], { enabled: false })],
      [flag([gradual('5')])],
      ['~ flag "flag": on → off'],
    ],
    [
      'only the strategy that goes, at the front',
      [flag([gradual('5'), gradual('7')])],
      [flag([{ name: 'default' }, gradual('5'), gradual('7')])],
      ['- flag "flag" strategies[0] {"name":"default"}'],
    ],
    [
      'what is new, off until it is whole',
      [flag([gradual('5')], { type: 'experiment' })],
      [],
      [
        '+ flag "flag" (experiment)',
        '+ flag "flag" strategies[0] {"name":"flexibleRollout","parameters":{"groupId":"flag","rollout":"5","stickiness":"default"}}',
        '~ flag "flag": off → on',
      ],
    ],
    [
      'parents',
      [flag([gradual('5')], { dependencies: [{ feature: 'kill' }] }), kill(false)],
      [flag([gradual('5')], { dependencies: [{ feature: 'other', enabled: true }] }), kill(false)],
      [
        '+ flag "flag" depends on {"enabled":true,"feature":"kill","variants":[]}',
        '- flag "flag" depends on "other"',
      ],
    ],
  ])('is %s', (_, document, server, words) => {
    expect(wordsOf(documentWith(document), new Model(documentWith(server)))).toEqual(words)
  })

  it('leaves alone what people write on the page, and what is switched off there', () => {
    const server = new Model(documentWith([flag([gradual('5')])]))
    const there = server.flags.get('flag') as AdminFlag
    const strategies = [
      { ...there.strategies[0], id: 'off', disabled: true } as AdminStrategy,
      { ...there.strategies[0], title: 'ours' } as AdminStrategy,
    ]
    server.flags.set('flag', { ...there, strategies, description: 'by people' })
    expect(wordsOf(documentWith([flag([gradual('5')], { description: 'x' })]), server)).toEqual([])
    const [change] = found(documentWith([flag([gradual('9')])]), server).changes
    expect(change).toMatchObject({ kind: 'update_strategy', body: { title: 'ours' } })
    expect(change).not.toMatchObject({ id: 'off' })
  })

  it('knows segments by their names, whatever their numbers', () => {
    const segment = { id: 7, name: 'acme', constraints: [MODEL] }
    const document = documentWith([flag([gradual('5', { segments: [7] })])], [segment])
    const server = new Model(
      documentWith([flag([gradual('5', { segments: [3] })])], [{ ...segment, id: 3 }]),
    )
    expect(wordsOf(document, server)).toEqual([])
    const other = new Model(documentWith([], [{ ...segment, name: 'other' }]))
    expect(wordsOf(document, other)[0]).toMatch(/^\+ segment "acme"/)
  })

  it.each<[string, Loose, string]>([
    ['variants of the flag itself', { variants: [{ name: 'a', weight: 1 }] }, 'move them there'],
    ['a flag that is on without strategies', { strategies: [] }, 'Unleash would make one'],
    [
      'a strategy nobody knows',
      { strategies: [{ name: 'moon' }] },
      'is no strategy of this server',
    ],
    [
      'a strategy without its groupId',
      { strategies: [{ name: 'flexibleRollout', parameters: { rollout: '5' } }] },
      'has no parameters.groupId',
    ],
    [
      'a strategy without its percentage',
      { strategies: [{ name: 'flexibleRollout', parameters: { groupId: 'flag' } }] },
      'has no parameters.rollout',
    ],
    ['a parent that is nowhere', { dependencies: [{ feature: 'moon' }] }, 'depends on "moon"'],
    ['a segment that is nowhere', { strategies: [gradual('5', { segments: [9] })] }, 'segment 9'],
  ])('is refused for %s', (_, more, words) => {
    const difference = differenceOf(documentWith([flag([gradual('5')], more)]), new Model(), [USE])
    expect(difference.ok ? '' : difference.refusals.join()).toContain(words)
  })

  it('is refused for a segment without a name that is none of the server', () => {
    const segment = { id: 7, constraints: [MODEL] }
    const document = documentWith([flag([gradual('5', { segments: [7] })])], [segment])
    expect(differenceOf(document, new Model(), [USE])).toEqual({
      ok: false,
      refusals: ["segment 7 has no name, and is none of the server's: give it its name there"],
    })
    const same = new Model(documentWith([], [{ ...segment, name: 'acme' }]))
    expect(differenceOf(document, same, [USE]).ok).toBe(true)
  })
})

describe('a push wants a word', () => {
  it.each<[string, readonly Loose[], readonly Loose[], readonly string[]]>([
    ['for a greater share', [flag([gradual('5')])], [flag([gradual('1')])], ['relay: 1 % → 5 %']],
    ['for a flag turned on', [flag([gradual('5')])], [], ['relay: 0 % → 5 %']],
    [
      'for a kill flag turned off',
      [flag([gradual('5')]), kill(false)],
      [flag([gradual('5')]), kill(true)],
      ['relay: 0 % → 5 %'],
    ],
    [
      'for a constraint that is another',
      [flag([gradual('5', { constraints: [MODEL] })])],
      [flag([gradual('5', { constraints: [{ ...MODEL, values: ['other'] }] })])],
      ['relay: its flag decides request by request, and may let more through'],
    ],
    [
      'for a flag of no rollout',
      [{ ...flag([gradual('5')]), name: 'theirs' }],
      [],
      ['flag "theirs" is of no rollout, and changes'],
    ],
    ['not for a smaller share', [flag([gradual('1')])], [flag([gradual('5')])], []],
    ['not for a flag turned off', [flag([], { enabled: false })], [flag([gradual('5')])], []],
    [
      'not for a kill flag turned on, whatever else it raises',
      [flag([gradual('50')]), kill(true)],
      [flag([gradual('5')]), kill(false)],
      [],
    ],
    [
      'not for a flag that stays behind its kill flag',
      [flag([gradual('50')]), kill(true)],
      [flag([gradual('5')]), kill(true)],
      [],
    ],
  ])('%s', (_, document, server, raises) => {
    const { raises: is } = found(documentWith(document), new Model(documentWith(server)))
    expect(is).toEqual(raises)
  })

  it('for a flag whose only strategy is switched off on the server', () => {
    const server = new Model(documentWith([flag([gradual('100')])]))
    const there = server.flags.get('flag') as AdminFlag
    const strategies = there.strategies.map((one) => ({ ...one, disabled: true }))
    server.flags.set('flag', { ...there, strategies })
    expect(found(documentWith([flag([gradual('50')])]), server).raises).toEqual([
      'relay: 0 % → 50 %',
    ])
  })
})

describe('what a rollout needs', () => {
  it('is its flags, their parents and their segments, and nothing else', () => {
    const document = documentWith(
      [
        { ...flag([gradual('5')]), name: 'theirs' },
        flag([gradual('5', { segments: [2] })], { dependencies: [{ feature: 'parent' }] }),
        { ...flag([gradual('5', { segments: [3] })]), name: 'parent' },
        kill(false),
      ],
      [1, 2, 3].map((id) => ({ id, name: `segment ${id}`, constraints: [] })),
    )
    const { features, segments } = neededOf(document, [USE])
    expect(features.map(({ name }) => name)).toEqual(['flag', 'parent', 'kill'])
    expect(segments?.map(({ id }) => id)).toEqual([2, 3])
  })
})

// Any two documents

const percents = fc.constantFrom('0', '1', '5', '50', '100')
const strategies = fc.oneof(
  { weight: 4, arbitrary: percents.map((percent) => gradual(percent)) },
  { weight: 1, arbitrary: fc.constant({ name: 'default', parameters: {} }) },
  {
    weight: 1,
    arbitrary: fc
      .record({ percent: percents, segments: fc.subarray([1, 2]) })
      .map((one) => gradual(one.percent, { constraints: [MODEL], segments: one.segments })),
  },
  {
    weight: 1,
    arbitrary: percents.map((percent) =>
      gradual(percent, {
        variants: [
          { name: 'canary', weight: 1_000, weightType: 'variable', stickiness: 'default' },
        ],
      }),
    ),
  },
)
const features = (name: string, parents: readonly string[]) =>
  fc
    .record({
      enabled: fc.boolean(),
      strategies: fc.array(strategies, { minLength: 1, maxLength: 4 }),
      dependencies: fc.subarray(parents.map((feature) => ({ feature, enabled: true }))),
      type: fc.constantFrom('release', 'kill-switch'),
    })
    .map((one) => ({ name, ...one }))
const documents = fc
  .record({
    flag: fc.option(features('flag', ['parent'])),
    kill: fc.option(features('kill', [])),
    parent: features('parent', []),
    values: fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('a', 'b')),
  })
  .map((one) => {
    const segments = one.values.map((value, index) => ({
      id: index + 1,
      name: `segment ${index}`,
      constraints: [{ ...MODEL, values: [value] }],
    }))
    const all = [one.flag, one.kill, one.parent].filter((each) => each !== null)
    return documentWith(all, segments)
  })

const reachOf = (document: FlagDocument): number | null => {
  if (killedBy(document, 'kill')) return 0
  const rule = ruleOf(document, 'flag', 'flag')
  return rule.kind === 'off' ? 0 : rule.kind === 'ceiling' ? rule.shareBp : null
}

describe('any document pushed to any server', () => {
  it('is there afterwards, is nothing to do the second time, and is on the way never more open than at either end', () => {
    const seen = { writes: 0, ceilings: 0 }
    fc.assert(
      fc.property(documents, documents, (document, there) => {
        const server = new Model(there)
        const before = reachOf(documentOf(server))
        const { changes, segmentIds } = found(document, server)
        const ids = new Map(segmentIds)
        const after = reachOf(document)
        const most = before === null || after === null ? null : Math.max(before, after)
        // A flag that the document has not stays as it is.
        const isWhole = document.features.length === there.features.length
        for (const change of changes) {
          server.apply(change, ids)
          seen.writes++
          const now = reachOf(documentOf(server))
          if (most === null || now === null || !isWhole) continue
          seen.ceilings++
          expect(now, JSON.stringify(changes)).toBeLessThanOrEqual(most)
        }
        expect(wordsOf(document, server)).toEqual([])
        const names = new Set(document.features.map(({ name }) => name))
        const written = documentOf(server)
        const own = { ...written, features: written.features.filter((one) => names.has(one.name)) }
        for (const model of ['gpt-5.2', 'b', 'a']) {
          expect(verdictOf(own, model)).toEqual(verdictOf(document, model))
        }
      }),
      { numRuns: 500, seed: 5 },
    )
    expect(seen.writes).toBeGreaterThan(1_000)
    expect(seen.ceilings).toBeGreaterThan(200)
  })

  it('is pulled in one form, whatever order it came in', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const text = pulledText(document)
        const turned = { segments: document.segments?.toReversed(), ...document }
        turned.features = document.features.toReversed()
        expect(pulledText(turned)).toBe(text)
        const parsed = parseDocument(text)
        expect(parsed.ok && pulledText(parsed.document)).toBe(text)
        expect(parsed.ok && verdictOf(parsed.document, 'a')).toEqual(verdictOf(document, 'a'))
      }),
      { numRuns: 100 },
    )
  })
})

function verdictOf(document: FlagDocument, model: string) {
  const rule = ruleOf(document, 'flag', 'flag')
  if (rule.kind !== 'context') return [rule, killedBy(document, 'kill')]
  const verdicts = ['team-38', 'u0', 'u1'].map((unit) =>
    rule.verdictOf({ unit, properties: { model } }),
  )
  return [verdicts, killedBy(document, 'kill')]
}
