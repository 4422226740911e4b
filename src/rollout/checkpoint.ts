import type { FirstOutcomesState } from '../judge/first-outcomes.ts'
import type { Checkpoint } from '../ports.ts'
import type { DriftCounts } from '../types.ts'
import type { Judged } from './flushes.ts'

/** Where the evidence of a rollout stood, as text: a restart reads on from there. */

export interface Checkpointed {
  readonly judged: Judged
  readonly firsts: FirstOutcomesState
  /** What shadows of the epoch came to; null for nothing. */
  readonly drift: DriftCounts | null
}

const SCHEMA = 1

export function checkpointOf(
  rollout: string,
  judged: Judged,
  { epoch, shares, words }: FirstOutcomesState,
  drift: DriftCounts | null,
): Checkpoint {
  const what = { schema: SCHEMA, judged, epoch, shares, words: packed(words), drift }
  return { rollout, position: judged.position, kept: JSON.stringify(what) }
}

/** @returns null for none, and for what this version did not write: the log is read from its beginning then */
export function fromCheckpoint(checkpoint: Checkpoint | null): Checkpointed | null {
  if (checkpoint === null) return null
  try {
    const { schema, judged, epoch, shares, words, drift } = JSON.parse(checkpoint.kept)
    if (schema !== SCHEMA || judged.position !== checkpoint.position) return null
    return { judged, firsts: { epoch, shares, words: unpacked(words) }, drift: drift ?? null }
  } catch {
    return null
  }
}

/** Words, most of which may be 0. */
export type Packed = string | readonly number[]

/** Their number, then pairs of place and value of those that are not 0; base64 of the whole where that is shorter. */
export function packed(words: Uint32Array): Packed {
  const set: number[] = [words.length]
  const most = words.length / 4
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as number
    if (word === 0) continue
    set.push(at, word)
    if (set.length > most) return base64Of(words)
  }
  return set
}

export function unpacked(text: Packed): Uint32Array {
  if (typeof text === 'string') return fromBase64(text)
  const [length = 0, ...set] = text
  const words = new Uint32Array(length)
  for (let at = 0; at + 1 < set.length; at += 2) words[set[at] as number] = set[at + 1] as number
  return words
}

const CHUNK = 32_768

/** Little-endian, as every platform that runs this keeps it. */
function base64Of(words: Uint32Array): string {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
  let text = ''
  for (let at = 0; at < bytes.length; at += CHUNK) {
    // Spread into arguments it would hold up the process for a third of a second.
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK) as unknown as number[])
  }
  return btoa(text)
}

function fromBase64(text: string): Uint32Array {
  const read = atob(text)
  const bytes = new Uint8Array(read.length)
  for (let at = 0; at < read.length; at++) bytes[at] = read.charCodeAt(at)
  return new Uint32Array(bytes.buffer)
}
