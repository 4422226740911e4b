import { type Check, check } from './check.ts'
import { type Proven, takesKey } from './keys.ts'
import type { AskParts } from './parts.ts'
import type { Proof } from './reach.ts'
import type { Target } from './target.ts'

/**
 * `auth.cross`: have two arms each other's key? A relay never sees official's key, not even to find this out. So official
 * is asked first, with what config says is its own. Where it refuses that, the relay's may be official's: it is not sent to
 * the relay. Only with `--cross` official is asked about the relay's key as well.
 */

/** What is known of an upstream that is trusted. */
export interface Trusted {
  readonly target: Target
  readonly proof: Proof | null
  readonly proven: Proven | null
}

export interface Crossed {
  readonly check: Check
  /** Its keys may be sent to it. */
  readonly safe: boolean
}

/**
 * @param unfit the shape of its keys is that of another vendor
 * @param all every upstream, to find one key in two places
 * @param cross the relay's key may be shown to official
 */
export async function crossCheck(
  target: Target,
  trusted: readonly Trusted[],
  all: readonly Target[],
  { unfit, cross }: { readonly unfit: boolean; readonly cross: boolean },
  parts: AskParts,
): Promise<Crossed> {
  const { about, base } = target
  const said = (
    status: Check['status'],
    safe: boolean,
    detail: string,
    fix: string | null = null,
  ) => ({
    check: check('auth.cross', about, status, detail, fix),
    safe,
  })
  if (target.auth !== 'keys') return said('skipped', true, 'it has no key of its own')
  const twin = all.find((other) => hostOf(other) !== hostOf(target) && sharesKey(other, target))
  if (twin !== undefined) {
    return said(
      'failed',
      false,
      `it has the same key as ${twin.about}, which is another host: one of them sees a key that is not its own; it was not sent`,
      `give each its own; if ${new URL(base).hostname} has seen a key of another, revoke it there`,
    )
  }
  if (unfit) return said('skipped', false, 'needs secret.present and secret.shape')
  if (target.controls.length === 0)
    return said('ok', true, 'it is no canary: no other arm to swap with')
  for (const { target: official, proof, proven } of trusted) {
    if (hostOf(official) === hostOf(target)) continue
    if (cross && proof !== null) {
      for (const { value, place } of target.keys) {
        const taken = await takesKey(official, proof, value, parts)
        if (taken === false) continue
        if (taken === null) {
          const detail = `${official.about} did not say whether it takes the key of ${place}: it was not sent to ${new URL(base).hostname}`
          return said('warning', false, detail, 'ask again in a minute')
        }
        return said(
          'failed',
          false,
          `${official.about} takes the key of ${place}: it is official's, and it was not sent to ${new URL(base).hostname}`,
          `swap them: ${place} and ${official.keys.map((key) => key.place).join(', ')}; if ${new URL(base).hostname} has seen it, revoke it`,
        )
      }
      continue
    }
    if (proven?.accepted === false && official.auth === 'keys') {
      return said(
        'warning',
        false,
        `${official.about} refuses its own key: the two may be swapped, so this one was not sent to ${new URL(base).hostname}`,
        `headgate doctor --cross asks ${new URL(official.base).hostname} whether it is official's`,
      )
    }
  }
  return said('ok', true, cross ? "official's host does not take it" : 'no other upstream has it')
}

function hostOf({ base }: Target): string {
  return new URL(base).host
}

function sharesKey(one: Target, other: Target): boolean {
  return one.keys.some(({ value }) => other.keys.some((key) => key.value === value))
}
