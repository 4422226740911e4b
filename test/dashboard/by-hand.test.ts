import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import { ask, type Served } from '../node/process.ts'
import {
  DESKTOP,
  expectAccessible,
  expectFits,
  expectQuiet,
  PHONE,
  type Watched,
} from './browser.ts'
import { VIEWER } from './served.ts'
import { setStage } from './stage.ts'

/** A real process, driven from the page by hand. */

const by = { by: 'bob', reason: 'meanwhile' }

describe('the page, by hand', () => {
  const stage = setStage()
  let served: Served
  let watched: Watched
  let page: Page

  beforeAll(async () => {
    served = stage.served
    watched = await stage.open()
    page = watched.page
  })

  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const state = async () => ((await served.api('rollouts/relay')) as RolloutView).state

  it('says how to send a first request, while nobody calls', async () => {
    await page.getByText('No request has come yet').waitFor()
    expect(await page.getByText('curl -i').innerText()).toContain(served.dataUrl)
    await expectAccessible(page)
  })

  it('starts it for somebody with a name and a reason, and for nobody else', async () => {
    await button('Start').click()
    await page.getByText('Your name is missing.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click({ force: true })
    expect(await state()).toBe('idle')
    await page.getByLabel('Your name').fill('alice')
    await page.getByLabel('Why').fill('the relay passed our tests')
    await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click()
    await page.getByText('started 0 % → 5 % by alice').waitFor()
    expect(await state()).toBe('ramping')
  })

  it('has the caret in the first field as soon as the field is there', async () => {
    await button('More…').click()
    const caretIn = page.evaluate(`new Promise((done) => {
      new MutationObserver(() => {
        if (document.querySelector('dialog[open] input') === null) return
        done(document.activeElement.closest('label')?.textContent)
      }).observe(document.body, { childList: true, subtree: true })
    })`)
    await page.getByRole('button', { name: /^Set share/ }).click()
    expect(await caretIn).toBe('Share, in %')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
  })

  it('is refused cleanly where somebody else was faster', async () => {
    await button('More…').click()
    await page.getByRole('button', { name: /^Set share/ }).click()
    await page.getByLabel('Share, in %').fill('20')
    await page.getByLabel('Why').fill('a little more')
    await served.api('rollouts/relay/pause', by)
    await page.getByRole('dialog').getByRole('button', { name: 'Set share' }).click()
    await page.getByText('somebody else changed it first').waitFor()
    expect((await served.rollout()).share.height).toBe(5)
    await button('Dismiss').click()
  })

  it('promotes only where the name is typed', async () => {
    await page.keyboard.press('.')
    await page.getByRole('button', { name: /^Promote/ }).click()
    await page.getByLabel('Why').fill('we are sure')
    await page.getByText('Type relay to confirm.').waitFor()
    await page.keyboard.press('Enter')
    expect(await state()).toBe('paused')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
  })

  it('takes a note, which is in the log and on the charts, and moves nothing', async () => {
    const before = await served.rollout()
    await page.evaluate(`location.hash = '#/events/relay'`)
    await button('Note').click()
    await page.getByText('The text is missing.').waitFor()
    await page.getByLabel('What').fill('the relay moves to <b>Oslo</b>')
    await page.getByRole('dialog').getByRole('button', { name: 'Note' }).click()
    const row = page.locator('.event').filter({ hasText: 'note by alice' })
    await row.waitFor()
    expect(await row.innerText()).toContain('The relay moves to <b>Oslo</b>')
    expect(await served.rollout()).toMatchObject({
      state: before.state,
      version: before.version + 1,
      share: { height: before.share.height },
    })
    await expectAccessible(page)
    await page.evaluate(`location.hash = '#/rollout/relay'`)
    await page.getByText('As a table').first().click()
    await page
      .getByRole('cell', { name: /note by alice: the relay moves/ })
      .first()
      .waitFor()
  })

  it('goes everywhere by keyboard, and does nothing destructive on one key', async () => {
    await page.keyboard.press('?')
    await page.getByRole('heading', { name: 'Keys' }).waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('g')
    await page.keyboard.press('e')
    await page.getByRole('heading', { name: 'Events' }).waitFor()
    await page.keyboard.press('j')
    expect(await page.locator(':focus').innerText()).toContain('note by alice')
    await page.keyboard.press('/')
    await page.keyboard.type('alice R')
    await page.getByText('Nothing happened yet.').waitFor()
    await page.keyboard.press('Escape')
    await page.locator(':focus').blur()
    await page.keyboard.press('Shift+R')
    const confirm = page.getByRole('button', { name: 'Roll back to 0 % now' })
    await confirm.waitFor()
    expect(await confirm.evaluate('document.activeElement.textContent')).toBe(
      'Roll back to 0 % now',
    )
    await page.keyboard.press('Escape')
    expect(await state()).toBe('paused')
    await page.keyboard.press('g')
    await page.keyboard.press('r')
  })

  it('rolls back in one click, and the next request goes to control', async () => {
    await button('Roll back to 0 %').click()
    const stopped = page.getByRole('alert').filter({ hasText: 'Rolled back to 0 %' })
    await stopped.waitFor()
    expect(await stopped.innerText()).toContain('by alice')
    const answer = await ask(served.dataUrl)
    expect(answer.headers.get('x-headgate-reason')).toBe('latched')
    expect(answer.headers.get('x-headgate-arm')).toBe('control')
    await expectAccessible(page)
  })

  it('shows state, cause and the way back on a phone without scrolling, in the dark', async () => {
    const phone = await stage.open({ ...PHONE, colorScheme: 'dark' })
    const stopped = phone.page.getByRole('alert').filter({ hasText: 'Rolled back' })
    await stopped.waitFor()
    for (const shown of [stopped, stopped.getByRole('button', { name: 'Rearm' })]) {
      const box = await shown.boundingBox()
      expect((box?.y ?? 9_999) + (box?.height ?? 0)).toBeLessThanOrEqual(PHONE.viewport.height)
    }
    await expectFits(phone.page)
    await expectAccessible(phone.page)
    await expectQuiet(phone)
    await phone.page.context().close()
  })

  it('lets a viewer see, says why nothing can be pressed, and sends nothing', async () => {
    const viewer = await stage.open(DESKTOP, VIEWER)
    await viewer.page.getByText('Your token only reads').first().waitFor()
    const rearm = viewer.page.getByRole('alert').getByRole('button', { name: /^Rearm/ })
    expect(await rearm.getAttribute('aria-disabled')).toBe('true')
    expect(await rearm.innerText()).toContain('Your token only reads')
    await rearm.click({ force: true })
    expect(await viewer.page.getByRole('dialog').count()).toBe(0)
    await viewer.page.context().close()
  })

  it('rearms for a named person with a reason: idle, and the next epoch', async () => {
    await page.getByRole('alert').getByRole('button', { name: 'Rearm' }).click()
    await page.getByText('The reason is missing.').waitFor()
    await page.getByLabel('Why').fill('fixed, #812')
    await page.getByRole('dialog').getByRole('button', { name: 'Rearm' }).click()
    await page.getByText('epoch 2').waitFor()
    expect(await served.rollout()).toMatchObject({ state: 'idle', epoch: 2 })
    await page.getByText('rearmed at 0 % by alice').waitFor()
    await expectQuiet(watched)
  })

  it('shows the rollback button on a phone without scrolling', async () => {
    await served.api('rollouts/relay/start', by)
    const phone = await stage.open(PHONE)
    const brake = phone.page.getByRole('button', { name: 'Roll back to 0 %' })
    await brake.waitFor()
    const box = await brake.boundingBox()
    expect((box?.y ?? 9_999) + (box?.height ?? 0)).toBeLessThanOrEqual(PHONE.viewport.height)
    await phone.page.context().close()
  })

  it('keeps what it knew while Headgate is away, says so, and goes on when it is back', {
    timeout: 60_000,
  }, async () => {
    await served.kill()
    await page.getByText('Headgate cannot be reached.').waitFor()
    await page.getByRole('heading', { level: 1, name: 'relay' }).waitFor()
    expect(await button('Roll back to 0 % (Headgate cannot be reached from here.)').count()).toBe(1)
    await served.restart()
    await page.getByText('Headgate cannot be reached.').waitFor({ state: 'hidden' })
    await served.api('rollouts/relay/pause', { by: 'carol', reason: 'after the restart' })
    await page.getByText('by carol').first().waitFor()
    expect(await page.locator('.events').getByText('after the restart').count()).toBe(1)
  })

  it('asks for the token where there is none or a wrong one', async () => {
    const stranger = await stage.open(DESKTOP, 'wrong')
    await stranger.page.getByText('This is neither the control token').waitFor()
    await expectAccessible(stranger.page)
    await stranger.page.getByLabel('Control token').fill(VIEWER)
    await stranger.page.getByRole('button', { name: 'Sign in' }).click()
    await stranger.page.getByRole('heading', { level: 1, name: 'relay' }).waitFor()
    await stranger.page.getByRole('button', { name: 'Sign out' }).click()
    await stranger.page.getByLabel('Control token').waitFor()
    expect(await stranger.page.evaluate('sessionStorage.length')).toBe(0)
  })
})
