import AxeBuilder from '@axe-core/playwright'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { expect } from 'vitest'

/** A real Chromium with an empty profile, and pages of which nothing is left unheard. */

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS })
}

export const DESKTOP = { viewport: { width: 1280, height: 900 } }
export const PHONE = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true }

/** A page, and all that went wrong in it: errors, dialogs, reports of the content policy, requests to elsewhere. */
export interface Watched {
  readonly page: Page
  readonly wrong: string[]
}

/** Run in the page before anything else is. */
const HEARING = `
  window.policyReports = []
  document.addEventListener('securitypolicyviolation', (event) => {
    window.policyReports.push(event.violatedDirective + ' ' + event.blockedURI)
  })
`

/** Opens an address in a profile of its own. Animations are off, as for somebody who asked for that. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = DESKTOP,
): Promise<Watched> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  context.setDefaultTimeout(10_000)
  const page = await context.newPage()
  const wrong: string[] = []
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`))
  page.on('dialog', (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    // A control plane that is gone is told of by the page itself.
    if (message.type() === 'error' && !/ERR_CONNECTION|status of (401|409)/.test(message.text())) {
      wrong.push(`console: ${message.text()}`)
    }
  })
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) wrong.push(`to: ${request.url()}`)
  })
  await page.addInitScript({ content: HEARING })
  await page.goto(url)
  return { page, wrong }
}

/** Nothing went wrong in it until now. */
export async function expectQuiet({ page, wrong }: Watched): Promise<void> {
  const reports = await page.evaluate<string[]>('window.policyReports')
  expect([...wrong, ...reports]).toEqual([])
}

/** WCAG 2.2 A and AA, as far as a machine can tell. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze()
  expect(
    violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
    ),
  ).toEqual([])
}

/** The titles of cards that are too narrow for what is in them. */
const BURST = `[...document.querySelectorAll('.card')]
  .filter((card) => card.scrollWidth > card.clientWidth)
  .map((card) => card.querySelector('h1, h2')?.textContent)`

/** Nothing sticks out to the side: neither of the page, nor of what it is made of. */
export async function expectFits(page: Page): Promise<void> {
  const root = 'document.documentElement'
  const [wide, screen] = await page.evaluate<[number, number]>(
    `[${root}.scrollWidth, ${root}.clientWidth]`,
  )
  expect(wide, page.url()).toBeLessThanOrEqual(screen)
  const burst = await page.evaluate<string[]>(BURST)
  expect(burst, page.url()).toEqual([])
}
