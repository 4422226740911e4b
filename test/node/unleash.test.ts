import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { HealthView } from '../../src/api/views/health.ts'
import { type FlagDocument, hashOf, parseDocument } from '../../src/flag/document.ts'
import { documentOf, documentWith, gradual } from '../fakes/gateway.ts'
import { FAKE_TOKEN, type FakeUnleash, startFakeUnleash } from '../fakes/unleash-server.ts'
import { ask, type Served, startServe } from './process.ts'

/** `headgate serve` behind an Unleash server that does what a test says. */

let served: Served | null = null
let unleash: FakeUnleash | null = null

afterEach(async () => {
  await served?.stop()
  await unleash?.close()
  served = null
  unleash = null
})

interface Setup {
  /** Null: the server answers 503. */
  readonly percent: number | null
  /** Of `flags`, behind `unleash`. */
  readonly flags?: string
  /** Of `flags.unleash`. */
  readonly more?: string
}

async function start({ percent, flags = '', more = '' }: Setup) {
  const fake = await startFakeUnleash(percent === null ? null : documentOf(percent, false))
  unleash = fake
  const running = await startServe({
    flags: `{ unleash: { url: "${fake.url}", token: { env: UNLEASH_TOKEN }, interval: 1s, usageInterval: 1s${more} }${flags} }`,
    env: { UNLEASH_TOKEN: FAKE_TOKEN },
  })
  served = running
  return { served: running, unleash: fake }
}

async function reasonOf({ dataUrl }: Served): Promise<string | null> {
  const answer = await ask(dataUrl)
  await answer.text()
  expect(answer.status).toBe(200)
  return answer.headers.get('x-headgate-reason')
}

/** Asks until the reason is this; the test's own limit ends it. */
async function untilReason(running: Served, reason: string): Promise<void> {
  while ((await reasonOf(running)) !== reason) await new Promise((done) => setTimeout(done, 20))
}

/** Resolves once what it holds is on disk: a moment after it is in force. */
async function backedUp(running: Served): Promise<void> {
  const { hash } = (await running.rollout()).flags
  for (;;) {
    const parsed = parseDocument(backupOf(running))
    if (parsed.ok) {
      const { headgate: _, ...document } = parsed.document as FlagDocument & { headgate: unknown }
      if (hashOf(document) === hash) return
    }
    await new Promise((done) => setTimeout(done, 10))
  }
}

function backupOf({ folder }: Served): string {
  try {
    return readFileSync(join(folder, '.headgate/flags.json'), 'utf8')
  } catch {
    return ''
  }
}

async function readiness({ dataUrl }: Served): Promise<unknown> {
  return (await fetch(new URL('/readyz', dataUrl))).json()
}

const relayCalls = ({ relay }: Served): number => relay.requests.total

