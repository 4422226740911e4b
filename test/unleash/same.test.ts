import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Unleash } from 'unleash-client'
import { expect, inject, it } from 'vitest'
import { Secret } from '../../src/config/secret.ts'
import type { FlagDocument } from '../../src/flag/document.ts'
import { ruleOf } from '../../src/flag/evaluate.ts'
import { fileFlagSource } from '../../src/flag-sources/file.ts'
import { bucketOf, encodeUnit } from '../../src/proxy/bucket.ts'
import type { FlagContext } from '../../src/types.ts'
import { askFeatures } from '../../src/unleash/features.ts'
import { clock } from '../flag-sources/conformance.ts'
import { adminOf } from './admin-calls.ts'

/** Flags made at random in a real Unleash mean the same to its own SDK, to Headgate behind it, and to Headgate with a file. */

const GROUP = 'same'
const SEED = 20_261_126
const FLAGS = 40

const units = [
  'u0',
  'u1',
  'team-38',
  '用户-7',
  'ada@example.com',
  ...Array.from({ length: 60 }, (_, n) => `n${n}`),
]
const models = ['gpt-5.2', 'gpt-5.2-mini', 'claude-opus-4.6']
const tenants = ['acme', 'bank', null]

const constraint = fc.oneof(
  fc.record({
    contextName: fc.constantFrom('model', 'tenant', 'environment', 'appName', 'userId'),
    operator: fc.constantFrom('IN', 'NOT_IN'),
    values: fc.subarray([...models, 'acme', 'bank', 'development', 'headgate', 'u0', 'n7'], {
      minLength: 1,
    }),
    inverted: fc.boolean(),
  }),
  fc.record({
    contextName: fc.constantFrom('model', 'tenant'),
    operator: fc.constantFrom('STR_STARTS_WITH', 'STR_ENDS_WITH', 'STR_CONTAINS'),
    values: fc.subarray(['gpt', '5.2', 'mini', 'a', 'k'], { minLength: 1 }),
    caseInsensitive: fc.boolean(),
    inverted: fc.boolean(),
  }),
)

const constraints = fc.array(constraint, { maxLength: 2 })

const variants = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 999 }).map((weight) => [
      { name: 'canary', weight, weightType: 'fix', stickiness: 'default' },
      { name: 'control', weight: 1_000 - weight, weightType: 'variable', stickiness: 'default' },
    ]),
  },
)

const strategy = fc.oneof(
  { weight: 1, arbitrary: fc.record({ name: fc.constant('default'), constraints }) },
  {
    weight: 6,
    arbitrary: fc.record({
      name: fc.constant('flexibleRollout'),
      constraints,
      variants,
      parameters: fc.record({
        rollout: fc.integer({ min: 0, max: 100 }).map(String),
        stickiness: fc.constantFrom('default', 'default', 'userId', 'sessionId'),
        groupId: fc.constantFrom(GROUP, GROUP, GROUP, 'other'),
      }),
    }),
  },
)

const feature = fc.record({
  strategies: fc.array(strategy, { minLength: 1, maxLength: 3 }),
  on: fc.oneof(
    { weight: 9, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  ),
})

it('flags made in Unleash mean the same on its server, in a file, and to its own SDK', async () => {
  const place = inject('unleash')
  const admin = adminOf(place)
  const segment = await admin.addSegment({
    name: 'same-segment',
    constraints: [{ contextName: 'tenant', operator: 'IN', values: ['acme'] }],
  })
  const made = fc.sample(feature, { seed: SEED, numRuns: FLAGS })
  for (const [index, { strategies, on }] of made.entries()) {
    const name = `same-${index}`
    await admin.create(name)
    for (const [at, one] of strategies.entries()) {
      const segments = (index + at) % 5 === 0 ? [segment] : []
      await admin.addStrategy(name, { ...one, segments })
    }
    if (on) await admin.turn(name, 'on')
  }

  const oracle = new Unleash({
    url: place.url,
    appName: 'headgate',
    environment: 'development',
    refreshInterval: 200,
    disableMetrics: true,
    customHeaders: { authorization: place.tokens.development },
  })
  const last = `same-${FLAGS - 1}`
  const folder = mkdtempSync(join(tmpdir(), 'headgate-same-'))
  try {
    while (oracle.getFeatureToggleDefinition(last) === undefined) await once(oracle, 'changed')
    const answer = await askFeatures(
      {
        url: place.url,
        token: new Secret(place.tokens.development),
        appName: 'headgate',
        instanceId: 'same',
        intervalMs: 1_000,
      },
      null,
      { fetch, clock },
    )
    if (answer.kind !== 'document') throw new Error(JSON.stringify(answer))
    const pulled = join(folder, 'flags.json')
    writeFileSync(pulled, JSON.stringify(answer.document))
    const file = fileFlagSource({ file: pulled, clock, log: { info() {}, warn() {}, error() {} } })
    const written = file.current()?.document
    await file.close()
    if (written === undefined) throw new Error('the file holds no document')

    let ins = 0
    let asked = 0
    for (const index of made.keys()) {
      const flag = `same-${index}`
      for (const unit of units) {
        for (const model of models) {
          const tenant = tenants[(unit.length + model.length) % tenants.length] ?? null
          const context = contextOf(encodeUnit(unit), model, tenant)
          const is = isIn(answer.document, flag, context)
          const told = `${flag} ${JSON.stringify(context)} ${JSON.stringify(made[index])}`
          expect(isIn(written, flag, context), told).toBe(is)
          expect(isInByUnleash(oracle, flag, context), told).toBe(is)
          asked++
          if (is) ins++
        }
      }
    }
    // Of both there is plenty: a test in which nobody is in shows nothing.
    expect(ins / asked).toBeGreaterThan(0.1)
    expect(ins / asked).toBeLessThan(0.9)
  } finally {
    oracle.destroy()
    rmSync(folder, { recursive: true })
  }
})

function contextOf(unit: string, model: string, tenant: string | null): FlagContext {
  return {
    unit,
    properties: {
      model,
      appName: 'headgate',
      environment: 'development',
      ...(tenant === null ? {} : { tenant }),
    },
  }
}

/** As the data plane has it, at a height of 100 %. */
function isIn(document: FlagDocument, flag: string, context: FlagContext): boolean {
  const rule = ruleOf(document, flag, GROUP)
  if (rule.kind === 'off') return false
  const { shareBp } = rule.kind === 'ceiling' ? rule : rule.verdictOf(context)
  return bucketOf(GROUP, context.unit ?? '') < shareBp
}

function isInByUnleash(oracle: Unleash, flag: string, { unit, properties }: FlagContext): boolean {
  const userId = unit ?? ''
  const context = { userId, sessionId: userId, properties: { ...properties } }
  const variant = oracle.getVariant(flag, context)
  // A flag without variants gives none; where one was drawn it must be ours.
  if (variant.enabled) return variant.name === 'canary'
  return oracle.isEnabled(flag, context)
}
