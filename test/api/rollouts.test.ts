import { describe, expect, it, test } from 'vitest'
import { errorView } from '../../src/api/views/error.ts'
import { flushView } from '../../src/api/views/flush.ts'
import { rolloutView } from '../../src/api/views/rollout.ts'
import { MACHINES } from '../../src/rollout/events.ts'
import { API, type Api, api } from './ask.ts'

/** Reading rollouts, and commanding them. */

const ALICE = { by: 'alice', reason: '#812' }
const RELAY = `${API}/rollouts/relay`

async function written({ ask }: Api, path: string, json: unknown) {
  return ask(path === 'share' ? 'PUT' : 'POST', `${RELAY}/${path}`, { json })
}

describe('reading', () => {
  it('lists every rollout', async () => {
    const reply = await api().ask('GET', `${API}/rollouts`)
    expect(reply.status).toBe(200)
    expect(reply.json.next).toBeNull()
    const items = rolloutView.array().parse(reply.json.items)
    expect(items.map(({ name }) => name)).toEqual(['relay', 'embeddings'])
  })

  it('reads one back, in percent', async () => {
    const one = api()
    await written(one, 'share', { ...ALICE, percent: 12.5 })
    const reply = await one.ask('GET', RELAY)
    expect(reply.status).toBe(200)
    expect(rolloutView.parse(reply.json)).toMatchObject({
      name: 'relay',
      state: 'paused',
      version: 1,
      share: { height: 12.5 },
    })
  })

  it('has none of another name', async () => {
    const reply = await api().ask('GET', `${API}/rollouts/relai`)
    expect(reply.status).toBe(404)
    expect(errorView.parse(reply.json).error).toMatchObject({ code: 'not_found', rollout: 'relai' })
  })
})

