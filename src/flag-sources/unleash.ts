import { type FlagDocument, hashOf } from '../flag/document.ts'
import type {
  Clock,
  Fetch,
  FlagBackup,
  FlagRevision,
  FlagSnapshot,
  FlagSource,
  FlagUse,
  KeptFlags,
  Log,
} from '../ports.ts'
import { askFeatures, type FeaturesAnswer, type FeaturesServer } from '../unleash/features.ts'
import { Listeners } from './listeners.ts'

export interface UnleashFlagOptions {
  readonly server: FeaturesServer
  readonly fetch: Fetch
  readonly clock: Clock
  readonly log: Log
  /** In 0..1, below 1. */
  readonly random: () => number
  /** What holds until the server has answered; null when there is nothing. */
  readonly kept: KeptFlags<FlagDocument> | null
  /** Null where nothing is kept. */
  readonly backup: FlagBackup<FlagDocument> | null
  /** Tells the server how requests were decided; null where nobody counts. */
  readonly usage: { count(use: FlagUse): void; close(): Promise<void> } | null
  /** Calls back whenever the server says that something changed; null where it cannot. */
  readonly doorbell: ((ring: () => void) => { close(): void }) | null
}

/** A flag source over a network: it has a first word to wait for. */
export interface UnleashFlagSource extends FlagSource<FlagDocument> {
  /** Settles with the first answer or the first fault. Never rejects. */
  readonly asked: Promise<void>
}

/** An older state of the flags is not taken before it was all there was for so long. */
const OLDER_MS = 60_000
/** Between two asks when the doorbell rang during the first: one that never stops ringing must not take it all. */
const GAP_MS = 100
/** Each wait is drawn between this part of the interval and the whole, so that many processes do not ask at once. */
const LEAST_PART = 0.8

/**
 * Flags from an Unleash server, asked every interval, whatever it answered before: a server that refused the token, was
 * away or talked nonsense is followed again within one interval of its recovery. (unleash-client 6.12.1 stops for good
 * at a 401 or 403, and waits up to eleven intervals after other errors; it counts requests here, and evaluates.)
 *
 * A fault changes nothing but `status().fault`: the last good document stays, and grows old. It is one where a flag that is
 * followed, its parents or segments are malformed; flags of others that are so are left out. A state of the flags with a
 * lower revision than the one held, or kept from before, comes from a replica that lags, and is not taken; unless it is all the server has
 * had for a minute, as after its database was restored.
 */
export function unleashFlagSource(options: UnleashFlagOptions): UnleashFlagSource {
  const { server, fetch, clock, log, random, backup, usage } = options
  const source = `unleash:${server.url}`
  const listeners = new Listeners(source, log)
  let snapshot = snapshotOf(options)
  let fault: string | null = NOT_ASKED
  let etag: string | null = null
  let revision: FlagRevision | null = options.kept?.revision ?? null
  let olderSinceMs: number | null = null
  let timer: unknown = null
  let needs: ReadonlySet<string> | null = null
  let left = ''
  let asking = false
  let askAgain = false
  let closed = false
  const leaving = new AbortController()
  let settle: () => void = () => {}
  const asked = new Promise<void>((resolve) => {
    settle = resolve
  })

  async function ask(): Promise<void> {
    if (closed) return
    if (asking) {
      askAgain = true
      return
    }
    asking = true
    askAgain = false
    clock.clearTimer(timer)
    const answer = await askFeatures(server, etag, {
      fetch,
      clock,
      needs: () => needs,
      signal: leaving.signal,
    })
    asking = false
    if (closed) return
    if (answer.kind === 'fault') note(answer.words)
    else if (answer.kind === 'unchanged') confirm()
    else take(answer)
    settle()
    const waitMs = server.intervalMs * (LEAST_PART + (1 - LEAST_PART) * random())
    timer = clock.setTimer(() => void ask(), askAgain ? GAP_MS : waitMs)
  }

  function take({ document, etag: nextEtag, revision: next, left: others }: Taken): void {
    if (isOlder(next)) {
      olderSinceMs ??= clock.monotonicMs()
      if (clock.monotonicMs() - olderSinceMs < OLDER_MS) {
        note(
          `answered an older state of the flags: revision ${next?.number} after ${revision?.number}`,
        )
        return
      }
      log.warn('flags went back to an older revision', {
        source,
        from: revision?.number,
        to: next?.number,
      })
    }
    etag = nextEtag
    revision = next
    if (others.join() !== left && others.length > 0) {
      log.warn('flags of others are malformed, and left out', { source, flags: others })
    }
    left = others.join()
    const hash = hashOf(document)
    if (hash === snapshot?.hash) {
      confirm()
      return
    }
    log.info('flags read', { source, hash, revision: next?.number ?? null })
    snapshot = { document, hash, readAtMs: clock.monotonicMs(), revision }
    backup?.keep(document, revision)
    fault = null
    olderSinceMs = null
    listeners.tell()
  }

  function isOlder(next: FlagRevision | null): boolean {
    return next !== null && revision?.query === next.query && next.number < revision.number
  }

  function confirm(): void {
    if (snapshot === null) return
    snapshot = { ...snapshot, readAtMs: clock.monotonicMs(), revision }
    backup?.keep(snapshot.document, revision)
    olderSinceMs = null
    if (fault === null) return
    if (fault !== NOT_ASKED) log.info('flags confirmed again', { source, hash: snapshot.hash })
    fault = null
    listeners.tell()
  }

  /** Each distinct fault is logged once. */
  function note(words: string): void {
    if (words === fault) return
    const held = snapshot?.hash ?? null
    log.warn('flags not read: the last good document stays', { source, fault: words, held })
    fault = words
    listeners.tell()
  }

  const doorbell = options.doorbell?.(() => void ask()) ?? null
  void ask()

  return {
    asked,
    current: () => snapshot,
    status: () => ({
      source,
      hash: snapshot?.hash ?? null,
      fault,
      refreshMs: server.intervalMs,
    }),
    onChange(listener) {
      listeners.add(listener)
    },
    follow(asked) {
      needs = new Set(asked.flatMap(({ flag, kill }) => [flag, kill]))
      // What was left out may be needed now.
      if (left !== '') etag = null
    },
    count: (use) => usage?.count(use),
    async close() {
      if (closed) return
      closed = true
      clock.clearTimer(timer)
      leaving.abort()
      doorbell?.close()
      settle()
      await Promise.all([backup?.close(), usage?.close()])
    },
  }
}

type Taken = Extract<FeaturesAnswer, { kind: 'document' }>

const NOT_ASKED = 'has not answered yet'

function snapshotOf({
  kept,
  server,
  clock,
  log,
}: UnleashFlagOptions): FlagSnapshot<FlagDocument> | null {
  if (kept === null) return null
  const hash = hashOf(kept.document)
  log.info('flags from before', { source: `unleash:${server.url}`, kept: kept.words, hash })
  const { document, ageMs, revision = null } = kept
  return { document, hash, readAtMs: clock.monotonicMs() - ageMs, revision }
}
