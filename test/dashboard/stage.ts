import type { Browser, BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import type { Served, ServeSetup } from '../node/process.ts'
import { openPage, startBrowser, type Watched } from './browser.ts'
import { signedIn, startPlanned } from './served.ts'

/** A served rollout and a browser, for a file of tests: there before its first one, gone after its last. */

export interface Stage {
  readonly browser: Browser
  readonly served: Served
  /** The page, signed in: with the control token unless told otherwise. */
  open(options?: BrowserContextOptions, token?: string): Promise<Watched>
}

/** Called once, before any other hook of the file. */
export function setStage(setup: ServeSetup = {}): Stage {
  let browser: Browser
  let served: Served
  beforeAll(async () => {
    ;[browser, served] = await Promise.all([startBrowser(), startPlanned(setup)])
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    await served.stop()
  })
  return {
    get browser() {
      return browser
    },
    get served() {
      return served
    },
    open: (options, token) => openPage(browser, signedIn(served, token), options),
  }
}
