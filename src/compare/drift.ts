import type { DriftCounts, Pair, ShadowNote } from '../types.ts'
import { mergedScores, noScores, withScore } from './noise.ts'

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
    const { sent, usd, dropped, verdicts, findings, probes, similarity, noise } = this.#counts
    this.#counts = {
      sent: sent + more.sent,
      usd: usd === null ? more.usd : usd + (more.usd ?? 0),
      dropped: added(dropped, more.dropped),
      verdicts: added(verdicts, more.verdicts),
      findings: added(findings, more.findings),
      probes: { asked: probes.asked + more.probes.asked, odd: probes.odd + more.probes.odd },
      similarity: merged(similarity, more.similarity),
      noise: merged(noise, more.noise),
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

const NOTHING: DriftCounts = {
  sent: 0,
  usd: null,
  dropped: {},
  verdicts: {},
  findings: {},
  probes: { asked: 0, odd: 0 },
  similarity: [],
  noise: [],
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

function pairedCounts({ verdict, findings, odd, similarity, noise }: Pair): DriftCounts {
  return {
    ...NOTHING,
    verdicts: { [verdict]: 1 },
    findings: Object.fromEntries(findings.map(({ kind }) => [kind, 1])),
    probes: { asked: Number(odd !== null), odd: Number(odd === true) },
    similarity: similarity === null ? [] : withScore(noScores(), similarity.score),
    noise: noise === null ? [] : withScore(noScores(), noise),
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
