import { type FlagDocument, hashOf } from '../flag/document.ts'
import type { Clock, FlagSnapshot, FlagSource } from '../ports.ts'

/** A flag source whose document is put there by hand. */
export interface StaticFlagSource extends FlagSource<FlagDocument> {
  /** Replaces the document and tells the listeners; nothing once it was closed. */
  set(document: FlagDocument): void
}

export interface StaticFlagOptions {
  /** Already validated (`parseDocument`); null until `set`. */
  readonly document: FlagDocument | null
  readonly clock: Clock
}

/**
 * Flags bundled with a Worker, or set by a test. It never has a fault, and does not age: `readAtMs` is the time of
 * asking.
 */
export function staticFlagSource({ document, clock }: StaticFlagOptions): StaticFlagSource {
  const listeners: (() => void)[] = []
  let closed = false
  let held = document === null ? null : { document, hash: hashOf(document) }

  return {
    current(): FlagSnapshot<FlagDocument> | null {
      return held === null ? null : { ...held, readAtMs: clock.monotonicMs() }
    },
    status: () => ({ source: 'static', hash: held?.hash ?? null, fault: null, refreshMs: 0 }),
    onChange(listener) {
      listeners.push(listener)
    },
    set(next) {
      if (closed) return
      held = { document: next, hash: hashOf(next) }
      for (const listener of listeners) listener()
    },
    close() {
      closed = true
    },
  }
}
