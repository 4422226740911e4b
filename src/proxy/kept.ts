import type { Attempted } from './observe.ts'

/** The answer that a caller gets, kept for a comparison: by reference, never copied on its way, and bounded. */

/** A longer answer is not compared. */
const MOST_BYTES = 1_048_576

/** What all that is kept in one process may come to; beyond it comparisons are dropped and not callers. */
export class KeptBytes {
  readonly #most: number
  #now = 0

  /** @param most 32 MiB unless given */
  constructor(most = 33_554_432) {
    this.#most = most
  }

  take(bytes: number): boolean {
    if (this.#now + bytes > this.#most) return false
    this.#now += bytes
    return true
  }

  giveBack(bytes: number): void {
    this.#now -= bytes
  }
}

export class Kept {
  /** A probe asks control once more than a shadow does. */
  readonly kind: 'shadow' | 'probe'
  readonly #room: KeptBytes
  #attempted: Attempted | null = null
  #chunks: Uint8Array[] = []
  #bytes = 0
  #state: 'keeping' | 'too_large' | 'busy' = 'keeping'

  constructor(kind: 'shadow' | 'probe', room: KeptBytes) {
    this.kind = kind
    this.#room = room
  }

  /** The attempt that answered last, or is about to; null before the first. */
  get attempted(): Attempted | null {
    return this.#attempted
  }

  /** What an attempt before it answered did not reach the caller. */
  begin(attempted: Attempted): void {
    this.release()
    this.#state = 'keeping'
    this.#attempted = attempted
  }

  /** Keeps a reference: the chunk must not be written to afterwards. */
  push(chunk: Uint8Array): void {
    if (this.#state !== 'keeping') return
    const { length } = chunk
    if (this.#bytes + length > MOST_BYTES) this.#giveUp('too_large')
    else if (!this.#room.take(length)) this.#giveUp('busy')
    else {
      this.#chunks.push(chunk)
      this.#bytes += length
    }
  }

  /** The whole answer as it came from the upstream, or why it is not there. */
  taken(): readonly Uint8Array[] | 'too_large' | 'busy' {
    return this.#state === 'keeping' ? this.#chunks : this.#state
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Lets go of it. May be called twice. */
  release(): void {
    this.#room.giveBack(this.#bytes)
    this.#chunks = []
    this.#bytes = 0
  }

  #giveUp(why: 'too_large' | 'busy'): void {
    this.release()
    this.#state = why
  }
}
