import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Secret } from '../../src/config/secret.ts'
import { type FlagDocument, hashOf } from '../../src/flag/document.ts'
import { type UnleashFlagOptions, unleashFlagSource } from '../../src/flag-sources/unleash.ts'
import type { AskedFlags, FlagSource, FlagUse, Log } from '../../src/ports.ts'
import { type HeardClock, heardClock } from '../fakes/clock.ts'
import { FAKE_TOKEN, type FakeUnleash, startFakeUnleash } from '../fakes/unleash-server.ts'
import { documentOf, gradual, kill, relay } from '../flag/documents.ts'
import { conformsToFlagSource, FIVE, ONE, clock as realClock, until } from './conformance.ts'

const INTERVAL_MS = 15_000
const MINUTE_MS = 60_000

let server: FakeUnleash | null = null
const opened: FlagSource<FlagDocument>[] = []

afterEach(async () => {
  for (const source of opened.splice(0)) await source.close()
  await server?.close()
  server = null
})

interface Followed {
  readonly server: FakeUnleash
  readonly source: ReturnType<typeof unleashFlagSource>
  readonly clock: HeardClock
  readonly lines: string[]
  /** Goes on to the next poll, and waits for what came of it. */
  next(): Promise<void>
}

/** A source on a clock that stands still, so that polls come when the test says. */
async function follow(
  first: FlagDocument | null,
  more: Partial<UnleashFlagOptions> = {},
  asked: readonly AskedFlags[] = [],
): Promise<Followed> {
  server = await startFakeUnleash(first)
  const clock = heardClock()
  const lines: string[] = []
  const line =
    (level: string) =>
    (message: string, fields: unknown = {}): void => {
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
    }
  const log: Log = { info: line('info'), warn: line('warn'), error: line('error') }
  const source = unleashFlagSource({
    server: {
      url: server.url,
      token: new Secret(FAKE_TOKEN),
      appName: 'headgate',
      instanceId: 'one',
      intervalMs: INTERVAL_MS,
    },
    fetch,
    clock,
    log,
    // The longest wait there is.
    random: () => 1,
    kept: null,
    backup: null,
    usage: null,
    doorbell: null,
    ...more,
  })
  opened.push(source)
  // As `createHeadgate` does: at once, and the first ask is on its way.
  if (asked.length > 0) source.follow?.(asked)
  let waits = 1
  await clock.heard(INTERVAL_MS, waits)
  return {
    server,
    source,
    clock,
    lines,
    async next() {
      clock.advance(INTERVAL_MS)
      await clock.heard(INTERVAL_MS, ++waits)
    },
  }
}

function ageMs({ source, clock }: Followed): number {
  return clock.monotonicMs() - (source.current()?.readAtMs ?? Number.NaN)
}

describe('flags from an Unleash server', () => {
  conformsToFlagSource(
    async (first) => {
      const fake = await startFakeUnleash(first)
      server = fake
      return {
        source: unleashFlagSource({
          server: {
            url: fake.url,
            token: new Secret(FAKE_TOKEN),
            appName: 'headgate',
            instanceId: 'one',
            intervalMs: 20,
          },
          fetch,
          clock: realClock,
          log: { info() {}, warn() {}, error() {} },
          random: () => 0.5,
          kept: null,
          backup: null,
          usage: null,
          doorbell: null,
        }),
        publish: (document) => fake.publish(document),
        spoilers: [
          () => fake.answer({ kind: 'status', status: 401 }),
          () => fake.answer({ kind: 'status', status: 503 }),
          () => fake.answer({ kind: 'text', text: '<!doctype html>' }),
          () => fake.answer({ kind: 'reset' }),
        ],
      }
    },
    { withinMs: 1_000 },
  )

  it('are asked for with an ETag, and a 304 confirms them', async () => {
    const followed = await follow(ONE)
    const { server, source, clock } = followed
    const { document } = source.current() ?? {}
    await followed.next()
    expect(server.polls.map(({ etag }) => etag)).toEqual([null, '"fa4e:1:v1"'])
    expect(ageMs(followed)).toBe(0)
    // The same object, so that what was compiled from it stays compiled.
    expect(source.current()?.document).toBe(document)
    clock.advance(5_000)
    expect(ageMs(followed)).toBe(5_000)
  })

  it('say who asks, in the words of the client specification', async () => {
    const { server } = await follow(ONE)
    expect(server.polls[0]?.headers).toMatchObject({
      'unleash-appname': 'headgate',
      'unleash-instanceid': 'one',
      'unleash-client-spec': '5.2.0',
      'unleash-interval': '15000',
    })
  })

  it('hash alike in a file and on a server: what the server says about itself is no part of them', async () => {
    const { source, server } = await follow(ONE)
    expect(source.current()?.document).toEqual(ONE)
    expect(source.status()).toEqual({
      source: `unleash:${server.url}`,
      hash: hashOf(ONE),
      fault: null,
      refreshMs: INTERVAL_MS,
    })
  })

  it('hand on what requests came to', async () => {
    const uses: FlagUse[] = []
    const usage = { count: (use: FlagUse) => void uses.push(use), close: async () => {} }
    const { source } = await follow(ONE, { usage })
    const use = { flag: 'a', kill: 'b', arm: 'canary', killed: false } as const
    source.count?.(use)
    expect(uses).toEqual([use])
  })
})

