import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ask, type Served } from '../node/process.ts'
import { expectAccessible, expectQuiet, openPage, startBrowser } from './browser.ts'
import { signedIn, startPlanned } from './served.ts'

/** Pairs of a real shadow, side by side. */

const SHADOW = `    plan: { steps: [5%, 99%], over: 14d }
    shadow: { rate: 100%, content: { capture: true } }
`

let browser: Browser
let served: Served

beforeAll(async () => {
  ;[browser, served] = await Promise.all([startBrowser(), startPlanned({ rollout: SHADOW })])
  await served.api('rollouts/relay/start', { by: 'alice', reason: 'to compare' })
}, 60_000)

afterAll(async () => {
  await browser.close()
  await served.stop()
})

it('D6: both answers are beside each other, as text', { timeout: 60_000 }, async () => {
  const content = '<img src=x onerror=alert(1)> what is the state of the cache?'
  for (let at = 0; at < 12; at++) {
    const messages = [{ role: 'user', content: `${content} ${at}` }]
    await (await ask(served.dataUrl, { model: 'gpt-5.2', messages })).text()
  }
  const watched = await openPage(browser, signedIn(served))
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
