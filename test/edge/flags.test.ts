import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { call } from '../fakes/caller.ts'
import { documentOf, documentWith } from '../fakes/gateway.ts'
import { ask, stage } from './story.ts'

/** What the object of a rollout asks of an Unleash server, and what comes of it in isolates. */

async function unleash() {
  const asked: IncomingHttpHeaders[] = []
  const server = { percent: 100, status: 200 }
  const listener = createServer((request, answer) => {
    asked.push(request.headers)
    const etag = `"${server.percent}"`
    const unchanged = request.headers['if-none-match'] === etag
    const status = server.status === 200 && unchanged ? 304 : server.status
    answer.writeHead(status, { etag, 'content-type': 'application/json' })
    answer.end(status === 200 ? JSON.stringify(documentOf(server.percent, false)) : undefined)
  })
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done))
  onTestFinished(() => void listener.close())
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/api`
  return { asked, server, url }
}

it('the object asks Unleash, with its token and by ETag, and isolates follow; an outage changes nothing', async () => {
  const { asked, server, url } = await unleash()
  const made = await stage(
    { plan: { steps: ['50%', '99%'], over: '2h' } },
    {
      flags: { unleash: { url, token: { binding: 'UNLEASH' }, interval: '1s' } },
      secrets: { UNLEASH: 'default:development.unleash-secret' },
    },
  )
  await made.first.command('start')
  await made.until(({ arms }) => arms.canary.requests > 5)
  while (!asked.some((headers) => headers['if-none-match'] === '"100"')) await ask(made.first)
  expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(
    new Set(['default:development.unleash-secret']),
  )
  server.status = 500
  const before = asked.length
  while (asked.length < before + 3) await ask(made.first)
  await made.until(({ share, flags }) => share.target === 50 && flags.fault !== null)
  server.status = 200
  server.percent = 0
  while ((await ask(made.first)).headers['x-headgate-reason'] !== 'flag_off');
})

it('a REGEX constraint holds from the first request on, also where it shuts out', async () => {
  const strategy = {
    name: 'flexibleRollout',
    parameters: { rollout: '100', stickiness: 'default', groupId: 'headgate-relay' },
    constraints: [
      {
        contextName: 'model',
        operator: 'REGEX',
        value: '^bank-[0-9]+$',
        values: [],
        inverted: true,
        caseInsensitive: true,
      },
    ],
  }
  const document = documentWith([{ name: 'headgate-relay', enabled: true, strategies: [strategy] }])
  const made = await stage({}, { document })
  const armOf = async (model: string) => {
    const body = { model, messages: [{ role: 'user', content: 'hi' }] }
    const headers = { 'x-headgate-unit': 'team-38' }
    const reply = await call(`${made.first.url}/v1/chat/completions`, { body, headers })
    return reply.headers['x-headgate-arm']
  }
  expect(await armOf('BANK-7')).toBe('control')
  expect(await armOf('bank-x')).toBe('canary')
})