describe('a flag server with a fault', () => {
  it('E1: that is not there at the start leaves control, and is followed within an interval once it is', async () => {
    const followed = await follow(null)
    const { source, server } = followed
    await source.asked
    expect(source.current()).toBeNull()
    expect(source.status().fault).toBe('answered 503')
    server.publish(ONE)
    await followed.next()
    expect(source.current()?.document).toEqual(ONE)
    expect(source.status().fault).toBeNull()
  })

  it('E1: what was kept from before holds until its first word, as old as it is', async () => {
    const kept = { document: FIVE, ageMs: 90_000, words: 'the backup' }
    const followed = await follow(null, { kept })
    expect(followed.source.current()?.document).toEqual(FIVE)
    expect(ageMs(followed)).toBe(90_000)
    expect(followed.source.status().fault).toBe('answered 503')
    followed.server.publish(ONE)
    await followed.next()
    expect(followed.source.current()?.document).toEqual(ONE)
    expect(ageMs(followed)).toBe(0)
  })

  it.each([
    ['answers 500', { kind: 'status', status: 500 }, 'answered 500'],
    ['answers 429', { kind: 'status', status: 429 }, 'answered 429'],
    ['breaks the connection', { kind: 'reset' }, /could not be asked/],
    ['hangs', { kind: 'hang' }, 'did not answer in 10 s'],
    ['stops in the middle', { kind: 'stall' }, 'did not answer in 10 s'],
  ] as const)(
    'E2: %s: the last good document stays, grows old, and is followed again within an interval',
    async (_, answer, fault) => {
      const followed = await follow(FIVE)
      const { source, server, clock } = followed
      for (let times = 1; times <= 3; times++) {
        server.answer(answer)
        const before = server.polls.length
        clock.advance(INTERVAL_MS)
        await until(() => server.polls.length > before, 5_000)
        if (answer.kind === 'hang' || answer.kind === 'stall') clock.advance(10_000)
        await clock.heard(INTERVAL_MS, times + 1)
      }
      expect(source.status().fault).toEqual(
        typeof fault === 'string' ? fault : expect.stringMatching(fault),
      )
      expect(source.current()?.document).toEqual(FIVE)
      expect(ageMs(followed)).toBeGreaterThanOrEqual(3 * INTERVAL_MS)
      server.publish(ONE)
      clock.advance(INTERVAL_MS)
      await until(() => source.current()?.hash === hashOf(ONE), 5_000)
      expect(source.status().fault).toBeNull()
    },
  )

  it.each([401, 403])(
    'E3: a token that is refused with %i is tried again at every interval, and a kill is heard after it',
    async (status) => {
      const followed = await follow(FIVE)
      const { server, source, lines } = followed
      server.answer({ kind: 'status', status })
      for (let times = 0; times < 5; times++) await followed.next()
      expect(server.polls).toHaveLength(6)
      expect(source.status().fault).toBe(
        `answered ${status}: the token is not taken; it must be a backend token of this server`,
      )
      expect(source.current()?.document).toEqual(FIVE)
      expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(1)
      expect(lines.join('\n')).not.toContain('fake-token')
      server.publish(ONE)
      await followed.next()
      expect(source.current()?.document).toEqual(ONE)
      expect(lines.at(-1)).toContain('flags read')
    },
  )

  const whole = JSON.stringify(FIVE)
  it.each([
    ['HTML', '<!doctype html><title>Sign in</title>', 'looks like HTML'],
    ['nothing', '', 'the document is empty'],
    ['half a document', whole.slice(0, whole.length / 2), 'not JSON'],
    ['an empty object', '{}', 'features'],
    ['a delta', '{"events":[]}', 'delta'],
    ['a share of 1e9', whole.replace('"rollout":5', '"rollout":"1e9"'), 'percentage in 0..100'],
    ['a share below 0', whole.replace('"rollout":5', '"rollout":-1'), 'percentage in 0..100'],
    ['a share that is no number', whole.replace('"rollout":5', '"rollout":"NaN"'), 'percentage'],
    ['5 MB', `${whole}${' '.repeat(5_000_000)}`, '5000000 bytes or more'],
  ])(
    'E4: that answers %s changes nothing, and is asked for the whole again',
    async (_, text, fault) => {
      const followed = await follow(FIVE)
      const { server, source } = followed
      server.answer({ kind: 'text', text })
      await followed.next()
      await followed.next()
      expect(source.status().fault).toContain(fault)
      expect(source.current()?.document).toEqual(FIVE)
      expect(ageMs(followed)).toBe(2 * INTERVAL_MS)
      server.publish(ONE)
      await followed.next()
      expect(source.current()?.document).toEqual(ONE)
    },
  )

  it('E4: an answer without an end is broken off at 5 MB', async () => {
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(1_000_000).fill(0x20))
      },
    })
    const followed = await follow(null, { fetch: async () => new Response(endless) })
    expect(followed.source.status().fault).toBe('answered 5000000 bytes or more')
    expect(pulled).toBeLessThan(10)
  })

  it('E4: a malformed flag of another team keeps nobody from a kill; it is said once', async () => {
    const followed = await follow(FIVE)
    const { server, source, lines } = followed
    source.follow?.([{ flag: 'headgate-relay', kill: 'headgate-kill', groupId: 'headgate-relay' }])
    const killing = documentOf([relay([gradual(5)]), kill([{ name: 'default' }])])
    const theirs = { name: 'theirs', enabled: true, strategies: [gradual('abc')] }
    const text = JSON.stringify({ ...killing, features: [...killing.features, theirs] })
    server.answer({ kind: 'text', text })
    await followed.next()
    await followed.next()
    expect(source.current()?.document.features).toEqual(killing.features)
    expect(source.status().fault).toBeNull()
    const said = lines.filter((line) => line.includes('flags of others are malformed'))
    expect(said).toEqual([expect.stringContaining('theirs')])
    source.follow?.([{ flag: 'theirs', kill: 'headgate-kill', groupId: 'theirs' }])
    await followed.next()
    expect(source.status().fault).toContain('got "abc"')
  })

  it('is not waited for by a source that is closed: nothing keeps the process from its end', async () => {
    server = await startFakeUnleash(FIVE)
    server.answer({ kind: 'hang' })
    const clock = heardClock()
    const source = unleashFlagSource({
      server: {
        url: server.url,
        token: new Secret(FAKE_TOKEN),
        appName: 'headgate',
        instanceId: 'one',
        intervalMs: INTERVAL_MS,
      },
      fetch,
      clock,
      log: { info() {}, warn() {}, error() {} },
      random: () => 1,
      kept: null,
      backup: null,
      usage: null,
      doorbell: null,
    })
    while (server.polls.length === 0) await new Promise((done) => setTimeout(done, 5))
    await source.close()
    // Its connection, on a clock that stands still.
    await server.polled(1)
    expect(source.current()).toBeNull()
  })

  it('E4: a malformed flag of another team is left out of the first answer already', async () => {
    const theirs = { name: 'theirs', enabled: true, strategies: [gradual('abc')] }
    const killing = documentOf([relay([gradual(5)]), kill([{ name: 'default' }])])
    const document = { ...killing, features: [...killing.features, theirs as never] }
    const asked = { flag: 'headgate-relay', kill: 'headgate-kill', groupId: 'headgate-relay' }
    const { source } = await follow(document, {}, [asked])
    expect(source.status().fault).toBeNull()
    expect(source.current()?.document.features).toEqual(killing.features)
  })

  it('E4: an empty list of flags is a document: whoever removed them meant it', async () => {
    const followed = await follow(FIVE)
    followed.server.publish(documentOf([]))
    await followed.next()
    expect(followed.source.current()?.document).toEqual(documentOf([]))
  })

  it('is not followed elsewhere: the token stays here', async () => {
    const followed = await follow(FIVE)
    const other = createServer()
    let dialled = 0
    other.on('connection', (socket) => {
      dialled++
      socket.destroy()
    })
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const headers = { location: `http://127.0.0.1:${port}/api/client/features` }
    followed.server.answer({ kind: 'status', status: 302, headers })
    await followed.next()
    expect(followed.source.status().fault).toContain('302: redirects are not followed')
    expect(dialled).toBe(0)
    other.close()
  })
})

