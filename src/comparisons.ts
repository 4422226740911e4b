import type { DriftView } from './api/views/drift.ts'
import { Drift } from './compare/drift.ts'
import { equivalenceOf } from './compare/equivalence.ts'
import { spreadOf } from './compare/noise.ts'
import { samePromptsOf } from './compare/work.ts'
import type { RolloutConfig } from './config/schema.ts'
import type { Log, PairQuery, PairStore } from './ports.ts'
import type { ShadowParcel, ShadowsToTell } from './rollout/exchange.ts'
import type { Questions } from './rollout/questions.ts'
import type { Finding, MonitorReport, Pair, ShadowNote } from './types.ts'

/** What shadows found, by rollout: counted, kept, and shown. In an isolate it waits here to be told. */

export interface ComparisonsParts {
  /** Null where they are kept elsewhere. */
  readonly store: PairStore | null
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number
  readonly log: Log
}

/** Pairs that wait to be written, or told; beyond it the oldest goes. */
const MOST_WAITING = 200
/** What is too old is looked for this often. */
const FORGET_MS = 60_000
/** Of one parcel. */
const MOST_TOLD = 25

export class Comparisons implements ShadowsToTell {
  readonly #parts: ComparisonsParts
  readonly #drifts = new Map<string, Drift>()
  #waiting: Pair[] = []
  /** In an isolate, until it is told. */
  #caught: { readonly rollout: string; readonly finding: Finding }[] = []
  #forgotAt = Number.NEGATIVE_INFINITY
  #chain: Promise<void> = Promise.resolve()

  constructor(parts: ComparisonsParts) {
    this.#parts = parts
  }

  note(rollout: string, note: ShadowNote): void {
    this.driftOf(rollout).note(note)
    if (note.what === 'paired') this.#keep([note.pair])
    if (note.what !== 'caught' || this.#parts.store !== null) return
    this.#caught.push({ rollout, finding: note.finding })
    if (this.#caught.length > MOST_WAITING) this.#caught.shift()
  }

  /** Takes in what an isolate counted and found. */
  merge(rollout: string, { counts, pairs }: Omit<ShadowParcel, 'caught'>): void {
    if (counts !== null) this.driftOf(rollout).merge(counts)
    this.#keep(pairs)
  }

  waits(rollout: string): boolean {
    return (
      this.driftOf(rollout).waits ||
      this.#waiting.some((pair) => pair.rollout === rollout) ||
      this.#caught.some((one) => one.rollout === rollout)
    )
  }

  take(rollout: string): ShadowParcel | null {
    if (!this.waits(rollout)) return null
    const pairs = this.#waiting.filter((pair) => pair.rollout === rollout).slice(0, MOST_TOLD)
    this.#waiting = this.#waiting.filter((pair) => !pairs.includes(pair))
    const caught = this.#caught.filter((one) => one.rollout === rollout).slice(0, MOST_TOLD)
    this.#caught = this.#caught.filter((one) => !caught.includes(one))
    const counts = this.driftOf(rollout).tell()
    return { counts, pairs, caught: caught.map(({ finding }) => finding) }
  }

  /** Null where nothing is compared. @param judged the judge's monitor of meaning, and what questions have shown; null where it has none */
  view(
    rollout: string,
    { shadow }: Pick<RolloutConfig, 'shadow'>,
    {
      meaning,
      questions,
    }: { readonly meaning: MonitorReport | null; readonly questions: Questions | null },
  ): DriftView | null {
    if (shadow === undefined) return null
    const { sent, dropped, usd, verdicts, findings, probes, similarity, noise, method, work } =
      this.driftOf(rollout).counts
    const compared = Object.values(verdicts).reduce((sum, count) => sum + count, 0)
    const equivalent = equivalenceOf(verdicts, shadow.equivalent.share / 100)
    return {
      probes: probes.asked,
      odd: probes.odd,
      evidence: meaning?.evidence ?? null,
      limit: meaning?.limit ?? null,
      noiseFloor: spreadOf(noise),
      similarity: spreadOf(similarity),
      method,
      equivalent,
      samePrompts: samePromptsOf(work),
      questions:
        shadow.questions === undefined || questions === null
          ? null
          : { asked: questions.asked, evidence: questions.evidence, limit: questions.limit },
      verdicts,
      findings,
      shadows: { sent, compared, dropped, costUsd: usd },
    }
  }

  /** The newest first, what waits to be written included where the store takes it. @throws what the store throws */
  async read(query: PairQuery): Promise<readonly Pair[]> {
    await this.flush([])
    return (await this.#parts.store?.read(query)) ?? []
  }

  /** Null where there is no such pair. @throws what the store throws */
  async get(id: string): Promise<Pair | null> {
    await this.flush([])
    return (await this.#parts.store?.get(id)) ?? null
  }

  /** Writes down what was found, and lets go of what is too old. Never rejects: what a store does not take waits for the next time. */
  flush(
    rollouts: Iterable<{ readonly name: string; readonly config: RolloutConfig }>,
  ): Promise<void> {
    this.#chain = this.#chain.then(() => this.#write(rollouts))
    return this.#chain
  }

  async #write(
    rollouts: Iterable<{ readonly name: string; readonly config: RolloutConfig }>,
  ): Promise<void> {
    const { store, log, wallMs } = this.#parts
    if (store === null) return
    const pairs = this.#waiting
    try {
      if (pairs.length > 0) await store.add(pairs)
      this.#waiting = this.#waiting.filter((pair) => !pairs.includes(pair))
      const nowMs = wallMs()
      const isDue = Math.abs(nowMs - this.#forgotAt) >= FORGET_MS
      for (const { name, config } of isDue ? rollouts : []) {
        this.#forgotAt = nowMs
        if (config.shadow === undefined) continue
        const { pairs: limits, content } = config.shadow
        const before = (ms: number): string => new Date(nowMs - ms).toISOString()
        await store.forget(name, {
          keep: limits.keep,
          before: before(limits.retention),
          textBefore: before(content.capture ? content.retention : 0),
        })
      }
    } catch (error) {
      log.warn('pairs are not written', { error: error instanceof Error ? error.message : '' })
    }
  }

  #keep(pairs: readonly Pair[]): void {
    this.#waiting.push(...pairs)
    if (this.#waiting.length > MOST_WAITING) this.#waiting = this.#waiting.slice(-MOST_WAITING)
  }

  /** What its shadows came to. */
  driftOf(rollout: string): Drift {
    let drift = this.#drifts.get(rollout)
    if (drift === undefined) {
      drift = new Drift()
      this.#drifts.set(rollout, drift)
    }
    return drift
  }
}
