import { describe, expect, test } from 'vitest'
import { chanceFrom, shuffled } from '../../src/eval/chance.ts'
import type { Prompt } from '../../src/eval/prompt.ts'
import type { AnswerRecord, EvalRecord, JudgementRecord } from '../../src/eval/records.ts'
import { evalJUnit, evalMarkdown } from '../../src/eval/report.ts'
import { type EvalPlan, resultOf } from '../../src/eval/result.ts'
import { DEFAULT_RUBRIC, type Scores } from '../../src/eval/rubric.ts'

const LANGUAGES = ['python', 'typescript', 'rust']

function promptsOf(count: number): Prompt[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `p${String(at).padStart(3, '0')}`,
    domain: at % 2 === 0 ? 'tests' : 'review',
    language: LANGUAGES[at % 3] ?? '',
    tier: 'simple',
    messages: [{ role: 'user', content: 'x' }],
    check: null,
  }))
}

const PLAN: EvalPlan = {
  prompts: promptsOf(45),
  rubric: DEFAULT_RUBRIC,
  seed: '1',
  margin: 5,
  judged: true,
  checked: false,
}

const flat = (score: number): Scores =>
  Object.fromEntries(DEFAULT_RUBRIC.map(({ name }) => [name, Math.max(0, Math.min(10, score))]))

function answer(side: 'a' | 'b', id: string, more: Partial<AnswerRecord> = {}): AnswerRecord {
  return {
    type: 'answer',
    id,
    side,
    outcome: 'ok',
    text: 'x',
    modelAnswered: 'gpt-5.2',
    inputTokens: 10,
    outputTokens: 20,
    durationMs: 100,
    cost: '1000000000',
    ...more,
  }
}

interface World {
  /** Of 10. */
  readonly a?: number
  readonly b?: number
  /** What is read first gains. */
  readonly bias?: number
  readonly noise?: number
  readonly seed?: string
  readonly decoysRight?: number
}

/** What a judge of that kind would have said of all prompts. */
function recordsOf(
  { a = 7, b = 7, bias = 0, noise = 2, seed = 'w', decoysRight = 10 }: World,
  plan = PLAN,
): EvalRecord[] {
  const chance = chanceFrom(seed)
  const off = () => (chance() + chance() - 1) * noise
  const records: EvalRecord[] = plan.prompts.flatMap(({ id }) => {
    const merits = { a: a + off(), b: b + off() }
    return [
      answer('a', id),
      answer('b', id, { durationMs: 50 }),
      ...(['a', 'b'] as const).map((first): JudgementRecord => {
        const second = first === 'a' ? 'b' : 'a'
        const scores = {
          first: flat(merits[first] + bias + off() / 2),
          second: flat(merits[second] + off() / 2),
        }
        return {
          type: 'judgement',
          id,
          first,
          decoy: null,
          result: 'judged',
          tries: 1,
          scores,
          cost: '5',
        }
      }),
    ]
  })
  for (let at = 0; at < 10; at++) {
    const { id } = plan.prompts[at >> 1] as Prompt
    const first = at % 2 === 0 ? 'a' : 'b'
    const good = at < decoysRight
    const [of, other] = first === 'a' ? [8, 2] : [2, 8]
    records.push({
      type: 'judgement',
      id,
      first,
      decoy: 'p040',
      result: 'judged',
      tries: 1,
      scores: { first: flat(good ? of : 5), second: flat(good ? other : 5) },
      cost: '5',
    })
  }
  return records
}