describe('commands', () => {
  it('start, advance, pause, resume, promote, rollback and rearm do what they say', async () => {
    const one = api()
    const states: [string, string, number][] = []
    for (const command of ['start', 'advance', 'pause', 'resume', 'promote', 'rollback', 'rearm']) {
      const reply = await written(one, command, ALICE)
      expect(reply.status, command).toBe(200)
      const { state, version, share } = rolloutView.parse(reply.json)
      states.push([command, state, share.height])
      expect(version).toBe(states.length)
    }
    expect(states).toEqual([
      ['start', 'ramping', 1],
      ['advance', 'ramping', 5],
      ['pause', 'paused', 5],
      ['resume', 'ramping', 5],
      ['promote', 'complete', 100],
      ['rollback', 'rolled_back', 0],
      ['rearm', 'idle', 0],
    ])
    expect((await one.ask('GET', RELAY)).json.epoch).toBe(2)
  })

  it('D7: signs the audit log with who did it and why', async () => {
    const one = api()
    await written(one, 'start', { by: 'alice', reason: 'week 1' })
    const { items } = (await one.ask('GET', `${API}/events`)).json
    expect(items).toMatchObject([{ type: 'started', by: 'alice', reason: 'week 1' }])
  })

  test.each([0.01, 0.29, 1, 12.34, 28.99, 57.3, 99.99, 100, 0])(
    'the share %s is taken as it is written',
    async (percent) => {
      const one = api()
      expect((await written(one, 'share', { ...ALICE, percent })).status).toBe(200)
      expect((await one.ask('GET', RELAY)).json.share.height).toBe(percent)
    },
  )

  test.each([
    ['is missing', 'start', { reason: 'x' }, 'by is missing: it must be text'],
    [
      'both are missing',
      'rearm',
      {},
      'by is missing: it must be text; reason is missing: it must be text',
    ],
    ['is a number', 'resume', { ...ALICE, by: 7 }, 'by must be text, got 7'],
    ['is a list', 'resume', { ...ALICE, by: [] }, 'by must be text, got a list'],
    ['no object', 'start', [1], 'the body must be a JSON object'],
    ['version below 0', 'start', { ...ALICE, version: -1 }, 'version must be at least 0, got -1'],
    ['version in text', 'start', { ...ALICE, version: '3' }, 'version must be a number, got "3"'],
    [
      'version in parts',
      'start',
      { ...ALICE, version: 1.5 },
      'version must be a whole number, got 1.5',
    ],
    [
      'a misspelt key',
      'start',
      { ...ALICE, versoin: 3 },
      'the body has no key "versoin": did you mean version?',
    ],
    ['percent above', 'share', { ...ALICE, percent: 120 }, 'percent must be at most 100, got 120'],
    ['percent below', 'share', { ...ALICE, percent: -1 }, 'percent must be at least 0, got -1'],
    ['percent in text', 'share', { ...ALICE, percent: '5%' }, 'percent must be a number, got "5%"'],
    ['percent missing', 'share', ALICE, 'percent is missing: it must be a number'],
  ])('%s: %s is 400', async (_, command, json, message) => {
    const one = api()
    const reply = await written(one, command, json)
    expect(reply.status).toBe(400)
    expect(reply.json).toEqual({ error: { code: 'invalid_request', message } })
    expect(one.plane.commands).toEqual([])
  })

  test.each(['{', 'by=alice', '"', 'null', ''])('a body of %j is 400', async (body) => {
    const one = api()
    const headers = { 'content-type': 'application/json' }
    const reply = await one.ask('POST', `${RELAY}/start`, { body, headers })
    expect(reply.status).toBe(400)
    expect(reply.json.error.code).toBe('invalid_request')
  })

  test.each([
    ['by_missing', 'start', { by: ' ', reason: 'x' }],
    ['by_reserved', 'start', { by: MACHINES[0], reason: 'x' }],
    ['reason_missing', 'start', { by: 'alice', reason: '' }],
    ['invalid_share', 'share', { ...ALICE, percent: 12.345 }],
  ])('%s is 400, with the rollout and its version', async (code, command, json) => {
    const reply = await written(api(), command, json)
    expect(reply.status).toBe(400)
    expect(errorView.parse(reply.json).error).toMatchObject({ code, rollout: 'relay', version: 0 })
  })

  test.each([
    ['latched', ['rollback'], 'start'],
    ['latched', ['rollback'], 'share'],
    ['not_started', [], 'advance'],
    ['not_started', [], 'resume'],
    ['already_started', ['start'], 'start'],
    ['not_paused', ['start'], 'resume'],
    ['not_rolled_back', ['start'], 'rearm'],
    ['no_next_step', ['start', 'advance', 'advance', 'advance', 'advance'], 'advance'],
  ])('%s is 409 after %j, and changes nothing', async (code, before, command) => {
    const one = api()
    for (const each of before) expect((await written(one, each, ALICE)).status).toBe(200)
    const was = (await one.ask('GET', RELAY)).json
    const json = command === 'share' ? { ...ALICE, percent: 5 } : ALICE
    const reply = await written(one, command, json)
    expect(reply.status).toBe(409)
    const { error } = errorView.parse(reply.json)
    expect(error).toMatchObject({ code, rollout: 'relay', version: before.length })
    expect(error.message).not.toBe('')
    expect((await one.ask('GET', RELAY)).json).toEqual(was)
  })

  it('D8: refuses a version that is over, and takes the one there is', async () => {
    const one = api()
    await written(one, 'start', ALICE)
    const stale = await written(one, 'advance', { ...ALICE, version: 0 })
    expect(stale.status).toBe(409)
    expect(stale.json.error).toMatchObject({ code: 'version_conflict', version: 1 })
    expect((await written(one, 'advance', { ...ALICE, version: 1 })).status).toBe(200)
  })

  it('has no rollout of another name to command', async () => {
    const { ask } = api()
    for (const [method, path, json] of [
      ['POST', 'start', ALICE],
      ['POST', 'rollback', {}],
      ['PUT', 'share', { ...ALICE, percent: 1 }],
    ] as const) {
      const reply = await ask(method, `${API}/rollouts/relai/${path}`, { json })
      expect(reply.status).toBe(404)
      expect(reply.json.error).toMatchObject({ code: 'not_found', rollout: 'relai' })
    }
  })
})

