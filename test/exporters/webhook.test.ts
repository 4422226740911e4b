import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it, onTestFinished, test } from 'vitest'
import { eventViewOf } from '../../src/api/event-view.ts'
import { eventView } from '../../src/api/views/event.ts'
import { Secret } from '../../src/config/secret.ts'
import { type WebhookParts, type WebhookTarget, webhooks } from '../../src/exporters/webhook.ts'
import type { EventType, RolloutEvent } from '../../src/types.ts'
import { manualClock } from '../fakes/clock.ts'
import { NOON, record } from '../rollout/standings.ts'

/** Webhooks: real receivers on real sockets, time by hand, the vendors' own library as the judge of signatures. */

const SECRET = `whsec_${btoa('0123456789abcdef0123456789')}`

interface Got {
  readonly path: string
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

type Answering = (got: Got, index: number) => number | 'hang' | { location: string }

interface ReceiverAt {
  readonly url: string
  readonly got: readonly Got[]
  /** Once so many came. */
  count(count: number): Promise<void>
  server: Server
}

async function receiver(answering: Answering = () => 204): Promise<ReceiverAt> {
  const got: Got[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const { url = '', method = '', headers } = request
    const one = { path: url, method, headers, body }
    const answer = answering(one, got.push(one) - 1)
    server.emit('got')
    if (answer === 'hang') return
    const [status, more] = typeof answer === 'number' ? [answer, {}] : [302, answer]
    response.writeHead(status, more).end(status === 204 ? undefined : 'planted-answer')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/planted-path?key=planted-query`,
    got,
    server,
    async count(count) {
      while (got.length < count) await once(server, 'got')
    },
  }
}

function event(index = 1, more: Partial<RolloutEvent> = {}): RolloutEvent {
  return {
    id: `hg_${index}`,
    at: NOON,
    rollout: 'relay',
    version: 13,
    epoch: 3,
    type: 'rolled_back',
    by: 'guard',
    reason: 'failures: canary 9 of 9 – “всё”',
    before: record(),
    after: record({ state: 'rolled_back', step: null, heightBp: 0, version: 13 }),
    ...more,
  }
}

function sending(
  targets: readonly (Partial<WebhookTarget> & { url: string })[],
  parts: Partial<WebhookParts> = {},
) {
  const hand = manualClock()
  const began = Date.now()
  const zero = hand.monotonicMs()
  /** Every timer that waits for a retry: attempts wait 15 s exactly. */
  const waits: number[] = []
  let attempts = 0
  const clock = {
    ...hand,
    wallMs: () => began + hand.monotonicMs() - zero,
    setTimer(run: () => void, ms: number) {
      if (ms === 15_000) attempts++
      else waits.push(ms)
      return hand.setTimer(run, ms)
    },
  }
  const lines: string[] = []
  const line = (message: string, fields?: object) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`)
  const sender = webhooks({
    targets: targets.map((target) => ({ secret: new Secret(SECRET), ...target })),
    view: eventViewOf,
    fetch,
    clock,
    random: () => 0.5,
    log: { info: line, warn: line, error: line },
    ...parts,
  })
  onTestFinished(() => void sender.close())
  return { sender, clock, waits, lines, attempts: () => attempts }
}

async function until(found: () => boolean): Promise<void> {
  while (!found()) await new Promise(setImmediate)
}

function signed({ body, headers }: Got, secret = SECRET): unknown {
  return new Webhook(secret).verify(body, headers as Record<string, string>)
}

describe('a webhook', () => {
  it('is posted to its URL, signed, with the event as the API shows it', async () => {
    const at = await receiver()
    const { sender } = sending([at])
    sender.send(event())
    await at.count(1)
    const [got] = at.got as [Got]
    expect(got).toMatchObject({ path: '/planted-path?key=planted-query', method: 'POST' })
    expect(got.headers['content-type']).toBe('application/json')
    expect(got.headers['webhook-id']).toBe('hg_1')
    const payload = signed(got) as { data: unknown }
    expect(payload).toEqual({
      type: 'rollout.rolled_back',
      timestamp: '2027-01-04T12:00:00.000Z',
      data: eventViewOf(event()),
    })
    expect(eventView.safeParse(payload.data).success).toBe(true)
    await until(() => sender.status()[0]?.delivered === 1)
    expect(sender.status()).toEqual([
      {
        origin: new URL(at.url).origin,
        delivered: 1,
        failed: 0,
        dropped: 0,
        pending: 0,
        gone: false,
      },
    ])
  })

  it('has a signature that holds for nothing else', async () => {
    const at = await receiver()
    const { sender } = sending([at])
    sender.send(event())
    await at.count(1)
    const [got] = at.got as [Got]
    expect(() => signed(got, `whsec_${btoa('another secret of good length')}`)).toThrow()
    expect(() => signed({ ...got, body: got.body.replace('9 of 9', '0 of 9') })).toThrow()
    for (const header of ['webhook-id', 'webhook-timestamp']) {
      const headers = { ...got.headers, [header]: `${got.headers[header]}1` }
      expect(() => signed({ ...got, headers })).toThrow()
    }
  })

  it('agrees with the example of the Standard Webhooks library', async () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const at = await receiver()
    const { sender } = sending([{ ...at, secret: new Secret(secret) }])
    sender.send(event())
    await at.count(1)
    const [got] = at.got as [Got]
    const when = new Date(Number(got.headers['webhook-timestamp']) * 1_000)
    expect(got.headers['webhook-signature']).toBe(new Webhook(secret).sign('hg_1', when, got.body))
  })

  it('goes to every receiver that wants it, and to no other', async () => {
    const [all, types, rollouts, both] = await Promise.all([1, 2, 3, 4].map(() => receiver()))
    if (!all || !types || !rollouts || !both) throw new Error('no receivers')
    const events: EventType[] = ['suspended', 'rolled_back']
    const { sender } = sending([
      { url: all.url },
      { url: types.url, events },
      { url: rollouts.url, rollouts: ['embeddings'] },
      { url: both.url, events, rollouts: ['embeddings'] },
    ])
    sender.send(event(1))
    sender.send(event(2, { type: 'started' }))
    sender.send(event(3, { rollout: 'embeddings' }))
    sender.send(event(4, { rollout: 'embeddings', type: 'started' }))
    const idsAt = (at: ReceiverAt) => at.got.map(({ headers }) => headers['webhook-id'])
    await until(() => sender.status().every(({ pending }) => pending === 0))
    expect(idsAt(all)).toEqual(['hg_1', 'hg_2', 'hg_3', 'hg_4'])
    expect(idsAt(types)).toEqual(['hg_1', 'hg_3'])
    expect(idsAt(rollouts)).toEqual(['hg_3', 'hg_4'])
    expect(idsAt(both)).toEqual(['hg_3'])
  })
})

