import { REDACTED } from '../types.ts'

/**
 * Takes an upstream's own credentials out of what it sends back: an error that quotes the key it was given must not
 * hand it to the caller.
 */

/** Shorter strings are no secrets, and would hit by chance. */
const SHORTEST = 8

/** Upstreams quote the beginning of a key to say which one they mean. */
const BEGINNING = 12

/**
 * A secret in the forms in which an upstream may quote it: whole, URL-encoded, in base64, its beginning. What stands
 * behind a scheme (`Bearer …`) is a secret by itself.
 */
export function formsOf(secret: string): readonly string[] {
  const bare = secret.slice(secret.lastIndexOf(' ') + 1)
  const forms = bare === secret ? [] : [secret]
  forms.push(bare, encodeURIComponent(bare), ...base64Of(bare))
  if (bare.length > BEGINNING) forms.push(bare.slice(0, BEGINNING))
  return [...new Set(forms)]
}

/**
 * In base64 a text looks different at each of three places, because three bytes become four characters. Characters that
 * also depend on a neighbour are left out, so that it is found behind `Bearer ` or `user:` too.
 */
function base64Of(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret)
  const found: string[] = []
  for (let before = 0; before < 3; before++) {
    const text = btoa(String.fromCharCode(...new Uint8Array(before), ...bytes))
    const whole = text.slice(
      Math.ceil((before * 4) / 3),
      Math.floor(((before + bytes.length) * 4) / 3),
    )
    found.push(whole, whole.replaceAll('+', '-').replaceAll('/', '_'))
  }
  return found
}

/** A shorter text has no room for a secret. */
export function mayQuote(text: string): boolean {
  return text.length >= SHORTEST
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
