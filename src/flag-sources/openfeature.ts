import { type FlagDocument, hashOf } from '../flag/document.ts'
import { documentOf, type Known, settle } from '../openfeature/answers.ts'
import {
  askAll,
  errorWords,
  type Kind,
  type Provider,
  providerFault,
} from '../openfeature/provider.ts'
import type { AskedFlags, Clock, FlagSnapshot, FlagSource, Log } from '../ports.ts'
import { Listeners } from './listeners.ts'

export interface OpenFeatureFlagOptions {
  /** What it is, for people: `./flags.mjs`. Never a token. */
  readonly name: string
  /**
   * Makes a provider of the server paradigm. Called again, with the last one closed, where one did not come to life or
   * said that it is lost: give a new one each time.
   */
  readonly open: () => unknown
  /** How often it is asked, in ms; besides, at once when it says that something changed. */
  readonly intervalMs: number
  readonly clock: Clock
  readonly log: Log
  /** In 0..1, below 1. */
  readonly random: () => number
}

/** A flag source that has a first word to wait for. It asks once it was told what to `follow`. */
export interface OpenFeatureFlagSource extends FlagSource<FlagDocument> {
  follow(asked: readonly AskedFlags[]): void
  /** Settles with the first round of answers or the first fault. Never rejects. */
  readonly asked: Promise<void>
}

/** How long a provider may take to come to life. */
const LIFE_MS = 30_000
/** How long it may take to go. */
const END_MS = 5_000
/** How long all answers of one round may take. */
const ROUND_MS = 10_000
/** Between two rounds when a change was told during the first: a provider that tells of one each time must not take it all. */
const GAP_MS = 100
/** Each wait is drawn between this part of the interval and the whole, so that many processes do not ask at once. */
const LEAST_PART = 0.8

/**
 * Flags from any OpenFeature provider. It is asked off the request path, once for all requests, and its answers are made
 * into a document: a number is the percent that Headgate's own bucket draws; true and false are everyone and nobody.
 *
 * A round of answers with a fault in it confirms nothing, so the document grows old; until then it may only fall
 * (`settle`). A kill that was known is lifted by the answer false, or by a flag that is switched off, and by nothing else.
 */
