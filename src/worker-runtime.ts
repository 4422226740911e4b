import type { Clock, Log } from './ports.ts'
import { logLines } from './telemetry/lines.ts'

/** What both entries on Workers take from the platform. */

export const edgeClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (run, ms) => setTimeout(run, ms),
  clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}

/** To the Worker's own log. */
export function edgeLog(bindings: Readonly<Record<string, unknown>>): Log {
  return logLines((line) => console.log(line), bindings['HEADGATE_LOG_LEVEL'], edgeClock.wallMs)
}

/** So many bytes of chance, in lower-case hex. Nothing may be drawn before the first request. */
export function hex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), hexOf).join('')
}

/** 128 bits of chance. */
export function newId(): string {
  return `hg_${hex(16)}`
}

/** 0 to 1, below 1. */
export function random(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32
}

/** In lower-case hex. */
export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), hexOf).join('')
}

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
