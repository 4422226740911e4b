import { expect, it } from 'vitest'
import type { EventView } from '../../src/api/views/event.ts'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import { fakePlane } from '../api/fake-plane.ts'
import { signedIn } from './served.ts'
import { setStage } from './stage.ts'

/** A page that is left open for a day: its clock is the test's, and its answers are made up as fast as it asks. */

const stage = setStage()

it('does not grow, whatever happens meanwhile', { timeout: 120_000 }, async () => {
  const view = (await fakePlane().rollout('relay')) as RolloutView
  const context = await stage.browser.newContext({ reducedMotion: 'reduce' })
  const page = await context.newPage()
  let position = 0
  let made = 0
  await page.clock.install()
  await page.route('**/-/api/v1/**', (route) => {
    const { pathname } = new URL(route.request().url())
    if (pathname.endsWith('/self'))
      return route.fulfill({ json: { role: 'operator', dataUrl: null } })
    if (pathname.endsWith('/rollouts')) {
      return route.fulfill({
        json: { items: [{ ...view, state: 'ramping', version: position }], next: null },
      })
    }
    if (pathname.endsWith('/history')) {
      const items = Array.from({ length: 20 }, () => sampleOf(view, ++position))
      return route.fulfill({ json: { items, next: null } })
    }
    if (pathname.endsWith('/events')) return route.fulfill({ json: { items: [], next: null } })
    // A stream that says much and ends, again and again.
    const body = Array.from({ length: 100 }, () => frameOf(++made)).join('')
    return route.fulfill({ contentType: 'text/event-stream', body })
  })
  await page.goto(signedIn(stage.served))
  await page.getByRole('heading', { level: 1, name: 'relay' }).waitFor()

  /** The newest event that is shown: 0 when none is. */
  const heard = (): Promise<number> =>
    page.evaluate<number>(
      `Number(document.querySelector('.event-why')?.textContent.replace('number ', '') ?? 0)`,
    )
  /**
   * How many there are at the end of each minute: what comes and goes is there at few of them. In steps shorter than
   * the silence after which a stream is given up, each until all is shown: else the clock outruns the network.
   */
  const nodesIn = async (minutes: number): Promise<readonly number[]> => {
    const counts: number[] = []
    for (let minute = 0; minute < minutes; minute++) {
      for (let step = 0; step < 3; step++) {
        const before = position
        await page.clock.runFor(20_000)
        await expect.poll(() => position, { timeout: 10_000, interval: 10 }).toBeGreaterThan(before)
        await expect
          .poll(async () => made - (await heard()), { timeout: 10_000, interval: 10 })
          .toBe(0)
      }
      counts.push(await page.evaluate<number>('document.querySelectorAll("*").length'))
    }
    return counts
  }
  await nodesIn(20)
  // Full: what was forgotten is more than what is kept.
  while ((await heard()) <= 1_000) await nodesIn(1)
  const early = await nodesIn(7)
  const events = await heard()
  await nodesIn(20)
  while (position <= 1_000 || (await heard()) - events <= 500) await nodesIn(1)
  const late = await nodesIn(7)
  expect(Math.abs(middleOf(late) - middleOf(early))).toBeLessThan(30)
  await page.evaluate(`location.hash = '#/events/relay'`)
  await page.getByRole('heading', { name: 'Events' }).waitFor()
  expect(await page.locator('.event').count()).toBeLessThanOrEqual(100)
  await context.close()
})

function middleOf(counts: readonly number[]): number {
  return counts.toSorted((a, b) => a - b)[counts.length >> 1] as number
}

function sampleOf({ share }: RolloutView, position: number) {
  const at = new Date(1_800_000_000_000 + position * 1_000).toISOString()
  return {
    position,
    at,
    state: 'ramping',
    epoch: 1,
    version: position,
    killed: false,
    share,
    evidence: { failures: 1 + (position % 7) },
    limit: 164,
    requests: { control: position, canary: position },
  }
}

function frameOf(number: number): string {
  const standing = { state: 'ramping', share: number % 100, step: 1 } as const
  const event: EventView = {
    id: `e${number}`,
    at: new Date(1_800_000_000_000 + number * 1_000).toISOString(),
    rollout: 'relay',
    version: number,
    epoch: 1,
    type: 'advanced',
    by: 'gate',
    reason: `number ${number}`,
    before: { ...standing, share: 0 },
    after: standing,
  }
  return `id: e${number}\ndata: ${JSON.stringify(event)}\n\n`
}
