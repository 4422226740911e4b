import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Unleash } from 'unleash-client'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { type Served, startServe } from '../node/process.ts'
import { type Admin, adminOf, gradualOf } from './admin-calls.ts'
import { type RunningUnleash, startUnleash } from './start.ts'

/** `headgate serve` behind a real Unleash, while a person moves its flags. */

const UNITS = Array.from({ length: 400 }, (_, index) => `unit-${index}`)

let served: Served | null = null

afterEach(async () => {
  await served?.stop()
  served = null
})

interface Place {
  readonly url: string
  readonly admin: string
  readonly tokens: Readonly<Record<'development', string>>
}

/** A flag and a kill flag of this name, both made in Unleash, and a Headgate that follows them. */
async function start(
  place: Place,
  name: string,
  token = place.tokens.development,
): Promise<{ served: Served; admin: Admin; id: string }> {
  const admin = adminOf(place)
  await admin.create(name)
  const id = await admin.addStrategy(name, gradualOf(name, 0))
  await admin.turn(name, 'on')
  await admin.create(`${name}-kill`, { type: 'kill-switch' })
  await admin.addStrategy(`${name}-kill`, { name: 'default' })
  const running = await startServe({
    flags: `{ unleash: { url: "${place.url}", token: { file: unleash.token }, interval: 1s, usageInterval: 1s } }`,
    files: { 'unleash.token': token },
    rollout: `    kill: ${name}-kill\n`,
    flag: name,
  })
  served = running
  return { served: running, admin, id }
}

interface Drawn {
  readonly arm: string | null
  readonly reason: string | null
}