describe('headgate serve behind an Unleash server', () => {
  it('follows it: share, kill, and the way back', async () => {
    const { served, unleash } = await start({ percent: 0 })
    expect(await reasonOf(served)).toBe('flag_off')
    unleash.publish(documentOf(100, false))
    await served.logged('"split"', '"ceilingPercent":100')
    expect(await reasonOf(served)).toBe('split')
    expect(relayCalls(served)).toBe(1)
    unleash.publish(documentOf(100, true))
    await served.logged('"split"', '"killed":true')
    expect(await reasonOf(served)).toBe('killed')
  })

  it('says how old the word of the flags is, and how long a change may go unseen', async () => {
    const { served, unleash } = await start({ percent: 5 })
    const health = (await served.api('health')) as HealthView
    expect(health.flags).toMatchObject({
      source: `unleash:${unleash.url}`,
      maxAgeMs: 900_000,
      refreshMs: 1_000,
      fault: null,
    })
    expect(health.flags.ageMs).toBeLessThan(60_000)
    expect((await served.rollout()).flags).toMatchObject({ source: `unleash:${unleash.url}` })
    unleash.answer({ kind: 'status', status: 503 })
    await served.logged('flags not read', 'answered 503')
    const before = (await served.rollout()).flags.ageMs ?? 0
    await unleash.polled(unleash.polls.length + 1)
    expect((await served.rollout()).flags.ageMs).toBeGreaterThan(before)
    expect(await readiness(served)).toEqual({ ready: true, degraded: ['flags'] })
  })

  it('tells it which arm requests were drawn for, once each, whoever answered', async () => {
    const { served, unleash } = await start({ percent: 100 })
    await served.relay.setFault({ kind: 'status', status: 503 })
    for (let times = 0; times < 3; times++) await (await ask(served.dataUrl)).text()
    expect(await unleash.reported('/api/client/metrics')).toMatchObject({
      bucket: {
        toggles: {
          'headgate-relay': { yes: 3, no: 0, variants: { canary: 3 } },
          'headgate-kill': { yes: 0, no: 3 },
        },
      },
    })
  })

  it('may be targeted by the model and by a header that config maps', async () => {
    const { served, unleash } = await start({
      percent: 0,
      flags: ', context: { tenant: x-tenant }',
    })
    const [feature] = documentOf(100, false).features
    const constraints = [
      { contextName: 'model', operator: 'IN', values: ['m'] },
      { contextName: 'tenant', operator: 'IN', values: ['acme'] },
      { contextName: 'environment', operator: 'IN', values: ['development'] },
    ]
    const strategies = feature?.strategies.map((one) => ({ ...one, constraints })) ?? []
    unleash.publish(
      documentWith([{ ...feature, name: 'headgate-relay', enabled: true, strategies }]),
    )
    await served.logged('"split"', '"flag":"context"')
    const armOf = async (tenant: string | null, model: string): Promise<string | null> => {
      const answer = await fetch(`${served.dataUrl}/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(tenant === null ? {} : { 'x-tenant': tenant }),
        },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
      })
      await answer.text()
      return answer.headers.get('x-headgate-arm')
    }
    expect(await armOf('acme', 'm')).toBe('canary')
    expect(await armOf('other', 'm')).toBe('control')
    expect(await armOf(null, 'm')).toBe('control')
    expect(await armOf('acme', 'n')).toBe('control')
  })

  it('E1: starts without it, on control, ready and degraded, and follows it once it is there', async () => {
    const { served, unleash } = await start({ percent: null })
    expect(await reasonOf(served)).toBe('stale')
    expect(await readiness(served)).toEqual({ ready: true, degraded: ['flags'] })
    unleash.publish(documentOf(100, false))
    await untilReason(served, 'split')
    expect(await readiness(served)).toEqual({ ready: true, degraded: [] })
  })

  it('E1: starts on the bootstrap where there was never an answer', async () => {
    const { served, unleash } = await start({
      percent: null,
      more: ', bootstrap: flags/relay.json',
    })
    // The bootstrap says 0 %: read, and off.
    expect(await reasonOf(served)).toBe('flag_off')
    served.writeFlags(100)
    await served.restart()
    expect(await reasonOf(served)).toBe('split')
    unleash.publish(documentOf(0, false))
    await untilReason(served, 'flag_off')
  })

  it('E1: starts on its backup without it, and never on more than it last said', async () => {
    const { served, unleash } = await start({ percent: 100, more: ', bootstrap: flags/relay.json' })
    expect(await reasonOf(served)).toBe('split')
    unleash.publish(documentOf(0, false))
    await untilReason(served, 'flag_off')
    await backedUp(served)
    unleash.answer({ kind: 'status', status: 503 })
    served.writeFlags(100)
    await served.restart()
    await served.logged('flags from before', 'the backup of')
    expect(await reasonOf(served)).toBe('flag_off')
  })

  it('E1: a kill that was known holds over a restart without it', async () => {
    const { served, unleash } = await start({ percent: 100 })
    unleash.publish(documentOf(100, true))
    await untilReason(served, 'killed')
    await backedUp(served)
    unleash.answer({ kind: 'status', status: 503 })
    await served.restart()
    expect(await reasonOf(served)).toBe('killed')
  })

  it('E10: a kill that was known holds over a reload and a restart at a replica that lags', async () => {
    const { served, unleash } = await start({ percent: 100 })
    unleash.publish(documentOf(100, true), 7)
    await untilReason(served, 'killed')
    await backedUp(served)
    unleash.publish(documentOf(100, false), 6)
    await served.logged('flags not read', 'revision 6 after 7')
    served.writeConfig(served.configText().replace('interval: 1s', 'interval: 2s'))
    await served.logged('configuration taken')
    await unleash.polled(unleash.polls.length + 1)
    expect(await reasonOf(served)).toBe('killed')
    await served.restart()
    expect(await reasonOf(served)).toBe('killed')
    unleash.publish(documentOf(100, false), 8)
    await untilReason(served, 'split')
  })

  it('E2: holds the last good flags while it is away, then control takes all, and a kill stays a kill', async () => {
    const { served, unleash } = await start({ percent: 100, flags: ', maxAge: 3s' })
    expect(await reasonOf(served)).toBe('split')
    unleash.answer({ kind: 'status', status: 503 })
    await served.logged('flags not read', 'answered 503')
    expect(await reasonOf(served)).toBe('split')
    await untilReason(served, 'stale')
    unleash.publish(documentOf(100, true))
    await untilReason(served, 'killed')
    unleash.answer({ kind: 'status', status: 502 })
    // Past its age the kill is still the last thing anybody said.
    while (((await served.rollout()).flags.ageMs ?? 0) < 3_500) {
      await new Promise((done) => setTimeout(done, 50))
    }
    unleash.answer({ kind: 'status', status: 500 })
    await served.logged('flags not read', 'answered 500')
    expect(await reasonOf(served)).toBe('killed')
  })

  it.each([
    ['is gone', documentWith([])],
    [
      'is off in this environment',
      documentWith([{ ...gradual('headgate-relay', 100), enabled: false }]),
    ],
  ])('E5: a flag that %s means control within a refresh', async (_, document) => {
    const { served, unleash } = await start({ percent: 100 })
    expect(await reasonOf(served)).toBe('split')
    unleash.publish(document)
    await untilReason(served, 'flag_off')
  })

  it('E6: starts on control where its backup is damaged, and leaves the file as it is', async () => {
    const { served, unleash } = await start({ percent: 100 })
    expect(await reasonOf(served)).toBe('split')
    await backedUp(served)
    unleash.answer({ kind: 'status', status: 503 })
    await served.kill()
    const file = join(served.folder, '.headgate/flags.json')
    const damaged = readFileSync(file, 'utf8').replace('"rollout": "100"', '"rollout": "99"')
    writeFileSync(file, damaged)
    await served.restart()
    expect(await reasonOf(served)).toBe('stale')
    await served.logged('the backup of the flags is not used', 'checksum')
    expect(readFileSync(file, 'utf8')).toBe(damaged)
  })

  it('E9: asks for flags at its interval, and never because of a request', async () => {
    const { served, unleash } = await start({ percent: 50 })
    const before = unleash.polls.length
    const startMs = performance.now()
    for (let times = 0; times < 200; times++) await (await ask(served.dataUrl)).text()
    const intervals = (performance.now() - startMs) / 800
    expect(unleash.polls.length - before).toBeLessThanOrEqual(Math.ceil(intervals) + 1)
  })

  it('goes on without a gap when its configuration or its token changes', async () => {
    const { served, unleash } = await start({ percent: 100 })
    unleash.answer({ kind: 'hang' })
    served.writeConfig(served.configText().replace('interval: 1s', 'interval: 2s'))
    await served.logged('configuration taken')
    expect(await reasonOf(served)).toBe('split')
    expect((await served.rollout()).flags.refreshMs).toBe(2_000)
  })

  it('holds nothing of another environment when it is to follow that one', async () => {
    const { served, unleash } = await start({ percent: 100 })
    expect(await reasonOf(served)).toBe('split')
    unleash.answer({ kind: 'hang' })
    served.writeConfig(
      served.configText().replace('interval: 1s', 'environment: production, interval: 1s'),
    )
    await served.logged('configuration taken')
    expect(await reasonOf(served)).toBe('stale')
  })

  it('C10: never prints its token', async () => {
    const { served, unleash } = await start({ percent: 100 })
    for (const status of [401, 500]) {
      unleash.answer({ kind: 'status', status })
      await served.logged('flags not read', `answered ${status}`)
    }
    const said = [
      served.stderr(),
      JSON.stringify(await served.api('health')),
      JSON.stringify(await served.rollout()),
      readFileSync(join(served.folder, '.headgate/flags.json'), 'utf8'),
    ].join('\n')
    expect(said).not.toContain('fake-token')
  })
})
