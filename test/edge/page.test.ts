import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONTENT_POLICY } from '../../src/api/page-files.ts'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import { type SimulatedUpstream, startUpstream } from '../../src/demo/upstreams.ts'
import {
  expectAccessible,
  expectFits,
  expectQuiet,
  openPage,
  PHONE,
  startBrowser,
  type Watched,
} from '../dashboard/browser.ts'
import { freePort } from '../fakes/free-port.ts'
import { startWranglerDev, type WranglerDev } from './wrangler-dev.ts'

/** The page as wrangler serves it, from its assets; what it shows and does is the Worker's and its object's. */

const TOKEN = 'control-token-0123456789'

let worker: WranglerDev
let official: SimulatedUpstream
let relay: SimulatedUpstream

beforeAll(async () => {
  official = await startUpstream({ name: 'official', seed: 1, keys: ['official-key'] })
  relay = await startUpstream({ name: 'relay', seed: 1, keys: ['relay-key'] })
  worker = await startWranglerDev({
    port: await freePort(),
    secrets: { HEADGATE_TOKEN: TOKEN, OFFICIAL: 'official-key', RELAY: 'relay-key' },
    config: {
      version: 1,
      server: { open: true },
      control: { token: { binding: 'HEADGATE_TOKEN' } },
      upstreams: {
        official: { baseUrl: official.baseUrl, auth: { bearer: { binding: 'OFFICIAL' } } },
        relay: { baseUrl: relay.baseUrl, auth: { bearer: { binding: 'RELAY' } } },
      },
      flags: { file: 'flags.json' },
      rollouts: {
        relay: {
          match: { paths: ['/v1/chat/completions'] },
          control: 'official',
          canary: 'relay',
          flag: 'headgate-relay',
          kill: 'headgate-kill',
          plan: { steps: ['50%', '99%'], over: '14d' },
        },
      },
    },
  })
}, 90_000)

afterAll(async () => {
  await worker.close()
  await Promise.all([official.close(), relay.close()])
})

async function ask(unit: string): Promise<Headers> {
  const answer = await fetch(`${worker.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-headgate-unit': unit },
    body: JSON.stringify({ model: 'gpt-5.2', messages: [{ role: 'user', content: 'hi' }] }),
  })
  await answer.arrayBuffer()
  expect(answer.status).toBe(200)
  return answer.headers
}

async function api(path: string, body?: Record<string, string>): Promise<unknown> {
  const answer = await fetch(`${worker.url}/-/api/v1/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  expect(answer.status).toBe(200)
  return answer.json()
}

describe('the files of the page at the edge', () => {
  it('D6, D9: carry the same policy as on Node, and need no token', async () => {
    const answer = await fetch(`${worker.url}/-/`)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('<div id="page">')
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy.split('; ')).toHaveLength(Object.keys(CONTENT_POLICY).length)
    expect(policy).toContain("script-src 'self'; style-src 'self'")
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
  })

  it('leave everything else to the Worker', async () => {
    for (const path of ['/-/api/v1/rollouts', '/-/nothing', '/_headers']) {
      const answer = await fetch(`${worker.url}${path}`)
      expect(answer.headers.get('content-type')).toMatch(/json/)
      expect(answer.status).toBeGreaterThanOrEqual(401)
    }
  })
})

describe('the page at the edge, in a browser', () => {
  let browser: Browser
  let watched: Watched
  let page: Page

  beforeAll(async () => {
    browser = await startBrowser()
    watched = await openPage(browser, `${worker.url}/-/#token=${TOKEN}`)
    page = watched.page
  }, 60_000)

  afterAll(async () => {
    await browser.close()
  })

  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const dialog = () => page.getByRole('dialog')
  const rollout = async () => (await api('rollouts/relay')) as RolloutView

  it('starts the rollout for a named person, and shows what both arms answer', async () => {
    await button('Start').click()
    await page.getByLabel('Your name').fill('alice')
    await page.getByLabel('Why').fill('the relay passed our tests')
    await dialog().getByRole('button', { name: 'Start' }).click()
    await page.getByText('started 0 % → 50 % by alice').waitFor()
    expect(await rollout()).toMatchObject({ state: 'ramping', share: { target: 50 } })
    // An isolate hears of it with its next exchange.
    const arms = new Set<string | null>()
    for (let unit = 0; arms.size < 2; unit++)
      arms.add((await ask(`u-${unit}`)).get('x-headgate-arm'))
    await page
      .getByText(/canary 0 of [1-9]\d* failed/)
      .first()
      .waitFor()
    await expectFits(page)
    await expectAccessible(page)
  })

  it('rolls back by hand, and what an isolate then takes goes to control', async () => {
    await button('Roll back to 0 %').click()
    const stopped = page.getByRole('alert').filter({ hasText: 'Rolled back to 0 %' })
    await stopped.getByText('by alice').waitFor()
    let reason: string | null = null
    for (let unit = 0; reason !== 'latched'; unit++)
      reason = (await ask(`v-${unit}`)).get('x-headgate-reason')
    expect((await ask('w')).get('x-headgate-arm')).toBe('control')
  })

  it('rearms for a named person with a reason', async () => {
    await page.getByRole('alert').getByRole('button', { name: 'Rearm' }).click()
    await page.getByLabel('Why').fill('the relay is whole again')
    await dialog().getByRole('button', { name: 'Rearm' }).click()
    await page.getByText('epoch 2').waitFor()
    expect(await rollout()).toMatchObject({ state: 'idle', epoch: 2 })
  })

  it('is what a phone shows, in the dark', async () => {
    const phone = await openPage(browser, `${worker.url}/-/#token=${TOKEN}`, {
      ...PHONE,
      colorScheme: 'dark',
    })
    await phone.page.getByRole('heading', { level: 1, name: 'relay' }).waitFor()
    await phone.page.getByText('epoch 2').waitFor()
    await expectFits(phone.page)
    await expectAccessible(phone.page)
    await expectQuiet(phone)
    await phone.page.context().close()
  })

  it('D6: breaks no policy, and the policy holds against what would', async () => {
    await expectQuiet(watched)
    const inline = page.evaluate(`document.createElement('script').textContent = 'alert(1)'`)
    await expect(inline).rejects.toThrow('TrustedScript')
    await page.evaluate(`document.createElement('img').src = 'https://elsewhere.example/spy.png'`)
    await expect
      .poll(() => page.evaluate('window.policyReports'))
      .toEqual([
        'require-trusted-types-for trusted-types-sink',
        'img-src https://elsewhere.example/spy.png',
      ])
  })

  it('keeps what it knew while the Worker is away, and goes on when it is back', {
    timeout: 90_000,
  }, async () => {
    await worker.stop()
    await page.getByText('Headgate cannot be reached.').waitFor()
    await page.getByRole('heading', { level: 1, name: 'relay' }).waitFor()
    await worker.start()
    await page.getByText('Headgate cannot be reached.').waitFor({ state: 'hidden' })
    await api('rollouts/relay/start', { by: 'carol', reason: 'after the restart' })
    await page.getByText('started 0 % → 50 % by carol').waitFor()
    expect(await rollout()).toMatchObject({ state: 'ramping', epoch: 2 })
  })
})