async function draw({ dataUrl }: Served, unit: string): Promise<Drawn> {
  const answer = await fetch(`${dataUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-headgate-unit': unit },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
  })
  await answer.text()
  if (answer.status !== 200) throw new Error(`a caller saw ${answer.status}`)
  return {
    arm: answer.headers.get('x-headgate-arm'),
    reason: answer.headers.get('x-headgate-reason'),
  }
}

async function canariesOf(running: Served): Promise<string[]> {
  const arms = await Promise.all(UNITS.map(async (unit) => (await draw(running, unit)).arm))
  return UNITS.filter((_, index) => arms[index] === 'canary')
}

/** Asks for one unit until `is` holds. @returns ms since the call */
async function propagated(
  running: Served,
  unit: string,
  is: (drawn: Drawn) => boolean,
): Promise<number> {
  const startMs = performance.now()
  while (!is(await draw(running, unit))) await new Promise((done) => setTimeout(done, 10))
  return performance.now() - startMs
}

/** Who is in, as Unleash's own SDK sees it. */
async function inByUnleash(place: Place, flag: string): Promise<string[]> {
  const client = new Unleash({
    url: place.url,
    appName: 'oracle',
    refreshInterval: 1_000,
    disableMetrics: true,
    customHeaders: { authorization: place.tokens.development },
  })
  try {
    await once(client, 'synchronized')
    return UNITS.filter((userId) => client.isEnabled(flag, { userId }))
  } finally {
    client.destroy()
  }
}

describe('a flag in Unleash', () => {
  it('E7: climbs from 0 over 1 and 25 to 100 with the sets that Unleash itself has, and nobody leaves on the way up', async () => {
    const place = inject('unleash')
    const { served, admin, id } = await start(place, 'climbs')
    expect(await canariesOf(served)).toEqual([])
    let before: string[] = []
    for (const percent of [1, 25, 100]) {
      await admin.setRollout('climbs', id, percent)
      await served.logged('"split"', `"ceilingPercent":${percent}`)
      const canaries = await canariesOf(served)
      expect(canaries).toEqual(await inByUnleash(place, 'climbs'))
      expect(canaries).toEqual(expect.arrayContaining(before))
      before = canaries
    }
    expect(before).toHaveLength(UNITS.length)
    await admin.turn('climbs', 'off')
    // Not by its log: an Unleash that still answered from before the flag was turned on is there as "off" too.
    await propagated(served, 'unit-0', ({ reason }) => reason === 'flag_off')
    expect(await canariesOf(served)).toEqual([])
  })

  it('never multiplies with the height of a rollout: the lesser of the two decides', async () => {
    const place = inject('unleash')
    const { served, admin, id } = await start(place, 'nests')
    await admin.setRollout('nests', id, 50)
    await served.logged('"split"', '"ceilingPercent":50')
    const half = await canariesOf(served)
    const share = async (percent: number): Promise<string[]> => {
      const answer = await fetch(`${served.controlUrl}api/v1/rollouts/relay/share`, {
        method: 'PUT',
        headers: {
          authorization: 'Bearer control-token-0123456789',
          'content-type': 'application/json',
        },
        body: JSON.stringify({ percent, by: 'ada', reason: 'test' }),
      })
      expect(answer.status).toBe(200)
      return canariesOf(served)
    }
    expect(await share(90)).toEqual(half)
    const tenth = await share(10)
    await admin.setRollout('nests', id, 10)
    await served.logged('"split"', '"ceilingPercent":10')
    expect(tenth).toEqual(await inByUnleash(place, 'nests'))
    expect(await canariesOf(served)).toEqual(tenth)
  })

  it('E8: stops at the kill flag, and what that took is printed', async () => {
    const place = inject('unleash')
    const { served, admin, id } = await start(place, 'dies')
    await admin.setRollout('dies', id, 100)
    const upMs = await propagated(served, 'u', ({ arm }) => arm === 'canary')
    const began = performance.now()
    await admin.turn('dies-kill', 'on')
    const killMs = await propagated(served, 'u', ({ reason }) => reason === 'killed')
    const fromWriteMs = performance.now() - began
    const calls = served.relay.requests.total
    for (let times = 0; times < 20; times++) await draw(served, 'u')
    expect(served.relay.requests.total).toBe(calls)
    await admin.turn('dies-kill', 'off')
    await propagated(served, 'u', ({ arm }) => arm === 'canary')
    const commandMs = await rolledBack(served)
    console.log(
      `known here, polled each second: a new share ${upMs.toFixed(0)} ms after its write, ` +
        `the kill flag ${killMs.toFixed(0)} ms (${fromWriteMs.toFixed(0)} ms from the call that wrote it); ` +
        `the control plane's own rollback ${commandMs.toFixed(0)} ms`,
    )
  })

  it('is told of every request: yes for the canary, no for control', async () => {
    const place = inject('unleash')
    const { served, admin, id } = await start(place, 'counts')
    await knownToMetrics(place, admin, 'counts')
    await admin.setRollout('counts', id, 25)
    await served.logged('"split"', '"ceilingPercent":25')
    const canaries = await canariesOf(served)
    const yes = canaries.length
    const no = UNITS.length - yes
    const counted = async (): Promise<Usage[] | null> => {
      const path = '/client-metrics/features/counts/raw'
      const { data } = (await admin.call('GET', path)) as { data: Usage[] }
      const seen = data.filter(({ appName }) => appName === 'headgate')
      return total(seen, 'yes') + total(seen, 'no') < UNITS.length ? null : seen
    }
    const seen = await vi.waitUntil(counted, POLLED)
    expect([total(seen, 'yes'), total(seen, 'no')]).toEqual([yes, no])
    const variants = seen.map(({ variants }) => variants ?? {})
    const sum = (arm: string): number => variants.reduce((all, one) => all + (one[arm] ?? 0), 0)
    expect([sum('canary'), sum('control')]).toEqual([yes, no])
  })

  it('E5: that is archived means control within a refresh', async () => {
    const place = inject('unleash')
    const { served, admin, id } = await start(place, 'ends')
    await admin.setRollout('ends', id, 100)
    await propagated(served, 'u', ({ arm }) => arm === 'canary')
    await admin.turn('ends', 'off')
    await admin.archive('ends')
    await propagated(served, 'u', ({ reason }) => reason === 'flag_off')
  })
})

