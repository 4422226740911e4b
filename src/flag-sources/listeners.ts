import type { Log } from '../ports.ts'

/** Who is told of every change of a flag source. One that fails keeps no other from hearing. */
export class Listeners {
  readonly #source: string
  readonly #log: Log
  readonly #all: (() => void)[] = []

  constructor(source: string, log: Log) {
    this.#source = source
    this.#log = log
  }

  add(listener: () => void): void {
    this.#all.push(listener)
  }

  tell(): void {
    for (const listener of this.#all) {
      try {
        listener()
      } catch (error) {
        this.#log.error('a listener to flags failed', { source: this.#source, error })
      }
    }
  }
}
