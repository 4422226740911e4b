import type { Afterwards } from './ports.ts'

/** Somebody with bytes for a caller. */
export interface Sender {
  /** Hands them to the kernel. It must not throw. */
  flush(): void
}

/**
 * The end of a turn of the event loop. What is read is dealt with as it comes; what is to be written goes out here, one after the
 * other, and then what nobody waits for is done.
 *
 * Each write to somebody who sleeps wakes them, which costs as much as the write; whoever is awake is not woken again. And
 * what runs next to its like finds its code and data in the processor's caches.
 */
export class LoopTurn {
  #senders: Sender[] = []
  #works: (() => void)[] = []
  #ends = false

  send(sender: Sender): void {
    this.#senders.push(sender)
    this.#expectEnd()
  }

  /** Does it at the end of this turn, once what is to be sent is on its way. */
  readonly afterwards: Afterwards = (work) => {
    this.#works.push(work)
    this.#expectEnd()
  }

  #expectEnd(): void {
    if (this.#ends) return
    this.#ends = true
    setImmediate(() => this.#end())
  }

  #end(): void {
    this.#ends = false
    const senders = this.#senders
    const works = this.#works
    this.#senders = []
    this.#works = []
    for (const sender of senders) sender.flush()
    for (const work of works) work()
  }
}
