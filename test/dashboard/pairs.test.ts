import { beforeAll, expect, it } from 'vitest'
import type { Pair } from '../../src/types.ts'
import { ask, type Served } from '../node/process.ts'
import { expectAccessible, expectQuiet } from './browser.ts'
import { setStage } from './stage.ts'

/** Pairs of a real shadow, side by side. */

const SHADOW = `    plan: { steps: [5%, 99%], over: 14d }
    shadow: { rate: 100%, content: { capture: true } }
`

const PICK = {
  type: 'function',
  function: {
    name: 'pick',
    parameters: {
      type: 'object',
      properties: { seat: { type: 'integer' }, row: { type: 'integer' } },
      required: ['seat', 'row'],
    },
  },
}

const stage = setStage({ rollout: SHADOW, relaySeed: 2 })
let served: Served

beforeAll(async () => {
  served = stage.served
  await served.api('rollouts/relay/start', { by: 'alice', reason: 'to compare' })
})

it('D6: both answers are beside each other, as text', { timeout: 60_000 }, async () => {
  const content = '<img src=x onerror=alert(1)> what is the state of the cache?'
  for (let at = 0; at < 12; at++) {
    const messages = [{ role: 'user', content: `${content} ${at}` }]
    await (await ask(served.dataUrl, { model: 'gpt-5.2', messages })).text()
  }
  const watched = await stage.open()
  const { page } = watched
  await page.getByRole('heading', { level: 1, name: 'relay' }).waitFor()
  await page.evaluate(`location.hash = '#/pairs/relay'`)
  await page.locator('.pair').first().waitFor()
  await expectAccessible(page)
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: /^Pair / }).waitFor()
  await page.getByRole('heading', { name: 'What they said' }).waitFor()
  expect(await page.locator('pre.text').first().innerText()).toContain(
    '<img src=x onerror=alert(1)>',
  )
  expect(await page.getByText('Simulated answer').count()).toBeGreaterThanOrEqual(2)
  expect(await page.locator('main img').count()).toBe(0)
  await expectAccessible(page)
  await page.getByRole('link', { name: 'Its request' }).click()
  await page.getByRole('heading', { name: /^Request hg_/ }).waitFor()
  await expectQuiet(watched)
})

it.each([
  [
    'the arguments of a tool call',
    { messages: [{ role: 'user', content: 'simulate:tool which one?' }], tools: [PICK] },
    'call 1, pick: ',
  ],
  ['JSON', { response_format: { type: 'json_object' } }, 'text'],
])('what differs in %s is shown place by place', async (_, body, where) => {
  const answered = await ask(served.dataUrl, { model: 'gpt-5.2', ...body })
  await answered.text()
  const request = answered.headers.get('x-headgate-request-id')
  const watched = await stage.open()
  const { page } = watched
  const id = await pairOf(request)
  await page.evaluate(`location.hash = '#/pairs/relay/${id}'`)
  const row = page.locator('.changes tbody tr').first()
  await row.waitFor()
  const [place, control, canary] = await row.locator('th, td').allInnerTexts()
  expect(place).toContain(where)
  expect(control).not.toBe(canary)
  expect((await page.locator('mark').count()) > 0).toBe(where === 'text')
  await expectAccessible(page)
  await expectQuiet(watched)
  await page.context().close()
})

/** Its shadow is asked once the caller has the answer. */
async function pairOf(request: string | null): Promise<string> {
  for (;;) {
    const { items } = (await served.api('pairs?rollout=relay')) as { items: Pair[] }
    const found = items.find(({ requestId }) => requestId === request)
    if (found !== undefined) return found.id
  }
}
