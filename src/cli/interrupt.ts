import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from './command.ts'

/** Ctrl-C as a signal, for commands that end when a person says so. */

export interface Interruption {
  readonly signal: AbortSignal
  /** From then on Ctrl-C ends the process again. */
  readonly forget: () => void
}

export function interruption({ onInterrupt }: Context): Interruption {
  const controller = new AbortController()
  const forget = onInterrupt(() => controller.abort())
  return { signal: controller.signal, forget }
}

/** Waits so long, or until the signal; it does not throw. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}
