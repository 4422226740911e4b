import { describe, expect, it } from 'vitest'
import { type Random, randomFrom } from '../../src/demo/random.ts'
import { Counter } from '../../src/judge/counter.ts'
import type { Counts } from '../../src/judge/counts.ts'
import { type JudgeState, judge, type Place } from '../../src/judge/judge.ts'
import { noPins } from '../../src/judge/pins.ts'
import { type Policy, policyOf } from '../../src/judge/policy.ts'
import type { Answered } from '../../src/judge/swap.ts'

/** Small questions on their way through the judge: counts in, a finding out. */

const POLICY = policyOf({}, { probed: false })
const PLACE: Place = { epoch: 1, visit: 1, shareBp: 100, nextShareBp: 500, minRequests: 0 }
const WORDS = ['blue', 'red', 'green', 'teal']
const LAW = [8, 1, 1, 1]
const OTHER = [1, 1, 1, 8]

const said = (random: Random, law: readonly number[]): string =>
  random.weighted(WORDS.map((word, at) => [word, law[at] ?? 0] as const))

function answers(seed: string, count: number, canary: readonly number[]): Answered[] {
  const random = randomFrom(seed)
  return Array.from({ length: count }, (_, at) => ({
    at: at * 1_000,
    question: at % 2 === 0 ? 'color' : 'paint',
    control: said(random, LAW),
    canary: said(random, canary),
  }))
}

function countsOf(answered: readonly Answered[]): Counts {
  const counter = new Counter(1, noPins(POLICY))
  for (const one of answered) counter.answered(one)
  return counter.take()
}

/** One flush a question. */
function judged(all: readonly Answered[], policy: Policy = POLICY) {
  let state: JudgeState | null = null
  let last: ReturnType<typeof judge> | null = null
  for (const one of all) {
    last = judge(policy, state, {
      place: PLACE,
      fromMs: 0,
      atMs: one.at,
      counts: [countsOf([one])],
    })
    // As a restart finds it.
    state = JSON.parse(JSON.stringify(last.state)) as JudgeState
  }
  return last as NonNullable<typeof last>
}

const foundIn = ({ state }: ReturnType<typeof judge>) =>
  state.integrity?.found.other_model?.count ?? 0

describe('G9: small questions', () => {
  it('an honest relay is not accused in 600 of them, whatever it draws', () => {
    for (const seed of ['a', 'b', 'c', 'd', 'e']) {
      expect(foundIn(judged(answers(seed, 600, LAW)))).toBe(0)
    }
  })

  it('another model is told apart within a hundred, and with each question from then on', () => {
    for (const seed of ['a', 'b', 'c', 'd', 'e']) {
      const all = answers(seed, 110, OTHER)
      const first = all.findIndex((_, at) => foundIn(judged(all.slice(0, at + 1))) > 0)
      expect(first).toBeGreaterThan(5)
      expect(first).toBeLessThan(100)
      expect(foundIn(judged(all.slice(0, first + 3)))).toBe(3)
    }
  })

  it('it is rolled back where the owner says so', () => {
    const policy = {
      ...POLICY,
      integrity: { other_model: { action: 'roll_back', after: 1 } },
    } as const
    const { judgement } = judged(answers('a', 110, OTHER), policy)
    expect(judgement.guard.value).toBe('fail')
    expect(judgement.guard.reasons[0]).toMatch(
      /^integrity: other_model, 1 so far: small questions get other words from the canary/,
    )
  })

  it('nothing of it is there where none was asked: older records replay to the same', () => {
    const flush = { place: PLACE, fromMs: 0, atMs: 1, counts: [countsOf([])] }
    expect(judge(POLICY, null, flush).state).not.toHaveProperty('questions')
    expect(countsOf([])).not.toHaveProperty('questions')
  })

  it('who told of them first leaves no trace', () => {
    const all = answers('order', 40, OTHER)
    const flush = (counts: Counts[]) =>
      judge(POLICY, null, { place: PLACE, fromMs: 0, atMs: 1, counts }).state
    const one = flush([countsOf(all)])
    const parts = [
      countsOf(all.filter((_, at) => at % 3 !== 0)),
      countsOf(all.filter((_, at) => at % 3 === 0)),
    ]
    expect(flush(parts)).toEqual(one)
    expect(flush([...parts].reverse())).toEqual(one)
    expect(one.questions).toMatchObject({ askedAt: 39_000, swap: { asked: 40 } })
  })

  it('another epoch begins anew', () => {
    const { state } = judged(answers('a', 60, OTHER))
    const counts = [new Counter(2, noPins(POLICY)).take()]
    const next = judge(POLICY, state, { place: { ...PLACE, epoch: 2 }, fromMs: 0, atMs: 1, counts })
    expect(next.state).not.toHaveProperty('questions')
    expect(next.state).not.toHaveProperty('integrity')
  })
})
