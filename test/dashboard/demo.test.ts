import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  expectAccessible,
  expectFits,
  expectQuiet,
  openPage,
  PHONE,
  startBrowser,
  type Watched,
} from './browser.ts'
import { type Demo, startDemo } from './demo.ts'

/** The real demo in the real page: one run of it, watched by two people. */

describe('the demo', () => {
  let browser: Browser
  let demo: Demo
  let desktop: Watched
  let phone: Watched

  beforeAll(async () => {
    ;[browser, demo] = await Promise.all([startBrowser(), startDemo()])
    desktop = await openPage(browser, demo.pageUrl)
    phone = await openPage(browser, demo.pageUrl, { ...PHONE, colorScheme: 'dark' })
  }, 60_000)

  afterAll(async () => {
    await demo.close()
    await browser.close()
  })

  it('is seen climbing, on evidence', { timeout: 40_000 }, async () => {
    const { page } = desktop
    await page.getByRole('heading', { level: 1, name: 'relay' }).waitFor()
    expect(page.url()).not.toContain('token')
    await page.getByText('advanced 5 % → 10 % by gate').first().waitFor({ timeout: 35_000 })
    const found = page.getByRole('row').filter({ hasText: 'failures' })
    expect(await found.innerText()).toMatch(/canary 0 of \d+ failed/)
    await page.getByText('As a table').first().click()
    await page.locator('figure table tbody tr').nth(3).waitFor()
    await expectFits(page)
    await expectAccessible(page)
  })

  it('is seen rolling back by itself, with the cause and what comes next', {
    timeout: 60_000,
  }, async () => {
    const { page } = desktop
    const stopped = page.getByRole('alert').filter({ hasText: 'Rolled back to 0 %' })
    await stopped.waitFor({ timeout: 55_000 })
    expect(await stopped.innerText()).toMatch(/by (guard|tripwire|probes)/)
    expect(await stopped.innerText()).toMatch(/failed|failures/i)
    expect(await stopped.innerText()).toContain('until a named person rearms it')
    expect(await stopped.getByRole('button', { name: 'Rearm' }).getAttribute('aria-disabled')).toBe(
      'false',
    )
    expect(await page.title()).toMatch(/^✕ relay 0 %/)
    const state = phone.page.getByText('Rolled back to 0 %')
    await state.waitFor()
    await expectFits(phone.page)
    await expectQuiet(phone)

    await page.evaluate(`location.hash = '#/compare/relay'`)
    await page.getByText('a third is chance').waitFor()
    await expectFits(page)
    await expectAccessible(page)
    await expectQuiet(desktop)
  })

  it('stays once the story is over, until Ctrl-C', { timeout: 90_000 }, async () => {
    await demo.said(`the page stays at ${demo.pageUrl} until Ctrl-C`)
    const { page } = desktop
    await page.evaluate(`location.hash = '#/rollout/relay'`)
    await page.reload()
    await page.getByText('killed').first().waitFor()
    expect(await demo.interrupt()).toBe(0)
  })
})