describe('brakes', () => {
  const BODIES: [string, object][] = [
    ['no body and no content type', {}],
    ['an empty object', { json: {} }],
    ['a name alone', { json: { by: 'alice' } }],
    ['a name that is no text', { json: { by: null, reason: 7 } }],
    ['the name of a machine', { json: { by: 'guard', reason: 'x' } }],
    ['a version that is over', { json: { version: 99 } }],
    ['a version that is none', { json: { version: 'latest' } }],
    ['a key of a later day', { json: { ticket: 812 } }],
  ]

  test.each(BODIES)('rollback works with %s', async (_, init) => {
    const one = api()
    await one.plane.obeyed('relay', { type: 'start', ...ALICE })
    const reply = await one.ask('POST', `${RELAY}/rollback`, init)
    expect(reply.status).toBe(200)
    expect(reply.json.state).toBe('rolled_back')
    const { items } = (await one.ask('GET', `${API}/events`)).json
    expect(items.at(-1).by).toMatch(/^(alice|someone)$/)
    expect(items.at(-1).reason).not.toBe('')
  })

  test.each(BODIES)('pause works with %s', async (_, init) => {
    const one = api()
    await one.plane.obeyed('relay', { type: 'start', ...ALICE })
    const reply = await one.ask('POST', `${RELAY}/pause`, init)
    expect(reply.status).toBe(200)
    expect(reply.json.state).toBe('paused')
  })

  it('work twice, and the second time change nothing', async () => {
    const one = api()
    for (const _ of [1, 2]) expect((await one.ask('POST', `${RELAY}/rollback`)).status).toBe(200)
    expect((await one.ask('GET', RELAY)).json.version).toBe(1)
  })

  it('alone do without a body', async () => {
    for (const command of ['start', 'resume', 'advance', 'promote', 'rearm']) {
      expect((await api().ask('POST', `${RELAY}/${command}`)).status).toBe(415)
    }
  })
})

describe('bodies', () => {
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/xml',
  ])('D3: %s is 415, also for a brake', async (type) => {
    for (const command of ['start', 'rollback', 'share']) {
      const one = api()
      const reply = await one.ask(command === 'share' ? 'PUT' : 'POST', `${RELAY}/${command}`, {
        body: JSON.stringify({ ...ALICE, percent: 1 }),
        headers: { 'content-type': type },
      })
      expect(reply.status).toBe(415)
      expect(reply.json.error.code).toBe('unsupported_media_type')
      expect(one.plane.commands).toEqual([])
    }
  })

  test.each(['application/json; charset=utf-8', 'Application/JSON', 'application/json ;x=y'])(
    '%s is JSON',
    async (type) => {
      const body = JSON.stringify(ALICE)
      const reply = await api().ask('POST', `${RELAY}/start`, {
        body,
        headers: { 'content-type': type },
      })
      expect(reply.status).toBe(200)
    },
  )

  it('are at most 64 KiB', async () => {
    const bytes = (size: number) => {
      const frame = JSON.stringify({ by: 'alice', reason: '' }).length
      return { by: 'alice', reason: 'x'.repeat(size - frame) }
    }
    expect((await written(api(), 'start', bytes(65_536))).status).toBe(200)
    for (const command of ['start', 'rollback', 'share']) {
      const one = api()
      const reply = await written(one, command, bytes(65_537))
      expect(reply.status).toBe(413)
      expect(reply.json.error).toEqual({
        code: 'too_large',
        message: 'the body must be at most 65536 bytes',
      })
      expect(one.plane.commands).toEqual([])
    }
  })
})

describe('flushes', () => {
  const positions = (reply: { json: { items: { position: number }[] } }) =>
    reply.json.items.map(({ position }) => position)

  it('come in pages, each behind the one before', async () => {
    const { ask } = api()
    const first = await ask('GET', `${RELAY}/flushes?limit=2`)
    expect(flushView.array().parse(first.json.items)).toEqual(first.json.items)
    expect(positions(first)).toEqual([3, 4])
    expect(first.json.next).toBe('4')
    const rest = await ask('GET', `${RELAY}/flushes?limit=3&after=${first.json.next}`)
    expect(positions(rest)).toEqual([7, 8, 9])
    expect(rest.json.next).toBeNull()
  })

  it('can be of one epoch, and are none for a rollout that has none', async () => {
    const { ask } = api()
    expect(positions(await ask('GET', `${RELAY}/flushes?epoch=2`))).toEqual([8, 9])
    expect(positions(await ask('GET', `${API}/rollouts/embeddings/flushes`))).toEqual([])
    expect((await ask('GET', `${API}/rollouts/relai/flushes`)).status).toBe(404)
  })

  test.each(['limit=0', 'limit=1001', 'epoch=0', 'after=-1', 'after=x', 'limit=1.5'])(
    '?%s is 400',
    async (query) => {
      const reply = await api().ask('GET', `${RELAY}/flushes?${query}`)
      expect(reply.status).toBe(400)
      expect(reply.json.error.message).toMatch(
        new RegExp(`^query\\.${query.split('=')[0]} must be`),
      )
    },
  )
})
