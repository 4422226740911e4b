import type { DriftCounts, ShadowNote } from '../types.ts'

/** What the shadows of one rollout came to. In memory: it is for people, and no verdict rests on it. */
export class Drift {
  #counts: DriftCounts = NOTHING

  get counts(): DriftCounts {
    return this.#counts
  }

  note(note: ShadowNote): void {
    this.merge(countsOf(note))
  }

  /** Adds what another process counted. */
  merge(more: DriftCounts): void {
    const { sent, usd, dropped } = this.#counts
    this.#counts = {
      sent: sent + more.sent,
      usd: usd === null ? more.usd : usd + (more.usd ?? 0),
      dropped: added(dropped, more.dropped),
    }
  }

  get isEmpty(): boolean {
    return this.#counts === NOTHING
  }

  /** What was counted; it is empty after. */
  take(): DriftCounts {
    const counts = this.#counts
    this.#counts = NOTHING
    return counts
  }
}

const NOTHING: DriftCounts = { sent: 0, usd: null, dropped: {} }

function countsOf(note: ShadowNote): DriftCounts {
  switch (note.what) {
    case 'sent':
      return { ...NOTHING, sent: 1, usd: note.usd }
    case 'dropped':
      return { ...NOTHING, dropped: { [note.why]: 1 } }
  }
}

function added<Name extends string>(
  one: Readonly<Partial<Record<Name, number>>>,
  other: Readonly<Partial<Record<Name, number>>>,
): Readonly<Partial<Record<Name, number>>> {
  const sum: Partial<Record<Name, number>> = { ...one }
  for (const [name, count] of Object.entries(other) as [Name, number][]) {
    sum[name] = (sum[name] ?? 0) + count
  }
  return sum
}