describe('a receiver that fails', () => {
  it('is tried again after longer and longer waits, and then given up', async () => {
    const at = await receiver(() => 500)
    const { sender, clock, waits, lines } = sending([at], { random: () => 0.4 })
    sender.send(event())
    for (let attempt = 1; attempt <= 5; attempt++) {
      await until(() => waits.length === attempt)
      expect(at.got).toHaveLength(attempt)
      clock.advance((waits.at(-1) ?? 0) - 1)
      clock.advance(1)
    }
    await until(() => sender.status()[0]?.failed === 1)
    expect(at.got).toHaveLength(6)
    expect(waits).toEqual([2_000, 12_000, 48_000, 240_000, 1_440_000])
    expect(lines.at(-1)).toMatch(/^webhook given up .*"attempts":6,"why":"status 500"/)
  })

  it('is told that it is the same message, signed anew', async () => {
    const at = await receiver((_, index) => (index < 2 ? 503 : 200))
    const { sender, clock, waits } = sending([at], { random: () => 0.9 })
    sender.send(event())
    for (const attempt of [1, 2]) {
      await until(() => waits.length === attempt)
      clock.advance(waits.at(-1) ?? 0)
    }
    await until(() => sender.status()[0]?.delivered === 1)
    expect(new Set(at.got.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(new Set(at.got.map(({ body }) => body)).size).toBe(1)
    const times = at.got.map(({ headers }) => Number(headers['webhook-timestamp']))
    expect(times[1]).toBeGreaterThan(times[0] ?? 0)
    expect(times[2]).toBeGreaterThan(times[1] ?? 0)
    for (const got of at.got) signed(got)
  })

  test.each([0, 0.25, 0.999])('waits any time up to the bound: %s of it', async (random) => {
    const at = await receiver(() => 500)
    const { sender, waits } = sending([at], { random: () => random })
    sender.send(event())
    await until(() => waits.length === 1)
    expect(waits).toEqual([random * 5_000])
  })

  test.each([301, 302, 307, 308, 400, 401, 404, 429, 500, 502])(
    '%s is a failure',
    async (status) => {
      const at = await receiver(() => status)
      const { sender, lines } = sending([at])
      sender.send(event())
      await until(() => lines.length === 1)
      expect(lines[0]).toContain(`"why":"status ${status}"`)
      expect(sender.status()[0]).toMatchObject({ delivered: 0, pending: 1, gone: false })
    },
  )

  test.each([200, 201, 202, 204, 299])('%s is a success', async (status) => {
    const at = await receiver(() => status)
    const { sender, lines } = sending([at])
    sender.send(event())
    await until(() => sender.status()[0]?.pending === 0)
    expect(sender.status()[0]).toMatchObject({ delivered: 1, failed: 0 })
    expect(lines).toEqual([])
  })

  it('leads nowhere else: no redirect is followed', async () => {
    const elsewhere = await receiver()
    const at = await receiver(() => ({ location: elsewhere.url }))
    const { sender, lines } = sending([at])
    sender.send(event())
    await until(() => lines.length === 1)
    expect(lines[0]).toContain('"why":"status 302"')
    expect(elsewhere.got).toEqual([])
  })

  it('is sent nothing more once it says that it is gone', async () => {
    const at = await receiver((_, index) => (index === 0 ? 500 : 410))
    const { sender, clock, waits, lines, attempts } = sending([at])
    sender.send(event(1))
    await until(() => waits.length === 1)
    sender.send(event(2))
    await until(() => sender.status()[0]?.gone === true)
    expect(sender.status()[0]).toMatchObject({ pending: 0, dropped: 2 })
    sender.send(event(3))
    clock.advance(10_000_000)
    expect(sender.status()[0]).toMatchObject({ pending: 0, dropped: 2 })
    expect(attempts()).toBe(2)
    expect(at.got).toHaveLength(2)
    expect(lines.at(-1)).toMatch(/^webhook receiver is gone/)
  })

  it('is given 15 s to answer', async () => {
    const at = await receiver((_, index) => (index === 0 ? 'hang' : 204))
    const { sender, clock, waits, lines } = sending([at])
    sender.send(event())
    await at.count(1)
    clock.advance(14_999)
    await new Promise(setImmediate)
    expect(lines).toEqual([])
    clock.advance(1)
    await until(() => waits.length === 1)
    expect(lines[0]).toContain('"why":"timeout"')
    clock.advance(2_500)
    await until(() => sender.status()[0]?.delivered === 1)
  })

  it('need not be there', async () => {
    const at = await receiver()
    at.server.close()
    const { sender, lines } = sending([at])
    sender.send(event())
    await until(() => lines.length === 1)
    expect(lines[0]).toContain('"why":"network"')
  })

  it('does not hold up what comes after it', async () => {
    const at = await receiver(({ headers }) => (headers['webhook-id'] === 'hg_1' ? 500 : 204))
    const { sender, waits } = sending([at])
    for (const index of [1, 2, 3]) sender.send(event(index))
    await until(() => sender.status()[0]?.delivered === 2)
    expect(waits).toHaveLength(1)
  })

  it('does not hold up another', async () => {
    const [hanging, well] = await Promise.all([receiver(() => 'hang'), receiver()])
    const { sender } = sending([hanging, well])
    for (const index of [1, 2]) sender.send(event(index))
    await until(() => sender.status()[1]?.delivered === 2)
    expect(hanging.got).toHaveLength(1)
  })
})

describe('the queue', () => {
  it('holds 1,000 for each receiver, and drops the oldest', async () => {
    const sent: string[] = []
    let release: (response: Response) => void = () => {}
    const first = new Promise<Response>((resolve) => {
      release = resolve
    })
    const { sender, lines } = sending([{ url: 'https://hooks.example/in' }], {
      async fetch(_, init) {
        sent.push(new Headers(init.headers).get('webhook-id') ?? '')
        return sent.length === 1 ? first : new Response(null, { status: 204 })
      },
    })
    for (let index = 1; index <= 1_005; index++) sender.send(event(index))
    expect(sender.status()[0]).toMatchObject({ pending: 1_000, dropped: 5 })
    expect(lines).toHaveLength(5)
    await until(() => sent.length === 1)
    release(new Response(null, { status: 204 }))
    await until(() => sender.status()[0]?.pending === 0)
    // The first was on its way when it was dropped, and arrived.
    expect(sender.status()[0]).toMatchObject({ delivered: 1_001, dropped: 4 })
    expect(sent).toEqual([
      'hg_1',
      ...Array.from({ length: 1_000 }, (_, index) => `hg_${index + 6}`),
    ])
  })

  it('is over at the end: what is on its way arrives, the rest is dropped', async () => {
    let release: (response: Response) => void = () => {}
    const answer = new Promise<Response>((resolve) => {
      release = resolve
    })
    let asked = 0
    const { sender, lines } = sending([{ url: 'https://hooks.example/in' }], {
      fetch() {
        asked++
        return answer
      },
    })
    sender.send(event(1))
    sender.send(event(2))
    await until(() => asked === 1)
    const closed = sender.close()
    sender.send(event(3))
    release(new Response(null, { status: 204 }))
    await closed
    expect(asked).toBe(1)
    expect(sender.status()[0]).toMatchObject({ delivered: 1, dropped: 1, pending: 0 })
    expect(lines).toEqual(['webhooks dropped: the end {"to":"https://hooks.example","left":1}'])
  })

  it('waits for no retry at the end', async () => {
    const at = await receiver(() => 500)
    const { sender, clock, waits } = sending([at])
    sender.send(event())
    await until(() => waits.length === 1)
    await sender.close()
    clock.advance(10_000_000)
    expect(sender.status()[0]).toMatchObject({ dropped: 1, pending: 0 })
    expect(at.got).toHaveLength(1)
  })
})

describe('the sender', () => {
  it('never throws, whatever breaks', async () => {
    const at = await receiver()
    const { sender, lines } = sending([at], {
      view() {
        throw new Error('planted')
      },
    })
    sender.send(event())
    const throwing = sending([at], {
      fetch() {
        throw new TypeError('planted')
      },
    })
    throwing.sender.send(event(1, { at: Number.NaN }))
    throwing.sender.send(event(2))
    await until(() => throwing.lines.length === 2)
    expect([...lines, ...throwing.lines].join('\n')).not.toContain('planted')
    expect(lines).toEqual(['webhook not sent: the event cannot be written {"event":"hg_1"}'])
  })

  it('tells its log neither secret, path, query, content nor what a receiver says', async () => {
    const at = await receiver((_, index) => (index < 6 ? 500 : 410))
    const { sender, clock, waits, lines } = sending([at], { random: () => 0.1 })
    sender.send(event(1))
    for (let attempt = 1; attempt <= 5; attempt++) {
      await until(() => waits.length === attempt)
      clock.advance(waits.at(-1) ?? 0)
    }
    await until(() => sender.status()[0]?.failed === 1)
    sender.send(event(2))
    await until(() => sender.status()[0]?.gone === true)
    const said = lines.join('\n')
    expect(said).toContain(new URL(at.url).origin)
    for (const secret of ['planted', SECRET, SECRET.slice(6), 'canary 9', 'v1,']) {
      expect(said).not.toContain(secret)
    }
  })

  test.each([
    'http://hooks.example/in',
    'http://10.0.0.4/in',
    'http://127.0.0.1.example/in',
    'http://169.254.169.254/latest',
    'https://user:planted@hooks.example/in',
    'https://planted@hooks.example/in',
    'ftp://hooks.example/planted',
    'file:///planted',
    'javascript:planted',
    '/planted',
  ])('sends nothing to %s', (url) => {
    let asked = 0
    const make = () =>
      sending([{ url: 'https://hooks.example/in' }, { url }], {
        async fetch() {
          asked++
          return new Response()
        },
      })
    expect(make).toThrow(expect.objectContaining({ code: 'config_invalid' }))
    expect(make).toThrow(/^webhooks\[1\]\.url must /)
    expect(make).not.toThrow(/planted/)
    expect(asked).toBe(0)
  })

  test.each([
    'https://hooks.example/in',
    'https://hooks.example:8443/in?key=x',
    'https://10.0.0.4/in',
    'http://127.0.0.1:9/in',
    'http://127.1:9/in',
    'http://localhost:9/in',
    'http://[::1]:9/in',
  ])('may send to %s', (url) => {
    expect(sending([{ url }]).sender.status()).toHaveLength(1)
  })

  test.each([
    '',
    'planted',
    btoa('0123456789abcdef0123456789'),
    'whsec_',
    `whsec_${btoa('too short: 23 bytes are.')}`.slice(0, -2),
    `whsec_${btoa('x'.repeat(65))}`,
    'whsec_planted!',
    `whsec_${btoa('0123456789abcdef0123456789')} `,
  ])('signs with no secret such as %j', (secret) => {
    const make = () => sending([{ url: 'https://hooks.example/', secret: new Secret(secret) }])
    expect(make).toThrow('webhooks[0].secret must be whsec_ and base64 of 24..64 bytes')
  })

  test.each([24, 25, 26, 64])('signs with a secret of %i bytes', async (bytes) => {
    const secret = `whsec_${btoa('\xff'.repeat(bytes))}`
    const at = await receiver()
    const { sender } = sending([{ ...at, secret: new Secret(secret) }])
    sender.send(event())
    await at.count(1)
    signed(at.got[0] as Got, secret)
  })
})
