import { createRequire } from 'node:module'

interface Murmur {
  readonly x86: { hash32(text: string, seed?: number): number }
}
const { x86 } = createRequire(import.meta.url)('murmurhash3js') as Murmur

/** PRODUCT.md "Bucket vectors", by another hand than Headgate's. ASCII only. */
export function bucketBy(groupId: string, unit: string): number {
  const key = `${groupId}:${unit}`
  return (x86.hash32(key, 0) % 100) * 100 + (x86.hash32(key, 0x9747b28c) % 100)
}
