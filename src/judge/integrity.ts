/**
 * What upstreams were caught at, and what the owner wants to come of it. No statistics: each finding is something that an honest
 * upstream does not do. Counts, so that many processes add up and a replay comes to the same.
 */
import { type FindingKind, PROOF_KINDS, type Trip } from '../types.ts'

/** What comes of findings of one kind. */
export interface IntegrityRule {
  readonly action: 'hold' | 'suspend' | 'roll_back'
  /** From the how many-th in an epoch on; 1 and up. */
  readonly after: number
}

export type IntegrityRules = Readonly<Partial<Record<FindingKind, IntegrityRule>>>

/** Findings of one epoch. JSON as it is. */
export interface IntegrityCounts {
  /** Pairs that said something. */
  readonly compared: number
  readonly found: Readonly<Partial<Record<FindingKind, Found>>>
}

interface Found {
  readonly count: number
  /** Of one of them. */
  readonly words: string
}

/** Something that was found outside of pairs. */
export function foundAlone(finding: {
  readonly kind: FindingKind
  readonly words: string
}): IntegrityCounts {
  return { ...foundIn([finding]), compared: 0 }
}

/** What one pair adds. */
export function foundIn(
  findings: readonly { readonly kind: FindingKind; readonly words: string }[],
): IntegrityCounts {
  const found = findings.map(({ kind, words }) => [kind, { count: 1, words }] as const)
  return { compared: 1, found: Object.fromEntries(found) }
}

/** The order leaves no trace. */
export function addIntegrity(
  one: IntegrityCounts | undefined,
  other: IntegrityCounts | undefined,
): IntegrityCounts | undefined {
  if (one === undefined || other === undefined) return one ?? other
  const found: Partial<Record<FindingKind, Found>> = { ...one.found }
  for (const [kind, more] of entriesOf(other)) {
    const own = found[kind]
    found[kind] =
      own === undefined
        ? more
        : {
            count: own.count + more.count,
            words: own.words <= more.words ? own.words : more.words,
          }
  }
  const sorted = Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1))
  return { compared: one.compared + other.compared, found: Object.fromEntries(sorted) }
}

/** What rules make of counts. */
export interface Acts {
  /** Why it is rolled back; empty where it is not. */
  readonly rollBack: readonly string[]
  /** Why it does not climb; empty where it may. */
  readonly hold: readonly string[]
  /** It is suspended now; null where it is not, or was for as many. */
  readonly trip: Trip | null
}

/** @param before the counts of the flush before: a suspension comes at every `after`-th finding, once */
export function integrityActs(
  rules: IntegrityRules | undefined,
  before: IntegrityCounts | undefined,
  now: IntegrityCounts | undefined,
): Acts {
  if (rules === undefined || now === undefined) return NOTHING
  const rollBack: string[] = []
  const hold: string[] = []
  let trip: Trip | null = null
  for (const [kind, { count, words }] of entriesOf(now)) {
    const rule = rules[kind]
    if (rule === undefined || count < rule.after) continue
    const times = PROOF_KINDS.has(kind)
      ? `, ${count} so far`
      : ` in ${count} of ${now.compared} pairs`
    const said = `${kind}${times}: ${words}`
    if (rule.action === 'roll_back') rollBack.push(`integrity: ${said}`)
    if (rule.action === 'hold') hold.push(`integrity: ${said}`)
    const earlier = Math.floor((before?.found[kind]?.count ?? 0) / rule.after)
    if (rule.action === 'suspend' && Math.floor(count / rule.after) > earlier) {
      trip ??= { kind: 'integrity', words: said }
    }
  }
  return { rollBack, hold, trip }
}

const NOTHING: Acts = { rollBack: [], hold: [], trip: null }

function entriesOf({ found }: IntegrityCounts): [FindingKind, Found][] {
  return Object.entries(found) as [FindingKind, Found][]
}
