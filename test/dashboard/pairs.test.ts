import { readFileSync } from 'node:fs'
import { beforeAll, expect, it } from 'vitest'
import { parseGoldenSet } from '../../src/eval/golden-set.ts'
import type { Pair } from '../../src/types.ts'
import { ask, type Served } from '../node/process.ts'
import { expectAccessible, expectFits, expectQuiet } from './browser.ts'
import { setStage } from './stage.ts'

/** Pairs of a real shadow, side by side. */

const SHADOW = `    plan: { steps: [5%, 99%], over: 14d }
    shadow: { rate: 100%, probes: 0%, content: { capture: true } }
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

it('a pair is made golden: control’s answer, the canary’s where it is accepted, and a file of them', async () => {
  const ids = []
  for (const content of ['which gate?', 'which platform?']) {
    const messages = [{ role: 'user', content }]
    const answered = await ask(served.dataUrl, { model: 'gpt-5.2', messages })
    await answered.text()
    ids.push(await pairOf(answered.headers.get('x-headgate-request-id')))
  }
  const watched = await stage.open()
  const { page } = watched
  await page.evaluate(`location.hash = '#/pairs/relay/${ids[0]}'`)
  await page.getByRole('button', { name: 'Make control’s answer golden' }).click()
  await page.getByText('control’s answer is right').waitFor()
  await page.evaluate(`location.hash = '#/pairs/relay/${ids[1]}'`)
  await page.getByRole('button', { name: 'Accept the canary’s too' }).click()
  await page.getByText('either answer is right').waitFor()
  await expectAccessible(page)
  await page.getByRole('link', { name: 'All pairs' }).click()
  await page.getByText('2 cases, in this tab only.').waitFor()
  await expectFits(page)
  await expectAccessible(page)
  const saving = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Save relay-golden.jsonl' }).click()
  const saved = await saving
  expect(saved.suggestedFilename()).toBe('relay-golden.jsonl')
  const parsed = parseGoldenSet(readFileSync(await saved.path(), 'utf8'), 'relay-golden.jsonl')
  if (!parsed.ok) throw new Error(parsed.faults.join('\n'))
  expect(parsed.set.header).toMatchObject({ rollout: 'relay', ids })
  expect(parsed.set.cases.map(({ answers }) => answers.length)).toEqual([1, 2])
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
