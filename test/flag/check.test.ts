import { describe, expect, it } from 'vitest'
import { adviseOn } from '../../src/flag/check.ts'
import { documentOf, gradual, kill, type Loose, relay, variant, where } from './documents.ts'

const use = { flag: 'headgate-relay', kill: 'headgate-kill', groupId: 'headgate-relay' }
const idleKill = kill([{ name: 'default' }], { enabled: false })

function adviceOn(feature: Loose, more: readonly Loose[] = []): string[] {
  return adviseOn(documentOf([feature, idleKill, ...more], [{ id: 1, constraints: [] }]), use)
}

describe('advice on a flag document', () => {
  it('is none for a document that works as it reads', () => {
    expect(adviceOn(relay([gradual('5')]))).toEqual([])
    expect(adviceOn(relay([{ name: 'default' }]))).toEqual([])
    const narrowed = gradual(5, { constraints: [where('model', 'a')], segments: [1] })
    expect(adviceOn(relay([narrowed, gradual(1)]))).toEqual([])
    expect(
      adviceOn(
        relay([gradual(5)], { dependencies: [{ feature: 'headgate-kill', enabled: false }] }),
      ),
    ).toEqual([])
  })

  it('says that the flag or the kill flag is absent', () => {
    expect(adviseOn(documentOf([]), use)).toEqual([
      'kill flag "headgate-kill" is not in the document: it cannot stop the canary',
      'flag "headgate-relay" is not in the document: the share is 0 %',
    ])
  })

  it('says that a plan climbs no higher than its flag', () => {
    const document = documentOf([relay([gradual(5)]), idleKill])
    expect(adviseOn(document, { ...use, highestBp: 9_900 })).toEqual([
      'flag "headgate-relay" serves 5 %: a plan to 99 % climbs no higher until the flag is raised',
    ])
    expect(adviseOn(document, { ...use, highestBp: 500 })).toEqual([])
    expect(adviseOn(document, use)).toEqual([])
  })

  it('says that the flag is disabled, and that the kill flag is on', () => {
    expect(adviseOn(documentOf([relay([], { enabled: false }), kill([])]), use)).toEqual([
      'kill flag "headgate-kill" is on: the share is 0 %',
      'flag "headgate-relay" is disabled: the share is 0 %',
    ])
  })

  it('says that nothing narrows a kill', () => {
    for (const narrowed of [gradual(1), { name: 'default', constraints: [where('model', 'a')] }]) {
      const document = documentOf([relay([gradual(5)]), kill([narrowed], { enabled: false })])
      expect(adviseOn(document, use)).toEqual([
        expect.stringContaining('for everyone all the same'),
      ])
    }
  })

  const place = 'flag "headgate-relay" strategies[0]'
  const follows = 'requests follow the flag and are left out of the evidence'
  const rows: [string, Loose, string][] = [
    [
      'half a percent',
      gradual('0.5'),
      `${place} flexibleRollout: rollout 0.5 serves 0 %: Unleash takes whole percents; finer shares are the steps of a plan`,
    ],
    [
      'one and a half',
      gradual(1.5),
      `${place} flexibleRollout: rollout 1.5 serves 1 %: Unleash takes whole percents; finer shares are the steps of a plan`,
    ],
    [
      'a missing percent',
      gradual(1, {}, { rollout: undefined }),
      `${place} flexibleRollout: parameters.rollout is missing: it is never on`,
    ],
    [
      'another groupId',
      gradual(5, {}, { groupId: 'g2' }),
      `${place} flexibleRollout: groupId is "g2", the rollout's is "headgate-relay": it draws other units than the plan does; ${follows}`,
    ],
    [
      'no groupId',
      gradual(5, {}, { groupId: undefined }),
      `${place} flexibleRollout: groupId is "", the rollout's is "headgate-relay": it draws other units than the plan does; ${follows}`,
    ],
    [
      'random stickiness',
      gradual(5, {}, { stickiness: 'random' }),
      `${place} flexibleRollout: stickiness is random: each request draws anew; ${follows}`,
    ],
    [
      'session stickiness',
      gradual(5, {}, { stickiness: 'sessionId' }),
      `${place} flexibleRollout: stickiness is "sessionId", not the unit: ${follows}`,
    ],
    [
      'variants',
      gradual(5, { variants: [variant('canary', 1)] }),
      `${place} flexibleRollout: has variants: only the variant named "canary" is canary; ${follows}`,
    ],
    [
      'user ids',
      { name: 'userWithId' },
      `${place} userWithId: does not draw on Headgate's bucket: ${follows}`,
    ],
    [
      'an unknown strategy',
      { name: 'byPlan' },
      `${place} byPlan: is not a strategy of Unleash itself: it is never on`,
    ],
    [
      'a missing segment',
      gradual(5, { segments: [9] }),
      `${place} flexibleRollout: segment 9 is not in the document: it is never on`,
    ],
    [
      'an unknown operator',
      gradual(5, { constraints: [{ contextName: 'a', operator: 'LIKE' }] }),
      `${place} flexibleRollout: operator "LIKE" is not known: it is never on`,
    ],
  ]
  it.each(rows)('warns of %s', (_what, strategy, words) => {
    expect(adviceOn(relay([strategy]))).toEqual([words])
  })

  it('says what a constraint asks that no request has, in a segment as well', () => {
    const asking = gradual(5, { constraints: [where('model', 'a'), where('tenant', 'acme')] })
    const segmented = gradual(1, { segments: [7] })
    const document = documentOf(
      [relay([asking, segmented]), idleKill],
      [{ id: 7, constraints: [where('region', 'eu')] }],
    )
    const properties = new Set(['userId', 'model'])
    const words = 'which no request has: map it to a header under flags.context'
    expect(adviseOn(document, { ...use, properties })).toEqual([
      `flag "headgate-relay" strategies[0] flexibleRollout: asks for "tenant", ${words}`,
      `flag "headgate-relay" strategies[1] flexibleRollout: asks for "region", ${words}`,
    ])
    expect(
      adviseOn(document, { ...use, properties: new Set([...properties, 'tenant', 'region']) }),
    ).toEqual([])
  })

  it('warns of a groupId that only unleash-client hashes as we do', () => {
    const document = documentOf([relay([gradual(5, {}, { groupId: 'grüppe' })]), idleKill])
    expect(adviseOn(document, { ...use, groupId: 'grüppe' })).toEqual([
      'groupId "grüppe" is not ASCII: Unleash\'s SDKs do not agree on who is in',
    ])
  })

  it('warns of variants of the feature, and of parents that can never be satisfied', () => {
    expect(adviceOn(relay([gradual(5)], { variants: [variant('canary', 1)] }))).toEqual([
      `flag "headgate-relay" has variants: only the variant named "canary" is canary; ${follows}`,
    ])
    const child = relay([gradual(5)], { dependencies: [{ feature: 'parent' }] })
    expect(adviceOn(child)).toEqual([
      'flag "headgate-relay" depends on "parent", which is not in the document: it is never on',
    ])
    const parent = {
      name: 'parent',
      enabled: true,
      strategies: [],
      dependencies: [{ feature: 'x' }],
    }
    expect(adviceOn(child, [parent])).toEqual([
      'flag "headgate-relay" depends on "parent", which has a parent itself: it is never on',
    ])
  })
})
