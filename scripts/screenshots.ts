import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { startLoad } from '../src/demo/load.ts'
import { PLAN_CONFIG } from '../src/demo/plan.ts'
import { type Scene, setScene } from '../src/demo/scene.ts'
import { startNode } from '../src/node.ts'

/**
 * The pictures of the page in docs/images, taken from a real run between the simulated upstreams: it climbs, the relay breaks,
 * and Headgate rolls back by itself. They look as they should where the font Inter is installed (apt-get install fonts-inter).
 */

const FOLDER = join(import.meta.dirname, '../docs/images')
const DESKTOP = { viewport: { width: 1280, height: 860 }, deviceScaleFactor: 1.5 }
const PHONE = { viewport: { width: 360, height: 640 }, deviceScaleFactor: 2, isMobile: true }
/** Without probes: this relay words its answers in its own way, which would be found. */
const SHADOW = `    shadow:
      rate: 20%
      probes: 0%
      concurrency: 16
      budget: { requests: 20000, usd: 50 }
      content: { capture: true }
`
const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking']
const MIX = { chat_stream: 3, chat_json: 3, messages_stream: 2, messages_json: 2, embeddings: 10 }
const WITHIN_MS = 60_000

type Options = Parameters<Browser['newContext']>[0]

async function open(browser: Browser, url: string, options: Options): Promise<Page> {
  const page = await browser.newPage({ ...options, reducedMotion: 'reduce' })
  await page.goto(url)
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  return page
}

async function show(page: Page, place: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(place)}`)
  await page.getByText('One moment.').waitFor({ state: 'hidden' })
  await sleep(1_200)
}

async function take(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(FOLDER, `${name}.png`) })
  console.log(`docs/images/${name}.png`)
}

async function until(
  scene: Scene,
  holds: (share: number, state: string) => boolean,
): Promise<void> {
  const deadline = performance.now() + WITHIN_MS
  for (;;) {
    const { share, state, verdict } = await scene.rollout()
    if (holds(share.target, state)) return
    if (performance.now() > deadline)
      throw new Error(`still ${state} at ${share.target} %: ${verdict.reasons}`)
    await sleep(200)
  }
}

mkdirSync(FOLDER, { recursive: true })
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS })
const scene = await setScene({
  start: startNode,
  seed: 1,
  relaySeed: 2,
  ports: { data: 0, control: 0 },
  percent: 100,
  plan: `${PLAN_CONFIG}${SHADOW}`,
  onError: (message) => console.error(message),
})
const load = startLoad({ baseUrl: scene.dataUrl, seed: 1, rps: 70, mix: MIX, maxInFlight: 60 })
try {
  const desktop = await open(browser, scene.pageUrl, { ...DESKTOP, colorScheme: 'light' })
  const phone = await open(browser, scene.pageUrl, { ...PHONE, colorScheme: 'dark' })
  await scene.command('start', { by: 'robin', reason: 'let the relay show that it is no worse' })
  await until(scene, (share) => share >= 25)
  await show(desktop, '#/compare/relay')
  await take(desktop, 'compare')
  await show(desktop, '#/pairs/relay')
  await desktop.locator('.pair-equivalent').first().click()
  await desktop.getByRole('heading', { name: /^Pair / }).waitFor()
  await take(desktop, 'pairs')
  await show(desktop, '#/rollout/relay')
  await until(scene, (share) => share >= 50)
  await sleep(1_000)
  await scene.relay.setFault({ kind: 'status', status: 503, retryAfter: null })
  await until(scene, (_, state) => state === 'rolled_back')
  await sleep(1_500)
  await take(desktop, 'rollback')
  await take(phone, 'rollback-phone')
} finally {
  await browser.close()
  await load.stop()
  await scene.close()
}
