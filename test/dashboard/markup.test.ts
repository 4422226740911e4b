import { beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../node/process.ts'
import { expectAccessible, expectFits, expectQuiet, PHONE } from './browser.ts'
import { setStage } from './stage.ts'

/** What others word themselves, in the real page: it stays text. */

const NAUGHTY = [
  '<img src=x onerror=alert(1)>',
  '<script>alert(2)</script>',
  '"><svg onload=alert(3)>',
  "javascript:alert(4)//'",
  '</table><iframe srcdoc="<script>alert(5)</script>">',
  '{{constructor.constructor("alert(6)")()}}',
  '\u202egnp.exe\u202c &lt;b&gt;',
  'x'.repeat(300),
]

const SCREENS = ['rollout', 'compare', 'events', 'pairs', 'money', 'requests', 'health']

describe('markup in names and texts', () => {
  const stage = setStage({ flag: '"<img src=x onerror=alert(7)>"' })

  beforeAll(async () => {
    const { served } = stage
    await served.api('rollouts/relay/start', {
      by: '<b onmouseover=alert(8)>mallory</b>',
      reason: NAUGHTY.join(' '),
    })
    for (const model of NAUGHTY) await (await ask(served.dataUrl, { model })).text()
  })

  it.each([
    ['a desktop', undefined],
    ['a phone', PHONE],
  ] as const)('D6: stays text on every screen of %s', { timeout: 90_000 }, async (_, options) => {
    const watched = await stage.open(options)
    const { page } = watched
    await page.getByRole('heading', { level: 1, name: 'relay' }).waitFor()
    for (const screen of SCREENS) {
      await page.evaluate(`location.hash = '#/${screen}/relay'`)
      await page.locator(`a[aria-current=page][href^="#/${screen}/"]`).first().waitFor()
      await page.getByText('One moment.').waitFor({ state: 'hidden' })
      expect(await page.locator('main img, main iframe, main script, main [onerror]').count()).toBe(
        0,
      )
      await expectFits(page)
      await expectAccessible(page)
    }
    await page.evaluate(`location.hash = '#/requests/relay'`)
    for (const model of NAUGHTY.slice(0, 3)) {
      await page.getByText(model, { exact: true }).first().waitFor()
    }
    await page.locator('a.id').first().click()
    await page.getByRole('heading', { name: /^Request hg_/ }).waitFor()
    await expectFits(page)
    await page.evaluate(`location.hash = '#/events/relay'`)
    await page.getByText('<b onmouseover=alert(8)>mallory</b>').waitFor()
    await page.evaluate(`location.hash = '#/<img src=x onerror=alert(9)>/%00%'`)
    await page.getByText('There is no rollout').waitFor()
    await expectQuiet(watched)
    await page.context().close()
  })
})
