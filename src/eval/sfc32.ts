/**
 * The generator sfc32 (Doty-Humphrey, PractRand), past its first 12 draws. The same three words give the same draws on
 * every machine; it is no secret, and none should be made of it.
 * @param a @param b @param c taken by their lowest 32 bits
 * @returns the next draw, in [0, 1), with 32 bits
 */
export function sfc32(a: number, b: number, c: number): () => number {
  let counter = 1
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 4_294_967_296
  }
  for (let warm = 0; warm < 12; warm++) next()
  return next
}
