import type { IncomingMessage } from 'node:http'
import type { ArrivedRequest } from './faults.ts'

/** Everything a simulated upstream was asked, kept so that a test can wait for what happened instead of sleeping. */

/** How an exchange ended, as the upstream saw it. `broken` is a fault's own doing. */
export type ExchangeEnd = 'sent' | 'aborted' | 'broken'

/** One request, live: fields fill in as it goes on. */
export interface JournalEntry extends ArrivedRequest {
  /** Milliseconds since the epoch. */
  readonly arrivedAt: number
  /** Path and query, as sent. */
  readonly target: string
  /** Name, value, name, value, as sent. */
  readonly rawHeaders: readonly string[]
  /** What has arrived so far; the whole once `received` resolved. */
  readonly body: Uint8Array
  /** The body arrived whole. Never settles when the caller left before. */
  readonly received: Promise<void>
  /** The final status; null until it was written, and for ever when none was. */
  readonly status: number | null
  /** Body bytes handed to the connection so far. */
  readonly bytesSent: number
  /** Milliseconds since the epoch at which the caller left early; null when it did not. */
  readonly abortedAt: number | null
  /** Resolves when the caller leaves before its answer ended; never otherwise. */
  readonly aborted: Promise<void>
  readonly ended: Promise<ExchangeEnd>
}

/** The requests, oldest first. */
export interface Journal extends Iterable<JournalEntry> {
  /** Entries kept; at most the limit. */
  readonly length: number
  /** Requests ever, kept or not. */
  readonly total: number
  at(index: number): JournalEntry | undefined
  filter(holds: (entry: JournalEntry) => boolean): JournalEntry[]
  /** The next request to arrive after this call for which `holds`. */
  next(holds?: (entry: JournalEntry) => boolean): Promise<JournalEntry>
  /** The next request whose caller leaves early, counted from this call. */
  nextAborted(): Promise<JournalEntry>
  clear(): void
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

/** The upstream's own handle on an entry. */
export interface OpenEntry {
  readonly entry: Mutable<JournalEntry>
  receive(body: Uint8Array): void
  end(how: ExchangeEnd): void
}

/** A journal and the way to write it. */
export class JournalBook implements Journal {
  readonly #limit: number
  readonly #waiting = new Set<(entry: JournalEntry) => boolean>()
  readonly #waitingAborted = new Set<(entry: JournalEntry) => void>()
  #entries: JournalEntry[] = []
  #total = 0

  /** @param limit entries kept; the oldest go first */
  constructor(limit: number) {
    this.#limit = limit
  }

  get length(): number {
    return this.#entries.length
  }

  get total(): number {
    return this.#total
  }

  at(index: number): JournalEntry | undefined {
    return this.#entries.at(index)
  }

  filter(holds: (entry: JournalEntry) => boolean): JournalEntry[] {
    return this.#entries.filter(holds)
  }

  next(holds: (entry: JournalEntry) => boolean = () => true): Promise<JournalEntry> {
    return new Promise((resolve) => {
      const offer = (entry: JournalEntry): boolean => {
        if (!holds(entry)) return false
        resolve(entry)
        return true
      }
      this.#waiting.add(offer)
    })
  }

  nextAborted(): Promise<JournalEntry> {
    return new Promise((resolve) => this.#waitingAborted.add(resolve))
  }

  clear(): void {
    this.#entries = []
  }

  [Symbol.iterator](): Iterator<JournalEntry> {
    return this.#entries.values()
  }

  /** Opens an entry for a request whose head has arrived. */
  open(request: IncomingMessage): OpenEntry {
    const received = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<ExchangeEnd>()
    const target = request.url ?? '/'
    const entry: Mutable<JournalEntry> = {
      index: this.#total++,
      arrivedAt: Date.now(),
      method: request.method ?? 'GET',
      target,
      path: target.split('?', 1)[0] ?? target,
      rawHeaders: request.rawHeaders,
      header: (name) => {
        const value = request.headers[name]
        return (Array.isArray(value) ? value[0] : value) ?? null
      },
      body: new Uint8Array(0),
      received: received.promise,
      status: null,
      bytesSent: 0,
      abortedAt: null,
      aborted: aborted.promise,
      ended: ended.promise,
    }
    if (this.#limit > 0) {
      this.#entries.push(entry)
      if (this.#entries.length > this.#limit) this.#entries.shift()
    }
    for (const offer of [...this.#waiting]) {
      if (offer(entry)) this.#waiting.delete(offer)
    }
    let open = true
    return {
      entry,
      receive: (body) => {
        entry.body = body
        received.resolve()
      },
      end: (how) => {
        if (!open) return
        open = false
        if (how === 'aborted') {
          entry.abortedAt = Date.now()
          aborted.resolve()
          for (const tell of this.#waitingAborted) tell(entry)
          this.#waitingAborted.clear()
        }
        ended.resolve(how)
      },
    }
  }
}
