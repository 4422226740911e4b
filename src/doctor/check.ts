import type { CheckId } from '../types.ts'

/** What `doctor` says about one thing, and the order in which it says it. */

/** `warning` works and is probably not meant; `skipped` could not be told, mostly since something before it failed. */
export type CheckStatus = 'ok' | 'warning' | 'failed' | 'skipped'

/** One check of one thing. Nothing in it is a secret. */
export interface Check {
  readonly id: CheckId
  /** What was looked at, as config names it: `upstreams.relay`, `control`, `flags`, `state`; `this machine` for the rest. */
  readonly about: string
  readonly status: CheckStatus
  /** One line: what was seen. */
  readonly detail: string
  /** What to do, exactly; null where there is nothing to do. */
  readonly fix: string | null
  /** Where it is explained, seen from the root of the project. */
  readonly docs: string
}

/** In the order in which they are done: what comes before may be why what comes after is skipped. */
export const CHECK_IDS = [
  'secret.present',
  'secret.shape',
  'url.shape',
  'net.proxy',
  'net.dns',
  'net.tls',
  'url.redirect',
  'path.probe',
  'auth.cross',
  'auth.style',
  'model.exists',
  'clock.skew',
  'flags.source',
  'store.write',
  'otlp.export',
  'price.coverage',
] as const satisfies readonly CheckId[]

/** Where a check is explained. Headings lose their dot in the address of a page. */
function docsOf(id: CheckId): string {
  return `docs/guides/doctor.md#${id.replace('.', '')}`
}

/** What is well has no `fix`. */
export function check(
  id: CheckId,
  about: string,
  status: CheckStatus,
  detail: string,
  fix: string | null = null,
): Check {
  return { id, about, status, detail: plain(detail), fix, docs: docsOf(id) }
}

/** How many of each. */
export function countsOf(checks: readonly Check[]): Readonly<Record<CheckStatus, number>> {
  const counts = { ok: 0, warning: 0, failed: 0, skipped: 0 }
  for (const { status } of checks) counts[status]++
  return counts
}

/** An upstream words its own answers: here they are one line, and a short one. */
function plain(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS - 1)}…` : line
}

const MOST_CHARACTERS = 400
