import type { Note } from '../rollout/events.ts'
import { type Finding, PROOF_KINDS } from '../types.ts'

/** Tells the audit log what upstreams were caught at: the first time, the tenth, the hundredth. Whoever repeats it fills no log. */
export class Caught {
  readonly #counts = new Map<string, number>()
  readonly #note: (rollout: string, note: Note) => void

  constructor(note: (rollout: string, note: Note) => void) {
    this.#note = note
  }

  /** Those that are no proof by themselves are passed over. */
  add(rollout: string, findings: readonly Finding[]): void {
    for (const { kind, words, evidence } of findings) {
      if (!PROOF_KINDS.has(kind)) continue
      const key = JSON.stringify([rollout, kind, evidence['secret'], evidence['door']])
      const count = (this.#counts.get(key) ?? 0) + 1
      this.#counts.set(key, count)
      if (!/^10*$/.test(String(count))) continue
      const often = count === 1 ? '' : `, ${count} times since this process began`
      this.#note(rollout, { type: 'caught', by: 'integrity', reason: `${kind}: ${words}${often}` })
    }
  }
}
