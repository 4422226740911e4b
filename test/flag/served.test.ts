import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDocument } from '../../src/flag/document.ts'
import { parseServed } from '../../src/flag/served.ts'
import { gradual, type Loose, relay, where } from './documents.ts'

const NEEDS = new Set(['headgate-relay', 'headgate-kill'])

const bad: readonly Loose[] = [
  { name: 'bad-percent', enabled: true, strategies: [gradual('abc')] },
  { name: 'bad-enabled', enabled: 'yes', strategies: [] },
  { name: 'bad-strategies', enabled: true, strategies: {} },
  { enabled: true, strategies: [] },
]

function served(features: readonly unknown[], more: Loose = {}) {
  return parseServed(JSON.stringify({ version: 2, features, ...more }), NEEDS)
}

function namesIn(parsed: ReturnType<typeof served>): readonly string[] {
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  return parsed.document.features.map(({ name }) => name)
}

describe('a document that many teams share', () => {
  it('is read without the malformed flags of others, which are named', () => {
    const good = { name: 'other', enabled: true, strategies: [] }
    const parsed = served([...bad, relay([gradual(5)]), good])
    expect(namesIn(parsed)).toEqual(['headgate-relay', 'other'])
    expect(parsed).toMatchObject({
      left: ['bad-percent', 'bad-enabled', 'bad-strategies', 'a flag without a name'],
    })
  })

  it('is refused where a needed flag, its parent or its segment is malformed', () => {
    expect(served([relay([gradual('abc')])])).toMatchObject({
      ok: false,
      faults: [expect.stringContaining('rollout must be a percentage in 0..100, got "abc"')],
    })
    const child = relay([gradual(5)], { dependencies: [{ feature: 'bad-percent' }] })
    expect(served([...bad, child]).ok).toBe(false)
    const segmented = relay([gradual(5, { segments: [7] })])
    const segments = [{ id: 7, constraints: [{ contextName: 1 }] }, { id: 'x' }]
    expect(served([segmented], { segments }).ok).toBe(false)
    expect(served([relay([gradual(5)])], { segments }).ok).toBe(true)
  })

  it('keeps the segments that are well formed', () => {
    const segments = [{ id: 1, constraints: [where('model', 'a')] }, { id: 'x' }]
    const parsed = served([...bad, relay([gradual(5, { segments: [1] })])], { segments })
    expect(parsed).toMatchObject({ ok: true, document: { segments: [segments[0]] } })
  })

  it('is refused where a needed flag is there twice, and takes the first of another', () => {
    const twice = relay([gradual(5)])
    expect(served([twice, twice]).ok).toBe(false)
    const other = (rollout: number) => ({
      name: 'other',
      enabled: true,
      strategies: [gradual(rollout)],
    })
    const parsed = served([other(1), other(2), twice])
    expect(parsed).toMatchObject({ ok: true, left: ['other'] })
    expect(parsed).toMatchObject({ document: { features: [other(1), twice] } })
  })

  it('is no document for all that is none', () => {
    for (const text of ['', '<html>', '{}', '[]', '{"features":{}}', '{"events":[]}', 'null']) {
      expect(parseServed(text, NEEDS)).toEqual(parseDocument(text))
    }
    expect(served([relay([])], { segments: {} }).ok).toBe(false)
  })

  it('never throws, and reads what is well formed as ever', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (features, segments) => {
        const text = JSON.stringify({ version: 2, features, segments })
        const parsed = parseServed(text, NEEDS)
        const whole = parseDocument(text)
        if (whole.ok) expect(parsed).toEqual({ ...whole, left: [] })
      }),
    )
  })
})
