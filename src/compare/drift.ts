import type { DriftCounts, Pair, ShadowNote } from '../types.ts'
import { mergedScores, noScores, withScore } from './noise.ts'
import { addWork, NO_WORK, workIn } from './work.ts'

/**
 * What the shadows of one rollout came to: what a log is known to have, what it was handed and was not read back, and what
 * waits. It is for people, and no verdict rests on it.
 */
export class Drift {
  readonly #waiting = new Sum()
  #known = new Sum()
  #handed: DriftCounts[] = []

  /** All of it. */
  get counts(): DriftCounts {
    const all = new Sum()
    for (const one of [this.#known.counts, ...this.#handed, this.#waiting.counts]) all.merge(one)
    return all.counts
  }

  note(note: ShadowNote): void {
    this.merge(countsOf(note))
  }

  /** Adds what another process counted, and no log has. */
  merge(more: DriftCounts): void {
    this.#waiting.merge(more)
  }

  get waits(): boolean {
    return !this.#waiting.isEmpty
  }

  /** What waits, for somebody else to keep: it is gone after. Null when nothing does. */
  tell(): DriftCounts | null {
    return this.#waiting.take()
  }

  /** What waits, for the log. Null when nothing does. */
  take(): DriftCounts | null {
    const taken = this.#waiting.take()
    if (taken !== null) this.#handed.push(taken)
    return taken
  }

  /** The log has it. @param own it is what was taken first, of what was not read back yet */
  logged(counts: DriftCounts, own: boolean): void {
    if (own) this.#handed.shift()
    this.#known.merge(counts)
  }

  /** Another epoch begins. @param known what the log is known to have of it */
  begin(known: DriftCounts | null): void {
    this.#handed = []
    this.#known = new Sum()
    if (known !== null) this.#known.merge(known)
  }

  /** What the log is known to have; null for nothing. */
  get known(): DriftCounts | null {
    return this.#known.isEmpty ? null : this.#known.counts
  }
}

class Sum {
  #counts: DriftCounts = NOTHING

  get counts(): DriftCounts {
    return this.#counts
  }

  merge(more: DriftCounts): void {
    const { sent, usd, dropped, verdicts, findings, probes, similarity, noise, method, work } =
      this.#counts
    this.#counts = {
      sent: sent + more.sent,
      usd: usd === null ? more.usd : usd + (more.usd ?? 0),
      dropped: added(dropped, more.dropped),
      verdicts: added(verdicts, more.verdicts),
      findings: added(findings, more.findings),
      probes: { asked: probes.asked + more.probes.asked, odd: probes.odd + more.probes.odd },
      similarity: merged(similarity, more.similarity),
      noise: merged(noise, more.noise),
      method: more.method ?? method,
      work: addWork(work, more.work),
    }
  }

  get isEmpty(): boolean {
    return this.#counts === NOTHING
  }

  /** What was counted, null for nothing; it is empty after. */
  take(): DriftCounts | null {
    if (this.isEmpty) return null
    const counts = this.#counts
    this.#counts = NOTHING
    return counts
  }
}

const NOTHING: DriftCounts = {
  sent: 0,
  usd: null,
  dropped: {},
  verdicts: {},
  findings: {},
  probes: { asked: 0, odd: 0 },
  similarity: [],
  noise: [],
  method: null,
  work: NO_WORK,
}

function countsOf(note: ShadowNote): DriftCounts {
  switch (note.what) {
    case 'sent':
      return { ...NOTHING, sent: 1, usd: note.usd }
    case 'dropped':
      return { ...NOTHING, dropped: { [note.why]: 1 } }
    case 'paired':
      return pairedCounts(note.pair)
    case 'caught':
      return { ...NOTHING, findings: { [note.finding.kind]: 1 } }
  }
}

function pairedCounts(pair: Pair): DriftCounts {
  const { verdict, findings, odd, similarity, noise } = pair
  return {
    ...NOTHING,
    verdicts: { [verdict]: 1 },
    findings: Object.fromEntries(findings.map(({ kind }) => [kind, 1])),
    probes: { asked: Number(odd !== null), odd: Number(odd === true) },
    similarity: similarity === null ? [] : withScore(noScores(), similarity.score),
    noise: noise === null ? [] : withScore(noScores(), noise),
    method: similarity?.method ?? null,
    work: workIn(pair),
  }
}

function merged(one: readonly number[], other: readonly number[]): readonly number[] {
  if (one.length === 0) return other
  return other.length === 0 ? one : mergedScores(one, other)
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
