import { describe, expect, it } from 'vitest'
import { startUpstream } from '../../src/demo/upstreams.ts'
import { ask, CHAT, COUNT_TOKENS, EMBEDDINGS, MESSAGES } from '../fakes/asks.ts'
import { bucketBy } from '../fakes/bucket.ts'
import { valuesOf } from '../fakes/caller.ts'
import { manualClock } from '../fakes/clock.ts'
import { documentWith, EXTRA_KEY, gradual, TRANSPORTS } from '../fakes/gateway.ts'
import { closing, start } from './start.ts'

/** Which arm a request goes to, and what the answer says about it. */

/** The percent Unleash's `flexibleRollout` gives a unit, 1..100. */
const percentBy = (unit: string): number => Math.floor(bucketBy('headgate-relay', unit) / 100) + 1
const names = Array.from({ length: 1_000 }, (_, index) => `unit-${index}`)
/** Sixty as they come, and three that are in at 1 %. */
const units = [
  ...names.slice(0, 60),
  ...names
    .slice(60)
    .filter((unit) => percentBy(unit) === 1)
    .slice(0, 3),
]

describe.each(TRANSPORTS)('assignment over %s', (transport) => {
  it.each([0, 1, 25, 100])(
    'at %i % exactly the units of that share meet the canary',
    async (percent) => {
      const gateway = await start({ transport, percent })
      await Promise.all(
        units.map(async (unit) => {
          const { headers } = await ask(gateway, COUNT_TOKENS, {}, { 'x-headgate-unit': unit })
          const arm = percentBy(unit) <= percent ? 'canary' : 'control'
          expect(headers['x-headgate-arm'], unit).toBe(arm)
          expect(headers['x-simulated-upstream'], unit).toBe(
            arm === 'canary' ? 'relay' : 'official',
          )
        }),
      )
      const canary = units.filter((unit) => percentBy(unit) <= percent).length
      if (percent > 0) expect(canary).toBeGreaterThanOrEqual(3)
      expect(gateway.relay.requests.total).toBe(canary)
      expect(gateway.official.requests.total).toBe(units.length - canary)
    },
  )

  it('raising the share moves nobody out of the canary', async () => {
    const gateway = await start({ transport })
    const inside = new Set<string>()
    for (const percent of [5, 30, 60, 100]) {
      await gateway.setFlag(percent)
      const arms = await Promise.all(
        units.map(async (unit) => {
          const { headers } = await ask(gateway, COUNT_TOKENS, {}, { 'x-headgate-unit': unit })
          return [unit, headers['x-headgate-arm']] as const
        }),
      )
      for (const [unit, arm] of arms) {
        if (arm === 'canary') inside.add(unit)
        else expect(inside.has(unit), `${unit} at ${percent} %`).toBe(false)
      }
    }
    expect(inside.size).toBe(units.length)
  })

  it('a unit of the golden vectors is in from its percent on', async () => {
    const gateway = await start({ transport, percent: 5 })
    const unit = { 'x-headgate-unit': 'team-38' }
    expect((await ask(gateway, CHAT, {}, unit)).headers['x-headgate-arm']).toBe('control')
    await gateway.setFlag(6)
    expect((await ask(gateway, CHAT, {}, unit)).headers['x-headgate-arm']).toBe('canary')
    expect(await gateway.observation(1)).toMatchObject({ bucket: 527, shareBp: 600 })
  })

  it('a drawn request is evidence under the arm it was drawn for, with its share', async () => {
    const gateway = await start({ transport, percent: 25 })
    await ask(gateway, CHAT, {}, { 'x-headgate-unit': 'u1' })
    await ask(gateway, CHAT, {}, { 'x-headgate-unit': 'u0' })
    const shared = { reason: 'split', shareBp: 2_500, evidence: true, rollout: 'relay', epoch: 1 }
    expect(await gateway.observation(0)).toMatchObject({
      ...shared,
      arm: 'canary',
      assigned: 'canary',
      upstream: 'relay',
      bucket: 973,
    })
    expect(await gateway.observation(1)).toMatchObject({
      ...shared,
      arm: 'control',
      assigned: 'control',
      upstream: 'official',
      bucket: 8_788,
    })
  })

  it.each([
    ['control', 0, 'flag_off'],
    ['canary', 100, 'split'],
  ] as const)('an answer of %s says who gave it and why', async (arm, percent, reason) => {
    const gateway = await start({ transport, percent })
    const { headers, rawHeaders } = await ask(gateway, CHAT)
    const { requestId } = await gateway.observation()
    expect(headers['x-headgate-request-id']).toBe(requestId)
    expect(requestId).toMatch(/^\S{8,}$/)
    expect(headers['x-headgate-arm']).toBe(arm)
    expect(headers['x-headgate-assigned']).toBeUndefined()
    expect(headers['x-headgate-reason']).toBe(reason)
    expect(headers['x-headgate-rollout']).toBe('relay')
    expect(headers['server-timing']).toMatch(/^headgate;dur=\d+(\.\d+)?, upstream;dur=\d+(\.\d+)?$/)
    expect(valuesOf(rawHeaders, 'x-headgate-arm')).toEqual([arm])
  })

  it("an upstream's own x-request-id stays the only one", async () => {
    const gateway = await start({ transport, percent: 0 })
    const { rawHeaders } = await ask(gateway, CHAT)
    const ids = valuesOf(rawHeaders, 'x-request-id')
    expect(ids).toHaveLength(1)
    expect(ids[0]).toMatch(/^req_/)
  })

  it('Headgate gives its own x-request-id when the upstream sent none', async () => {
    const gateway = await start({ transport, percent: 0 })
    const { headers } = await ask(gateway, MESSAGES)
    expect(headers['request-id']).toMatch(/^req_/)
    expect(headers['x-request-id']).toBe(headers['x-headgate-request-id'])
  })

  it('two requests have two ids', async () => {
    const gateway = await start({ transport, percent: 0 })
    const [one, two] = [await ask(gateway, CHAT), await ask(gateway, CHAT)]
    expect(one.headers['x-headgate-request-id']).not.toBe(two.headers['x-headgate-request-id'])
  })

  it('a killed rollout sends nobody to the canary from the next request on, and back again', async () => {
    const gateway = await start({ transport, percent: 100 })
    expect((await ask(gateway, CHAT)).headers['x-headgate-arm']).toBe('canary')
    await gateway.setFlag(100, true)
    expect((await ask(gateway, CHAT)).headers).toMatchObject({
      'x-headgate-arm': 'control',
      'x-headgate-reason': 'killed',
    })
    expect(gateway.relay.requests.total).toBe(1)
    expect(await gateway.observation(1)).toMatchObject({ reason: 'killed', evidence: false })
    await gateway.setFlag(100, false)
    expect((await ask(gateway, CHAT)).headers['x-headgate-arm']).toBe('canary')
  })

  it('a kill also overrules a caller who may force the canary', async () => {
    const gateway = await start({ transport, percent: 100, rollout: { force: true } })
    await gateway.setFlag(100, true)
    const { headers } = await ask(gateway, CHAT, {}, { 'x-headgate-arm': 'canary' })
    expect(headers['x-headgate-reason']).toBe('killed')
    expect(gateway.relay.requests.total).toBe(0)
  })

  it('HEADGATE_KILL means control whatever the flags say', async () => {
    const gateway = await start({ transport, percent: 100, killedByEnv: true })
    expect((await ask(gateway, CHAT)).headers['x-headgate-reason']).toBe('killed')
    await gateway.setFlag(100, false)
    expect((await ask(gateway, CHAT)).headers['x-headgate-reason']).toBe('killed')
    expect(gateway.relay.requests.total).toBe(0)
  })

  it.each([
    ['absent', documentWith([])],
    ['off', documentWith([{ ...gradual('headgate-relay', 100), enabled: false }])],
  ])('a flag that is %s means control', async (_, document) => {
    const gateway = await start({ transport, document })
    expect((await ask(gateway, CHAT)).headers).toMatchObject({
      'x-headgate-arm': 'control',
      'x-headgate-reason': 'flag_off',
    })
    expect(await gateway.observation()).toMatchObject({ evidence: false })
  })

  it('a flag that draws in another way is followed, and is no evidence', async () => {
    const document = documentWith([gradual('headgate-relay', 100, 'another-group')])
    const gateway = await start({ transport, document })
    expect((await ask(gateway, CHAT)).headers['x-headgate-arm']).toBe('canary')
    expect(await gateway.observation()).toMatchObject({ arm: 'canary', evidence: false })
  })

  it('no flags read yet means control, and the first reading is followed', async () => {
    const gateway = await start({ transport, noFlags: true })
    expect((await ask(gateway, CHAT)).headers['x-headgate-reason']).toBe('stale')
    expect(await gateway.observation()).toMatchObject({ arm: 'control', evidence: false })
    await gateway.setFlag(100)
    expect((await ask(gateway, CHAT)).headers['x-headgate-arm']).toBe('canary')
  })

  it('a split that was not confirmed for 30 s means control, and one of 30 s does not', async () => {
    const clock = manualClock()
    const gateway = await start({ transport, percent: 100, clock })
    clock.advance(30_000)
    expect((await ask(gateway, CHAT)).headers['x-headgate-reason']).toBe('split')
    clock.advance(1)
    expect((await ask(gateway, CHAT)).headers['x-headgate-reason']).toBe('stale')
    gateway.headgate.refresh()
    expect((await ask(gateway, CHAT)).headers['x-headgate-reason']).toBe('split')
  })

  it('a rollout with a plan is idle until somebody starts it', async () => {
    const gateway = await start({ transport, percent: 100, rollout: { plan: { steps: ['1%'] } } })
    expect((await ask(gateway, CHAT)).headers).toMatchObject({
      'x-headgate-arm': 'control',
      'x-headgate-reason': 'idle',
    })
    expect(await gateway.observation()).toMatchObject({ evidence: false })
  })

  it('anyone may force control, and that is no evidence', async () => {
    const gateway = await start({ transport, percent: 100 })
    const { headers } = await ask(gateway, CHAT, {}, { 'x-headgate-arm': 'control' })
    expect(headers['x-headgate-arm']).toBe('control')
    expect(headers['x-headgate-reason']).toBe('forced')
    expect(await gateway.observation()).toMatchObject({ reason: 'forced', evidence: false })
  })

  it('the canary is forced only where config allows it', async () => {
    const closed = await start({ transport, percent: 0 })
    const wanted = { 'x-headgate-arm': 'canary' }
    expect((await ask(closed, CHAT, {}, wanted)).headers['x-headgate-reason']).toBe('flag_off')
    expect(closed.relay.requests.total).toBe(0)

    const open = await start({ transport, percent: 0, rollout: { force: true } })
    const { headers } = await ask(open, CHAT, {}, wanted)
    expect(headers['x-headgate-arm']).toBe('canary')
    expect(headers['x-headgate-reason']).toBe('forced')
    expect(await open.observation()).toMatchObject({ arm: 'canary', evidence: false })
  })

  it('an arm nobody knows is ignored', async () => {
    const gateway = await start({ transport, percent: 100, rollout: { force: true } })
    const { headers } = await ask(gateway, CHAT, {}, { 'x-headgate-arm': 'relay' })
    expect(headers['x-headgate-reason']).toBe('split')
  })

  it.each([
    ['a model', { models: ['gpt-5.2'] }, {}, {}],
    ['a header', { headers: { 'x-tenant': ['bank'] } }, {}, { 'x-tenant': 'bank' }],
    ['tools', { tools: true }, { tools: [{ type: 'function', function: { name: 'f' } }] }, {}],
    [
      'images',
      { images: true },
      {
        messages: [
          {
            role: 'user',
            content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }],
          },
        ],
      },
      {},
    ],
  ])(
    '%s may be excluded from the canary, and that is no evidence',
    async (_, exclude, fields, extra) => {
      const gateway = await start({ transport, percent: 100, rollout: { exclude } })
      const { headers, status } = await ask(gateway, CHAT, fields, extra)
      expect(status).toBe(200)
      expect(headers['x-headgate-arm']).toBe('control')
      expect(headers['x-headgate-reason']).toBe('excluded')
      expect(await gateway.observation()).toMatchObject({ evidence: false })
      const other = await ask(gateway, CHAT, { model: 'gpt-5.2-mini' }, { 'x-tenant': 'shop' })
      expect(other.headers['x-headgate-arm']).toBe('canary')
    },
  )

  it('an exclusion holds against a caller who may force the canary', async () => {
    const rollout = { force: true, exclude: { models: ['gpt-5.2'] } }
    const gateway = await start({ transport, percent: 100, rollout })
    const { headers } = await ask(gateway, CHAT, {}, { 'x-headgate-arm': 'canary' })
    expect(headers['x-headgate-reason']).toBe('excluded')
    expect(gateway.relay.requests.total).toBe(0)
  })

  it('a model that the canary does not list stays with control', async () => {
    const relay = { models: { 'gpt-5.2': 'gpt-5.2' } }
    const gateway = await start({ transport, percent: 100, relay })
    expect((await ask(gateway, CHAT)).headers['x-headgate-arm']).toBe('canary')
    const { headers } = await ask(gateway, CHAT, { model: 'gpt-5.2-mini' })
    expect(headers['x-headgate-reason']).toBe('excluded')
    expect(headers['x-headgate-arm']).toBe('control')
  })

  it('what no rollout matches goes to the default of its dialect, and is no evidence', async () => {
    const anthropic = await closing(
      startUpstream({ name: 'anthropic', seed: 3, keys: [EXTRA_KEY] }),
    )
    const gateway = await start({
      transport,
      percent: 100,
      upstreams: {
        anthropic: { baseUrl: anthropic.baseUrl, auth: { apiKey: { env: 'EXTRA' } } },
      },
      config: { default: { openai: 'official', anthropic: 'anthropic' } },
      rollout: { match: { paths: ['/v1/chat/completions'], models: ['gpt-5.2'] } },
    })
    expect((await ask(gateway, CHAT)).headers['x-headgate-arm']).toBe('canary')
    const asks = [
      ['official', await ask(gateway, CHAT, { model: 'gpt-5.2-mini' })],
      ['official', await ask(gateway, EMBEDDINGS)],
      ['anthropic', await ask(gateway, MESSAGES)],
      ['anthropic', await ask(gateway, COUNT_TOKENS)],
    ] as const
    for (const [upstream, { headers, status }] of asks) {
      expect(status).toBe(200)
      expect(headers['x-simulated-upstream']).toBe(upstream)
      expect(headers['x-headgate-reason']).toBe('unmatched')
      expect(headers['x-headgate-arm']).toBe('control')
      expect(headers['x-headgate-rollout']).toBeUndefined()
    }
    expect(await gateway.observation(3)).toMatchObject({
      upstream: 'anthropic',
      rollout: null,
      evidence: false,
    })
  })

  it('a rollout may be matched by a header', async () => {
    const match = { paths: ['/v1/chat/completions'], headers: { 'x-team': ['search'] } }
    const gateway = await start({ transport, percent: 100, rollout: { match } })
    const inside = await ask(gateway, CHAT, {}, { 'x-team': 'search' })
    const outside = await ask(gateway, CHAT, {}, { 'x-team': 'ads' })
    expect(inside.headers['x-headgate-arm']).toBe('canary')
    expect(outside.headers['x-headgate-reason']).toBe('unmatched')
  })

  it('of two rollouts that match, the first in the file decides', async () => {
    const more = {
      match: { paths: ['/v1/chat/completions'] },
      control: 'official',
      canary: 'relay',
    }
    const gateway = await start({
      transport,
      document: documentWith([gradual('first', 100), gradual('second', 0)]),
      config: { rollouts: { one: { ...more, flag: 'first' }, two: { ...more, flag: 'second' } } },
    })
    const { headers } = await ask(gateway, CHAT)
    expect(headers['x-headgate-rollout']).toBe('one')
    expect(headers['x-headgate-arm']).toBe('canary')
  })

  it('an endpoint without any upstream is 404 in its dialect', async () => {
    const gateway = await start({
      transport,
      config: { default: {}, rollouts: {} },
    })
    const openai = await ask(gateway, CHAT)
    expect(openai.status).toBe(404)
    expect(JSON.parse(openai.text).error).toMatchObject({ code: 'no_upstream', param: null })
    const anthropic = await ask(gateway, MESSAGES)
    expect(anthropic.status).toBe(404)
    expect(JSON.parse(anthropic.text)).toMatchObject({
      type: 'error',
      error: { type: 'not_found_error' },
    })
    expect(gateway.official.requests.total).toBe(0)
  })
})