describe('the verdict', () => {
  test('equal sides: the difference is noise, and that is a pass', () => {
    const { verdict, words, difference, judge } = resultOf(PLAN, recordsOf({ seed: 'w1' }))
    expect(verdict).toBe('pass')
    expect(words[0]).toMatch(
      /^the difference is noise: .* over 45 pairs; b is not worse by 5 points or more$/,
    )
    expect(difference.pairs).toBe(45)
    expect(judge?.favoursPlace).toBe(false)
    expect(judge?.decoys).toEqual({ judged: 10, right: 10 })
  })

  test('of equal sides and an even judge few are found uneven, as few as it says', () => {
    const found = Array.from({ length: 60 }, (_, at) =>
      resultOf({ ...PLAN, seed: `s${at}` }, recordsOf({ seed: `w${at}` })),
    )
    const of = (is: (one: (typeof found)[number]) => boolean) => found.filter(is).length
    expect(of(({ verdict }) => verdict === 'fail')).toBeLessThanOrEqual(3)
    expect(of(({ judge }) => judge?.favoursPlace === true)).toBeLessThanOrEqual(4)
    expect(of(({ verdict }) => verdict === 'pass')).toBeGreaterThan(30)
  }, 60_000)

  test('a worse side fails, and is said to be', () => {
    const { verdict, words, sides } = resultOf(PLAN, recordsOf({ b: 5.8 }))
    expect(verdict).toBe('fail')
    expect(words[0]).toMatch(/^b is worse: -1\d\.\d of 100 points, 97.5 % interval -/)
    expect((sides.a.points ?? 0) - (sides.b.points ?? 0)).toBeGreaterThan(8)
  })

  test('a better side passes', () => {
    const { verdict, words } = resultOf(PLAN, recordsOf({ b: 8.2 }))
    expect([verdict, words[0]]).toEqual(['pass', expect.stringMatching(/^b is better: \+1/)])
  })

  test('swapped sides give the mirrored report', () => {
    const records = recordsOf({ b: 6.2 })
    const other = { a: 'b', b: 'a' } as const
    const mirrored = records.map((one): EvalRecord => {
      if (one.type !== 'judgement') return { ...one, side: other[one.side] }
      // A decoy is an answer of `a` beside another of `a`: there is nothing to swap.
      return one.decoy === null ? { ...one, first: other[one.first] } : one
    })
    const one = resultOf(PLAN, records)
    const two = resultOf(PLAN, mirrored)
    expect(two.difference.interval?.high).toBeCloseTo(-(one.difference.interval?.low ?? 0), 9)
    expect(two.difference.interval?.low).toBeCloseTo(-(one.difference.interval?.high ?? 0), 9)
    expect(two.sides.a).toEqual(one.sides.b)
    expect(two.judge).toEqual(one.judge)
  })

  test('the order of the records counts for nothing', () => {
    const records = recordsOf({ b: 6.5, bias: 0.4 })
    const one = resultOf(PLAN, records)
    expect(resultOf(PLAN, shuffled(records, chanceFrom('x')))).toEqual(one)
    const reordered = { ...PLAN, prompts: [...PLAN.prompts].reverse() }
    expect(resultOf(reordered, records)).toEqual(one)
  })
})

describe('a judge that is not to be believed', () => {
  test('one that favours what it reads first is caught, and cancels out', () => {
    const { verdict, judge } = resultOf(PLAN, recordsOf({ bias: 0.8, noise: 1 }))
    expect(judge?.favoursPlace).toBe(true)
    expect(judge?.firstGains.mean).toBeGreaterThan(5)
    expect(resultOf(PLAN, recordsOf({ bias: 0.8, noise: 3, b: 5 })).verdict).toBe('fail')
    expect(verdict).not.toBe('fail')
  })

  test('one that looks at the place alone leaves the verdict open', () => {
    const { verdict, words, judge } = resultOf(PLAN, recordsOf({ bias: 3, noise: 0.5 }))
    expect(verdict).toBe('inconclusive')
    expect(words[0]).toMatch(/^the judge looks at the place: what is read first gains \+\d/)
    expect(judge?.flipped).toBe(judge?.decided)
  })

  test('one that takes any answer for good leaves the verdict open, whatever it scored', () => {
    const { verdict, words } = resultOf(PLAN, recordsOf({ b: 4, decoysRight: 6 }))
    expect(verdict).toBe('inconclusive')
    expect(words[0]).toBe(
      'the judge told 6 of 10 answers from answers to another prompt: its scores mean little',
    )
  })
})

describe('what is missing is not a pass', () => {
  const without = (share: number) =>
    recordsOf({}).filter(
      (one) =>
        !(
          one.type === 'judgement' &&
          one.decoy === null &&
          one.first === 'b' &&
          Number(one.id.slice(1)) < 45 * share
        ),
    )

  test('a pair that was judged one way only is no pair', () => {
    expect(resultOf(PLAN, without(0.05)).difference.pairs).toBe(42)
    expect(resultOf(PLAN, without(0.05)).verdict).toBe('pass')
  })

  test('more than a tenth missing leaves the verdict open', () => {
    const { verdict, words } = resultOf(PLAN, without(0.2))
    expect(verdict).toBe('inconclusive')
    expect(words[0]).toMatch(/^9 of 45 prompts have no comparison/)
  })

  test('nothing at all is open, and so are eight pairs', () => {
    expect(resultOf(PLAN, []).verdict).toBe('inconclusive')
    const few = { ...PLAN, prompts: promptsOf(8) }
    const { verdict, words } = resultOf(few, recordsOf({ b: 2 }, few))
    expect(verdict).toBe('inconclusive')
    expect(words[0]).toContain('8 pairs were judged both ways, and fewer than 9 say nothing')
  })

  test('what is bad is said whatever is missing: one side that fails to answer fails', () => {
    const records = recordsOf({}).map(
      (one): EvalRecord =>
        one.type === 'answer' && one.side === 'b' && Number(one.id.slice(1)) < 10
          ? { ...one, outcome: 'truncated', text: '' }
          : one,
    )
    const { verdict, words, sides } = resultOf(PLAN, records)
    expect(verdict).toBe('fail')
    expect(words[0]).toBe(
      'b gave no good answer on 10 prompts where a did not, against 0 the other way round (exact sign test, p = 0.0020)',
    )
    expect(sides.b.failed).toEqual({ truncated: 10 })
    expect(sides.b.answered).toBe(35)
  })

  test('a prompt that fails on both sides counts against neither', () => {
    const records = recordsOf({}).map(
      (one): EvalRecord =>
        one.type === 'answer' && Number(one.id.slice(1)) < 4 ? { ...one, outcome: 'auth' } : one,
    )
    expect(resultOf(PLAN, records).failures).toEqual({ onlyA: 0, onlyB: 0, p: 1 })
  })
})

