/**
 * Takes an upstream's own credentials out of what it sends back: an error that quotes the key it was given must not
 * hand it to the caller.
 */

const REDACTED = '[redacted]'

/** Shorter strings are no secrets, and would hit by chance. */
const SHORTEST = 8

/** Upstreams quote the beginning of a key to say which one they mean. */
const BEGINNING = 12

/** A secret in the forms in which an upstream may quote it: whole, URL-encoded, in base64, its beginning. */
export function formsOf(secret: string): readonly string[] {
  const bytes = new TextEncoder().encode(secret)
  const base64 = btoa(String.fromCharCode(...bytes)).replace(/=+$/, '')
  const beginning = secret.length > BEGINNING ? [secret.slice(0, BEGINNING)] : []
  return [...new Set([secret, encodeURIComponent(secret), base64, ...beginning])]
}

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
