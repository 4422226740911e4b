/** 64 bits of a text, in two words: FNV-1a from two beginnings, each mixed to its end (murmur3's finalizer). Not for secrets. */
export function hashOf(text: string): readonly [low: number, high: number] {
  let low = 0x811c9dc5
  let high = 0x1b873593
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b)
    high = (high << 13) | (high >>> 19)
  }
  return [mixed(low ^ text.length), mixed(high)]
}

/** murmur3's finalizer: every bit of 32 depends on every other. */
export function mixed(hash: number): number {
  let mix = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35)
  return mix ^ (mix >>> 16)
}