describe('checks', () => {
  const plan = { ...PLAN, checked: true }
  const checked = (failing: number, result: 'failed' | 'not_checked' = 'failed'): EvalRecord[] => [
    ...recordsOf({}),
    ...plan.prompts.flatMap(({ id }, at): EvalRecord[] => [
      { type: 'check', id, side: 'a', result: 'passed', words: '' },
      { type: 'check', id, side: 'b', result: at < failing ? result : 'passed', words: '' },
    ]),
  ]

  test('code that fails where the other runs fails the verdict, whatever the judge liked', () => {
    const { verdict, words } = resultOf(plan, checked(12))
    expect(verdict).toBe('fail')
    expect(words[0]).toContain('b’s code failed its checks on 12 prompts')
  })

  test('what was not checked is no pass and no failure', () => {
    const { verdict, checks, sides, groups } = resultOf(plan, checked(12, 'not_checked'))
    expect(verdict).toBe('pass')
    expect(checks).toEqual({ onlyA: 0, onlyB: 0, p: 1 })
    expect([sides.b.checks.passed, sides.b.checks.not_checked]).toEqual([33, 12])
    expect(groups.tier[0]?.checked).toBe(33)
  })

  test('without a judge they can fail a side, and clear none', () => {
    const alone = { ...plan, judged: false }
    const only = (failing: number) => checked(failing).filter(({ type }) => type !== 'judgement')
    expect(resultOf(alone, only(12)).verdict).toBe('fail')
    expect(resultOf(alone, only(0))).toMatchObject({
      verdict: 'inconclusive',
      words: ['checks alone can fail b, and cannot clear it: nobody judged'],
      judge: null,
    })
  })
})

test('arms, groups and costs are told apart', () => {
  const { sides, groups, judge } = resultOf(PLAN, recordsOf({}))
  expect([sides.a.latencyMs, sides.b.latencyMs]).toEqual([
    { p50: 100, p99: 100 },
    { p50: 50, p99: 50 },
  ])
  expect([sides.a.costUsd, sides.a.unpriced]).toEqual([0.045, 0])
  expect(judge?.costUsd).toBe(5e-10)
  expect(groups.language.map(({ name, pairs }) => [name, pairs])).toEqual([
    ['python', 15],
    ['rust', 15],
    ['typescript', 15],
  ])
  const unpriced = recordsOf({}).map(
    (one): EvalRecord => (one.type === 'answer' && one.side === 'b' ? { ...one, cost: null } : one),
  )
  expect(resultOf(PLAN, unpriced).sides.b).toMatchObject({ costUsd: 0, unpriced: 45 })
})

describe('reports', () => {
  const names = {
    a: 'control official:m',
    b: 'canary relay:m',
    judge: 'official:j',
    prompts: 'p.jsonl',
    seed: '1',
  }
  const usd = (value: number) => `$${value}`

  test('Markdown says the verdict first, and holds no answer', () => {
    const text = evalMarkdown(resultOf(PLAN, recordsOf({ b: 5.8 })), names, usd)
    expect(text).toMatch(/^# Evaluation: fail\n\n- b is worse: /)
    expect(text).toContain('|  | a: control official:m | b: canary relay:m |')
    expect(text).toContain('| correctness (40 %) | 45 |')
    expect(text).toContain('| language rust | 15 |')
    expect(text).toContain('10 of 10 answers told from answers to another prompt')
  })

  test('JUnit: the verdict and the checks; what is not known is skipped, never passed', () => {
    const xml = evalJUnit(resultOf(PLAN, recordsOf({ b: 5.8 })), [
      { id: 'good', a: 'passed', b: 'passed' },
      { id: 'worse', a: 'passed', b: 'timed_out' },
      { id: 'both', a: 'failed', b: 'failed' },
      { id: 'open', a: 'passed', b: 'not_checked' },
      { id: 'gone', a: 'passed', b: null },
    ])
    expect(xml).toContain('tests="6" failures="2" errors="0" skipped="3"')
    expect(xml).toContain('<failure message="b: timed_out, a: passed">')
  })
})
