import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { UnleashAdmin } from '../../src/unleash/admin.ts'
import { manualClock } from '../fakes/clock.ts'
import { freePort } from '../fakes/free-port.ts'
import { realClock } from './clock.ts'
import { adminOf, adminServer, done, flagAt, gradual } from './flags.ts'

const HEAD = { type: 'release', description: 'by people', impressionData: false }

describe('the Admin API of a real Unleash', () => {
  it('makes a flag, says what it is, turns it on and off', async () => {
    const admin = adminOf()
    await done(admin.createFlag('admin-life', HEAD))
    await done(admin.addStrategy('admin-life', gradual(5, 'admin-life')))
    expect(await done(admin.flag('admin-life'))).toMatchObject({
      name: 'admin-life',
      type: 'release',
      description: 'by people',
      enabled: false,
      parents: [],
      strategies: [{ name: 'flexibleRollout', parameters: { rollout: '5' } }],
    })
    await done(admin.turnOn('admin-life'))
    expect((await done(admin.flag('admin-life'))).enabled).toBe(true)
    expect((await done(adminOf('production').flag('admin-life'))).enabled).toBe(false)
    await done(admin.turnOff('admin-life'))
    await done(admin.turnOff('admin-life'))
    expect((await done(admin.flag('admin-life'))).enabled).toBe(false)
  })

  it('raises a percentage from what was read, and not from what somebody else made of it', async () => {
    const admin = adminOf()
    await flagAt('admin-percent', 5)
    const [strategy] = (await done(admin.flag('admin-percent'))).strategies
    const id = String(strategy?.id)
    expect(await admin.setPercent('admin-percent', id, '4', 10)).toMatchObject({ kind: 'changed' })
    await done(admin.setPercent('admin-percent', id, '5', 10))
    const [after] = (await done(admin.flag('admin-percent'))).strategies
    expect(after).toEqual({ ...strategy, parameters: { ...strategy?.parameters, rollout: '10' } })
  })

  it('takes a description of any length, and only in place of the one that was read', async () => {
    const admin = adminOf()
    await done(admin.createFlag('admin-words', HEAD))
    const long = 'x'.repeat(20_000)
    expect(await admin.setDescription('admin-words', null, long)).toMatchObject({ kind: 'changed' })
    await done(admin.setDescription('admin-words', 'by people', long))
    expect((await done(admin.flag('admin-words'))).description).toBe(long)
  })

  it('has segments, parents, and a list of its strategies', async () => {
    const admin = adminOf()
    const constraints = [{ contextName: 'tenantId', operator: 'IN', values: ['acme'] }]
    const id = await done(admin.createSegment({ name: 'admin-acme', constraints }))
    await done(admin.updateSegment(id, { name: 'admin-acme', constraints: [] }))
    const segments = await done(admin.segments())
    expect(segments.find((one) => one.id === id)).toMatchObject({ name: 'admin-acme' })
    await done(admin.createFlag('admin-parent', HEAD))
    await done(admin.createFlag('admin-child', HEAD))
    await done(admin.addParent('admin-child', { feature: 'admin-parent', enabled: true }))
    expect((await done(admin.flag('admin-child'))).parents).toMatchObject([
      { feature: 'admin-parent', enabled: true },
    ])
    await done(admin.removeParent('admin-child', 'admin-parent'))
    expect((await done(admin.flag('admin-child'))).parents).toEqual([])
    expect(await done(admin.strategyNames())).toContain('flexibleRollout')
  })

  it('says what is not there, what it will not take, and whom it does not know', async () => {
    const admin = adminOf()
    expect(await admin.flag('admin-nowhere')).toEqual({
      kind: 'missing',
      words: 'answered 404: There\'s no feature named "admin-nowhere" in project "default".',
    })
    await done(admin.createFlag('admin-taken', HEAD))
    expect(await admin.createFlag('admin-taken', HEAD)).toMatchObject({ kind: 'refused' })
    expect(await adminOf('moon').flag('admin-taken')).toEqual({
      kind: 'refused',
      words: 'has no environment moon for admin-taken',
    })
    expect(await adminOf('moon').turnOff('admin-taken')).toMatchObject({ kind: 'missing' })
    for (const token of ['*:*.revoked', inject('unleash').tokens.development]) {
      const server = { ...adminServer(), token: { reveal: () => token } }
      const stranger = new UnleashAdmin(server, { fetch, clock: realClock })
      expect(await stranger.turnOff('admin-taken')).toMatchObject({ kind: 'unauthorised' })
    }
  })
})

async function served(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`
}

function adminAt(url: string, clock = realClock): UnleashAdmin {
  return new UnleashAdmin({ ...adminServer(), url }, { fetch, clock })
}

describe('what is no Unleash', () => {
  it('A19: is not followed where it redirects to: the token would go there', async () => {
    let visited = 0
    const elsewhere = await served((_, response) => {
      visited++
      response.end('{}')
    })
    const url = await served((_, response) => {
      response.writeHead(307, { location: elsewhere }).end()
    })
    expect(await adminAt(url).turnOff('x')).toMatchObject({
      kind: 'fault',
      words: 'answered 307: redirects are not followed; write where they lead to',
    })
    expect(visited).toBe(0)
  })

  it.each([
    ['HTML', '<html>welcome</html>', "answered 200, but not as Unleash's Admin API does"],
    ['wrong types', '{"environments": 7}', "answered 200, but not as Unleash's Admin API does"],
    ['without an end', 'x'.repeat(5_000_000), 'answered 5000000 bytes or more'],
  ])('is told apart: %s', async (_, body, words) => {
    const url = await served((_request, response) => response.end(body))
    expect(await adminAt(url).flag('x')).toEqual({ kind: 'fault', words })
  })

  it('is not waited for longer than ten seconds', async () => {
    const asked = Promise.withResolvers<void>()
    const url = await served(() => asked.resolve())
    const clock = manualClock()
    const answer = adminAt(url, clock).turnOff('x')
    await asked.promise
    clock.advance(10_000)
    expect(await answer).toEqual({ kind: 'fault', words: 'did not answer in 10 s' })
  })

  it('that is not there is named by its fault', async () => {
    expect(await adminAt(`http://127.0.0.1:${await freePort()}/api`).turnOff('x')).toEqual({
      kind: 'fault',
      words: 'could not be asked (ECONNREFUSED)',
    })
  })
})
