/** In place of lru-cache, of which unleash-client uses this much: the compiled patterns of constraints, the newest kept. */
export class LRUCache {
  #kept = new Map()
  #max

  constructor({ max }) {
    this.#max = max
  }

  get(key) {
    const value = this.#kept.get(key)
    if (value === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, value)
    return value
  }

  set(key, value) {
    this.#kept.delete(key)
    this.#kept.set(key, value)
    if (this.#kept.size > this.#max) this.#kept.delete(this.#kept.keys().next().value)
    return this
  }
}