describe('polls', () => {
  it('E9: are drawn apart, between four fifths of the interval and the whole', async () => {
    const waits: number[] = []
    for (const drawn of [0, 0.5, 0.999]) {
      const followed = await startAlone(drawn)
      waits.push(...followed)
    }
    expect(waits).toEqual([12_000, 13_500, 14_997])
  })

  it('E9: never overlap: who rings while one is on its way is answered by the next', async () => {
    let ring = () => {}
    const doorbell = (wake: () => void) => {
      ring = wake
      return { close() {} }
    }
    const { server, clock, source } = await follow(ONE, { doorbell })
    for (let times = 0; times < 20; times++) ring()
    server.publish(FIVE)
    await clock.heard(100)
    clock.advance(100)
    await until(() => source.current()?.hash === hashOf(FIVE), 5_000)
    await clock.heard(INTERVAL_MS, 2)
    expect(server.polls).toHaveLength(3)
  })
})

/** How long a source waits after its first poll, in a server of its own. */
async function startAlone(drawn: number): Promise<number[]> {
  const fake = await startFakeUnleash(ONE)
  const clock = heardClock()
  const waits: number[] = []
  const source = unleashFlagSource({
    server: {
      url: fake.url,
      token: new Secret(FAKE_TOKEN),
      appName: 'headgate',
      instanceId: 'one',
      intervalMs: INTERVAL_MS,
    },
    fetch,
    clock: {
      ...clock,
      setTimer(run, ms) {
        if (ms !== 10_000) waits.push(ms)
        return clock.setTimer(run, ms)
      },
    },
    log: { info() {}, warn() {}, error() {} },
    random: () => drawn,
    kept: null,
    backup: null,
    usage: null,
    doorbell: null,
  })
  await source.asked
  await until(() => waits.length === 1, 5_000)
  await source.close()
  await fake.close()
  return waits
}