export function openFeatureFlagSource(options: OpenFeatureFlagOptions): OpenFeatureFlagSource {
  const { open, intervalMs, clock, log, random } = options
  const source = `openfeature:${options.name}`
  const listeners = new Listeners(source, log)
  const fits = new Map<string, Kind>()
  /** Ends what is waited for. */
  const waits = new Set<() => void>()
  let following: readonly AskedFlags[] | null = null
  let provider: Provider | null = null
  /** Why what the provider answers is not to be relied on, by its own word. */
  let doubt: string | null = null
  let lost = false
  let known: Known | null = null
  let snapshot: FlagSnapshot<FlagDocument> | null = null
  let fault: string | null = NOT_ASKED
  let timer: unknown = null
  let busy = false
  let again = false
  let closed = false
  let settleAsked: () => void = () => {}
  const asked = new Promise<void>((resolve) => {
    settleAsked = resolve
  })

  async function round(): Promise<void> {
    if (closed || following === null) return
    if (busy) {
      again = true
      return
    }
    busy = true
    again = false
    clock.clearTimer(timer)
    if (lost) await leave()
    if (provider === null) await begin()
    if (provider !== null) await ask(provider, following)
    busy = false
    if (closed) return
    settleAsked()
    const part = LEAST_PART + (1 - LEAST_PART) * random()
    timer = clock.setTimer(() => void round(), again ? GAP_MS : intervalMs * part)
  }

  async function begin(): Promise<void> {
    const making = made()
    const begun = await within(LIFE_MS, making)
    if (begun === 'late') {
      // Should it come to life yet, it is nobody's.
      void making.then(({ provider: late }) => (late === null ? undefined : ended(late)))
      if (!closed) note('the provider did not come to life within 30 s')
    } else if (begun.provider === null) {
      note(begun.fault)
    } else if (closed) {
      await ended(begun.provider)
    } else {
      provider = begun.provider
      doubt = null
      lost = false
      listen(provider)
    }
  }

  /** One that cannot be listened to is asked at the interval all the same. */
  function listen({ events }: Provider): void {
    try {
      for (const [type, handler] of HANDLERS) events?.addHandler(type, handler)
    } catch (error) {
      log.warn('the provider tells of no change', { source, fault: errorWords(error) })
    }
  }

  /** Opens and initializes one. Never rejects. */
  async function made(): Promise<
    | { readonly provider: Provider; readonly fault: null }
    | { readonly provider: null; readonly fault: string }
  > {
    let begun: unknown
    try {
      begun = await open()
    } catch (error) {
      return { provider: null, fault: `the provider was not opened: ${errorWords(error)}` }
    }
    const unfit = providerFault(begun)
    if (unfit !== null) return { provider: null, fault: `what was opened ${unfit}` }
    try {
      await (begun as Provider).initialize?.({})
      return { provider: begun as Provider, fault: null }
    } catch (error) {
      await ended(begun as Provider)
      return { provider: null, fault: `the provider did not come to life: ${errorWords(error)}` }
    }
  }

  async function ask(of: Provider, flags: readonly AskedFlags[]): Promise<void> {
    const askedMs = clock.monotonicMs()
    const names = new Set(flags.map(({ flag }) => flag))
    const kills = new Set(flags.map(({ kill }) => kill))
    for (const kill of kills) names.delete(kill)
    const answers = await within(ROUND_MS, askAll(of, names, kills, fits))
    // What was asked for meanwhile is asked in the round that follows.
    if (closed || following !== flags) return
    if (answers === 'late') return note('the provider did not answer within 10 s')
    const settled = settle(known, answers, doubt)
    known = settled.known
    compose(settled.whole ? askedMs : null)
    note(settled.fault)
  }

  /** @param readAtMs when all of it was confirmed; null where it was not, and only grows older */
  function compose(readAtMs: number | null): void {
    if (known === null || following === null) return
    const document = documentOf(known, following)
    const hash = hashOf(document)
    const confirmedMs = readAtMs ?? snapshot?.readAtMs
    if (confirmedMs === undefined) return
    if (hash === snapshot?.hash) {
      snapshot = { ...snapshot, readAtMs: confirmedMs }
      return
    }
    log.info('flags read', { source, hash })
    snapshot = { document, hash, readAtMs: confirmedMs }
    listeners.tell()
  }

  /** Each distinct fault is logged once. */
  function note(words: string | null): void {
    if (words === fault) return
    const held = snapshot?.hash ?? null
    if (words !== null) log.warn('flags in doubt: nothing rises', { source, fault: words, held })
    else if (fault !== NOT_ASKED) log.info('flags confirmed again', { source, hash: held })
    fault = words
    listeners.tell()
  }

  const HANDLERS: readonly (readonly [string, (details?: unknown) => void])[] = [
    ['PROVIDER_CONFIGURATION_CHANGED', () => void round()],
    [
      'PROVIDER_READY',
      () => {
        doubt = null
        void round()
      },
    ],
    ['PROVIDER_STALE', () => doubted('the provider says that its flags are stale')],
    [
      'PROVIDER_ERROR',
      (details) => {
        const code = (details as { readonly errorCode?: unknown } | undefined)?.errorCode
        lost ||= code === 'PROVIDER_FATAL'
        doubted(`the provider says that it is in error: ${errorWords({ code })}`)
      },
    ],
  ]

  function doubted(words: string): void {
    if (closed) return
    doubt = words
    note(words)
  }

  /** Lets the provider go; the next one is a new one. */
  async function leave(): Promise<void> {
    const last = provider
    provider = null
    lost = false
    if (last === null) return
    try {
      for (const [type, handler] of HANDLERS) last.events?.removeHandler(type, handler)
    } catch {
      // It was told of when it was listened to.
    }
    await ended(last)
  }

  /** Never rejects, and does not wait for ever. */
  async function ended(last: Provider): Promise<void> {
    const ending = (async () => last.onClose?.())().catch((error: unknown) => {
      log.warn('the provider did not close', { source, fault: errorWords(error) })
    })
    await within(END_MS, ending)
  }

  /** What comes first; what comes late, or after a close, is nobody's any more. */
  async function within<Value>(ms: number, waiting: Promise<Value>): Promise<Value | 'late'> {
    const late = Promise.withResolvers<'late'>()
    const giveUp = (): void => late.resolve('late')
    const limit = clock.setTimer(giveUp, ms)
    // One for each wait: a promise for all of them would keep every one that ever was.
    waits.add(giveUp)
    const first = await Promise.race([waiting, late.promise])
    waits.delete(giveUp)
    clock.clearTimer(limit)
    return first
  }

  return {
    asked,
    follow(flags) {
      if (closed) return
      following = flags
      compose(null)
      void round()
    },
    current: () => snapshot,
    status: () => ({ source, hash: snapshot?.hash ?? null, fault, refreshMs: intervalMs }),
    onChange(listener) {
      listeners.add(listener)
    },
    async close() {
      if (closed) return
      closed = true
      clock.clearTimer(timer)
      settleAsked()
      for (const giveUp of waits) giveUp()
      await leave()
    },
  }
}

const NOT_ASKED = 'has not answered yet'
