/** What every flag source must do, whatever brings its documents. */
import { afterEach, describe, expect, it } from 'vitest'
import { type FlagDocument, hashOf } from '../../src/flag/document.ts'
import type { Clock, FlagSource } from '../../src/ports.ts'
import { documentOf, gradual, relay } from '../flag/documents.ts'

/** One opened source, and a hand on what it reads. */
export interface OpenSource {
  readonly source: FlagSource<FlagDocument>
  /** Puts a document where the source reads it. */
  publish(document: FlagDocument): void | Promise<void>
  /** Puts there, in turn, everything that is no document; absent when the source cannot meet such a thing. */
  readonly spoilers?: readonly (() => void | Promise<void>)[]
  /** Whatever the test must take away afterwards. */
  cleanUp?(): void | Promise<void>
}

/** A change must be `current()` within this after it was published. */
export interface Promises {
  readonly withinMs: number
}

export const clock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (run, ms) => setTimeout(run, ms),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

export const ONE = documentOf([relay([gradual(1)])])
export const FIVE = documentOf([relay([gradual(5)])])

/** Resolves once `condition` holds. @throws after `withinMs` */
export async function until(condition: () => boolean, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/**
 * Declares the tests.
 * @param open opens a source that can read `first` at once, or that has nothing to read yet
 */
export function conformsToFlagSource(
  open: (first: FlagDocument | null) => OpenSource | Promise<OpenSource>,
  { withinMs }: Promises,
): void {
  describe('a flag source', () => {
    let opened: OpenSource | null = null
    afterEach(async () => {
      await opened?.source.close()
      await opened?.cleanUp?.()
      opened = null
    })

    async function opening(first: FlagDocument | null): Promise<OpenSource> {
      opened = await open(first)
      return opened
    }

    it('has no document before a first good one, and then has it', async () => {
      const { source, publish } = await opening(null)
      expect(source.current()).toBeNull()
      expect(source.status().hash).toBeNull()
      await publish(ONE)
      await until(() => source.current() !== null, withinMs)
      expect(source.current()?.document).toEqual(ONE)
      expect(source.status().fault).toBeNull()
    })

    it('says what it has: the document, its hash, when it was confirmed, and where it is from', async () => {
      const { source } = await opening(ONE)
      await until(() => source.current() !== null, withinMs)
      const current = source.current()
      expect(current?.document).toEqual(ONE)
      expect(current?.hash).toBe(hashOf(ONE))
      expect(current?.readAtMs).toBeLessThanOrEqual(clock.monotonicMs())
      expect(current?.readAtMs).toBeGreaterThan(clock.monotonicMs() - withinMs)
      expect(source.status()).toEqual({
        source: expect.stringMatching(/^(file:|unleash:|openfeature:|static$)/),
        hash: hashOf(ONE),
        fault: null,
        refreshMs: expect.any(Number),
      })
    })

    it('takes a new document in time, and tells every listener after the change', async () => {
      const { source, publish } = await opening(ONE)
      await until(() => source.current() !== null, withinMs)
      const seen: (string | undefined)[] = []
      source.onChange(() => seen.push(source.current()?.hash))
      source.onChange(() => seen.push(source.current()?.hash))
      await publish(FIVE)
      await until(() => seen.length >= 2, withinMs)
      expect(seen).toEqual([hashOf(FIVE), hashOf(FIVE)])
      expect(source.current()?.document).toEqual(FIVE)
    })

    it('goes back when the document goes back', async () => {
      const { source, publish } = await opening(FIVE)
      await publish(ONE)
      await until(() => source.current()?.hash === hashOf(ONE), withinMs)
      await publish(FIVE)
      await until(() => source.current()?.hash === hashOf(FIVE), withinMs)
    })

    it('keeps the last good document through everything that is none, says why, and recovers', async () => {
      const { source, publish, spoilers = [] } = await opening(ONE)
      await until(() => source.current() !== null, withinMs)
      for (const spoil of spoilers) {
        await spoil()
        await until(() => source.status().fault !== null, withinMs)
        expect(source.current()?.document).toEqual(ONE)
        expect(source.status().hash).toBe(hashOf(ONE))
        await publish(ONE)
        await until(() => source.status().fault === null, withinMs)
      }
      await publish(FIVE)
      await until(() => source.current()?.hash === hashOf(FIVE), withinMs)
      expect(source.status().fault).toBeNull()
    })

    it('tells its listeners of faults too', async () => {
      const { source, spoilers = [] } = await opening(ONE)
      await until(() => source.current() !== null, withinMs)
      const [spoil] = spoilers
      if (spoil === undefined) return
      let told = 0
      source.onChange(() => told++)
      await spoil()
      await until(() => told > 0, withinMs)
      expect(source.status().fault).not.toBeNull()
    })

    it('changes nothing and tells nobody once it was closed', async () => {
      const { source, publish } = await opening(ONE)
      await until(() => source.current() !== null, withinMs)
      let told = 0
      source.onChange(() => told++)
      await source.close()
      await publish(FIVE)
      await new Promise((resolve) => setTimeout(resolve, withinMs))
      expect(told).toBe(0)
      expect(source.current()?.document).toEqual(ONE)
    })

    it('may be closed twice', async () => {
      const { source } = await opening(ONE)
      await source.close()
      await source.close()
    })
  })
}
