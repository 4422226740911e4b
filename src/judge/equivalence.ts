/**
 * The plain threshold of a migration playbook, where something comes of it: so many of a hundred pairs must be the same or
 * equivalent. It knows no noise and no error rate: pairs of control with itself say what it can be.
 */
import type { Acts } from './integrity.ts'

export interface EquivalenceRule {
  readonly action: 'hold' | 'suspend' | 'roll_back'
  /** The least share of pairs; 0..10,000. */
  readonly shareBp: number
  /** Pairs of an epoch before which nothing is decided; 1 and up. */
  readonly after: number
}

/** Pairs of one epoch that said something. JSON as it is. */
export interface EquivalenceCounts {
  readonly compared: number
  /** Of those: the same, or equivalent. */
  readonly alike: number
}

/** The order leaves no trace. */
export function addEquivalence(
  one: EquivalenceCounts | undefined,
  other: EquivalenceCounts | undefined,
): EquivalenceCounts | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return { compared: one.compared + other.compared, alike: one.alike + other.alike }
}

/**
 * `hold` waits for so many pairs as well: what was not compared is not equivalent. `suspend` looks at every so-manieth pair.
 * @param before the counts of the flush before
 */
export function equivalenceActs(
  rule: EquivalenceRule | undefined,
  before: EquivalenceCounts | undefined,
  now: EquivalenceCounts | undefined,
): Acts {
  if (rule === undefined) return NOTHING
  const { action, shareBp, after } = rule
  const { compared, alike } = now ?? { compared: 0, alike: 0 }
  if (compared < after) {
    const waits = `equivalence: ${compared} of ${after} pairs compared`
    return action === 'hold' ? { ...NOTHING, hold: [waits] } : NOTHING
  }
  if (alike * 10_000 >= shareBp * compared) return NOTHING
  // Downwards: 94.99 % is not shown as the 95 % it misses.
  const percent = Math.floor((alike * 1_000) / compared) / 10
  const words = `${percent} % of ${compared} pairs the same or equivalent, wanted ${shareBp / 100} %`
  switch (action) {
    case 'hold':
      return { ...NOTHING, hold: [`equivalence: ${words}`] }
    case 'roll_back':
      return { ...NOTHING, rollBack: [`equivalence: ${words}`] }
    case 'suspend': {
      const looks = Math.floor(compared / after) > Math.floor((before?.compared ?? 0) / after)
      return looks ? { ...NOTHING, trip: { kind: 'equivalence', words } } : NOTHING
    }
  }
}

const NOTHING: Acts = { rollBack: [], hold: [], trip: null }