describe('an older state of the flags', () => {
  it('E10: that a lagging replica serves is not taken, and the newer one does not flap', async () => {
    const followed = await follow(ONE)
    const { server, source } = followed
    server.publish(FIVE, 7)
    await followed.next()
    const hashes = new Set([source.current()?.hash])
    source.onChange(() => hashes.add(source.current()?.hash))
    for (let times = 0; times < 3; times++) {
      server.publish(ONE, 6)
      await followed.next()
      expect(source.status().fault).toBe('answered an older state of the flags: revision 6 after 7')
      server.publish(FIVE, 7)
      await followed.next()
      expect(source.status().fault).toBeNull()
    }
    expect([...hashes]).toEqual([hashOf(FIVE)])
  })

  it('E10: than the one that was kept from before is not taken either', async () => {
    const revision = { query: 'fa4e', number: 7 }
    const kept = { document: FIVE, ageMs: 90_000, words: 'the backup', revision }
    const followed = await follow(ONE, { kept })
    const { server, source } = followed
    expect(source.current()?.hash).toBe(hashOf(FIVE))
    expect(source.status().fault).toBe('answered an older state of the flags: revision 1 after 7')
    server.publish(ONE, 8)
    await followed.next()
    expect(source.current()).toMatchObject({
      document: ONE,
      revision: { query: 'fa4e', number: 8 },
    })
  })

  it('E10: that is all there is for a minute is taken, and said: a database was restored', async () => {
    const followed = await follow(ONE)
    const { server, source, clock, lines } = followed
    server.publish(FIVE, 7)
    await followed.next()
    server.publish(ONE, 3)
    const startMs = clock.monotonicMs()
    while (source.current()?.hash !== hashOf(ONE)) await followed.next()
    expect(clock.monotonicMs() - startMs).toBe(MINUTE_MS + INTERVAL_MS)
    expect(lines.join('\n')).toContain('warn flags went back to an older revision')
  })
})
