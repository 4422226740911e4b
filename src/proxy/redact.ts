/**
 * Takes an upstream's own credentials out of what it sends back: an error that quotes the key it was given must not
 * hand it to the caller.
 */

const REDACTED = '[redacted]'

/** Shorter strings are no secrets, and would hit by chance. */
const SHORTEST = 8

/** @returns the text itself when it quotes nothing */
export function redacted(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) {
    if (secret.length >= SHORTEST && clean.includes(secret)) {
      clean = clean.replaceAll(secret, REDACTED)
    }
  }
  return clean
}

/** @returns the bytes themselves when they quote nothing */
export function redactedBytes(bytes: Uint8Array, secrets: readonly string[]): Uint8Array {
  const text = new TextDecoder().decode(bytes)
  const clean = redacted(text, secrets)
  return clean === text ? bytes : new TextEncoder().encode(clean)
}
