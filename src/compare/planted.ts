/**
 * Canary secrets: keys that open nothing, put where only an upstream can read them. Whoever uses one has read it; an answer
 * that has one, to a request that had none, holds another caller's content.
 */
export interface Planted {
  /** As findings name it; no part of the secret. */
  readonly name: string
  readonly secret: string
}

/** Shapes that thieves look for. */
export const PLANTED_SHAPES = ['openai', 'anthropic', 'aws', 'github', 'headgate'] as const

export type PlantedShape = (typeof PLANTED_SHAPES)[number]

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * @param chance at least 48 bytes from a cryptographic source
 * @throws {RangeError} for fewer: a secret that can be guessed proves nothing
 */
export function plantedSecret(shape: PlantedShape, chance: Uint8Array): string {
  if (chance.length < 48)
    throw new RangeError(`a planted secret needs 48 bytes, got ${chance.length}`)
  const drawn = (length: number, from: string = LETTERS): string =>
    Array.from(chance.subarray(0, length), (byte) => from.charAt(byte % from.length)).join('')
  switch (shape) {
    case 'openai':
      return `sk-proj-${drawn(48)}`
    case 'anthropic':
      return `sk-ant-api03-${drawn(48)}`
    case 'aws':
      return `AKIA${drawn(16, CAPITALS)}`
    case 'github':
      return `ghp_${drawn(36)}`
    case 'headgate':
      return `hg_${drawn(40)}`
  }
}

/** Those whose secret is in the text, whole. */
export function plantedIn(text: string, planted: readonly Planted[]): Planted[] {
  return text === '' ? [] : planted.filter(({ secret }) => secret !== '' && text.includes(secret))
}