/** Unleash remembers the names of its flags for ten seconds, and until then drops what it is told of a newer one. */
async function knownToMetrics(place: Place, admin: Admin, flag: string): Promise<void> {
  const at = new Date().toISOString()
  const bucket = { start: at, stop: at, toggles: { [flag]: { yes: 1, no: 0, variants: {} } } }
  const isKnown = async (): Promise<boolean> => {
    await fetch(`${place.url}/client/metrics`, {
      method: 'POST',
      headers: { authorization: place.tokens.development, 'content-type': 'application/json' },
      body: JSON.stringify({ appName: 'other', instanceId: 'other', bucket }),
    })
    const raw = (await admin.call('GET', `/client-metrics/features/${flag}/raw`)) as {
      data: Usage[]
    }
    return raw.data.some(({ appName, yes }) => appName === 'other' && Number(yes) > 0)
  }
  await vi.waitUntil(isKnown, POLLED)
}

/** What a server of its own stores is there when it is there; the test's timeout bounds it before this does. */
const POLLED = { interval: 200, timeout: 120_000 }

function total(usages: readonly Usage[], key: 'yes' | 'no'): number {
  return usages.reduce((sum, one) => sum + Number(one[key]), 0)
}

interface Usage {
  readonly appName: string
  readonly yes: number
  readonly no: number
  readonly variants?: Record<string, number>
}

/** A person's rollback through the control plane. @returns ms until no request goes to the relay */
async function rolledBack(running: Served): Promise<number> {
  const startMs = performance.now()
  await running.api('rollouts/relay/rollback', { by: 'ada', reason: 'test' })
  await propagated(running, 'u', ({ reason }) => reason === 'latched')
  return performance.now() - startMs
}

describe('an Unleash server that dies', () => {
  let own: RunningUnleash
  beforeAll(async () => {
    own = await startUnleash(inject('unleash').postgres, 'dying')
  })
  afterAll(() => own.stop())

  it('E2: is killed and started again, and no caller notices; what changed meanwhile is followed', async () => {
    const { served, admin, id } = await start(own, 'survives')
    await admin.setRollout('survives', id, 50)
    await served.logged('"split"', '"ceilingPercent":50')
    const before = await canariesOf(served)
    let asked = 0
    let stop = false
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!stop) await draw(served, `unit-${asked++ % UNITS.length}`)
      }),
    )
    await own.stop()
    await served.logged('flags not read')
    expect(await canariesOf(served)).toEqual(before)
    await own.start()
    await served.logged('flags confirmed again')
    expect(await canariesOf(served)).toEqual(before)
    await admin.setRollout('survives', id, 10)
    await served.logged('"split"', '"ceilingPercent":10')
    expect((await canariesOf(served)).length).toBeLessThan(before.length)
    stop = true
    await load
    expect(asked).toBeGreaterThan(UNITS.length)
    console.log(`${asked} requests while Unleash was killed and started again, none failed`)
  })

  it('E3: that refuses the token is asked on, and followed again once the token in its file is a good one', async () => {
    const admin = adminOf(own)
    const tokenOf = async (tokenName: string): Promise<string> => {
      const scope = { environment: 'development', projects: ['*'] }
      const made = await admin.call('POST', '/api-tokens', { type: 'backend', tokenName, ...scope })
      return (made as { secret: string }).secret
    }
    const first = await tokenOf('first')
    const { served, id } = await start(own, 'revoked', first)
    await admin.setRollout('revoked', id, 100)
    await propagated(served, 'u', ({ arm }) => arm === 'canary')
    await admin.call('DELETE', `/api-tokens/${encodeURIComponent(first)}`)
    // A running server remembers it for up to a minute.
    await own.stop()
    await own.start()
    await served.logged('flags not read', 'answered 401')
    expect((await draw(served, 'u')).arm).toBe('canary')
    await admin.turn('revoked', 'off')
    writeFileSync(join(served.folder, 'unleash.token'), await tokenOf('second'))
    await propagated(served, 'u', ({ reason }) => reason === 'flag_off')
    expect(served.stderr()).not.toContain(first.split('.')[1])
  })
})
