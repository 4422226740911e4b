import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { expectAccessible, expectFits, PHONE } from './browser.ts'
import { setStage } from './stage.ts'

/** What is left of budgets, in the real page. */

const TOKEN = 'caller-token-0123456789'
const sha256 = createHash('sha256').update(TOKEN).digest('hex')

const stage = setStage({
  top: `control: { token: { env: HEADGATE_TOKEN }, viewer: { env: VIEWER_TOKEN } }
callers: [{ name: batch, sha256: ${sha256}, budget: { day: 0.000001, month: 300, stop: true } }]
`,
  official: 'price: { ratio: 1 }',
})

it.each([
  ['a desktop', undefined],
  ['a phone', PHONE],
] as const)(
  'shows what a caller has spent of its budget, and that it is refused, on %s',
  async (_, options) => {
    const asked = (): Promise<Response> =>
      fetch(`${stage.served.dataUrl}/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'gpt-5.2', messages: [{ role: 'user', content: 'hi' }] }),
      })
    let status = 0
    while (status !== 429) {
      const answer = await asked()
      status = answer.status
      await answer.arrayBuffer()
    }
    const { page } = await stage.open(options)
    await page.getByRole('heading', { level: 1, name: 'relay' }).waitFor()
    await page.evaluate(`location.hash = '#/money/relay'`)
    const card = page.locator('section', {
      has: page.getByRole('heading', { name: 'Budgets of callers' }),
    })
    await card.waitFor()
    const words = await card.innerText()
    expect(words).toContain('batch, a day')
    expect(words).toContain('✕ spent: the caller is refused with 429')
    expect(words).toContain('of $300.00')
    expect(words).toContain('At the end of it the caller is refused with 429')
    await expectFits(page)
    await expectAccessible(page)
  },
)
