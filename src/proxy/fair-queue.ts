/** A bounded queue that serves its callers in turn, so that whoever sends most does not wait least. */
export class FairQueue<Item> {
  /** Who waits, in the order of their turns; none is empty. */
  readonly #lines = new Map<string, Item[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /**
   * Past `most` somebody has to go: the newest of the longest line, so that one caller's flood turns away its own.
   * @returns who was turned away, which may be `item` itself; null when there was room
   */
  push(who: string, item: Item, most: number): Item | null {
    const line = this.#lines.get(who)
    if (this.#size >= most) {
      const longest = this.#longest()
      if (longest === null || longest.length <= (line?.length ?? 0) + 1) return item
      const displaced = longest.at(-1) as Item
      this.remove(displaced)
      this.push(who, item, most)
      return displaced
    }
    if (line === undefined) this.#lines.set(who, [item])
    else line.push(item)
    this.#size++
    return null
  }

  /** Whose turn it is; null when nobody waits. */
  peek(): Item | null {
    for (const line of this.#lines.values()) return line[0] ?? null
    return null
  }

  /** Takes out whose turn it is; the next turn is another caller's. */
  shift(): Item | null {
    for (const [who, line] of this.#lines) {
      const item = line.shift() ?? null
      this.#size--
      this.#lines.delete(who)
      if (line.length > 0) this.#lines.set(who, line)
      return item
    }
    return null
  }

  /** Does nothing for what is not there. */
  remove(item: Item): void {
    for (const [who, line] of this.#lines) {
      const at = line.indexOf(item)
      if (at < 0) continue
      line.splice(at, 1)
      this.#size--
      if (line.length === 0) this.#lines.delete(who)
      return
    }
  }

  #longest(): Item[] | null {
    let longest: Item[] | null = null
    for (const line of this.#lines.values()) {
      if (longest === null || line.length > longest.length) longest = line
    }
    return longest
  }
}
