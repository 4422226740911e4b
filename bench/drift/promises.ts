/** What was promised of finding drift and tampering, and the cells that show it. */
import { intervalOf, quantileInterval, quantileOf } from '../judge/quantiles.ts'
import { columnOf, finite, number, type Results } from '../judge/report.ts'

export interface Kept {
  readonly goal: string
  readonly target: string
  readonly measured: string
  /** Missed only beyond the Monte Carlo error. */
  readonly kept: boolean
}

/** α of each monitor. */
const ALPHA = 0.001

function never(results: Results, goal: string, cell: string, column = 0): Kept {
  const values = columnOf(results, cell, column)
  const hits = finite(values).length
  const [low] = intervalOf(hits, values.length)
  return { goal, target: '≤ 0.1 %', measured: `${hits} of ${values.length}`, kept: low <= ALPHA }
}

function within(results: Results, goal: string, cell: string, q: 0.5 | 0.9, most: number): Kept {
  const values = columnOf(results, cell, 0)
  const [low] = quantileInterval(values, q)
  const name = q === 0.5 ? 'median' : 'P90'
  return {
    goal,
    target: `${name} ≤ ${number(most)}`,
    measured: `${name} ${number(quantileOf(values, q))}`,
    kept: low <= most,
  }
}

export function promisesOf(results: Results): readonly Kept[] {
  const rewritten = ['1', '10'].flatMap((part) =>
    columnOf(results, `pairs ${part} % of tool calls and code rewritten`, 1),
  )
  const caught = rewritten.filter((value) => value === 1).length
  const accused = columnOf(
    results,
    'pairs an honest relay, accused by one pair (%), or by a coin in 5,000',
    0,
  )
  const most = Math.max(...accused)
  return [
    never(results, 'Honest relay, 5,000 probes, vectors', 'vectors an honest relay, 5,000 probes'),
    never(
      results,
      'Honest relay, 5,000 probes, texts on the wire, lexical',
      'texts an honest relay, 5,000 probes',
    ),
    never(
      results,
      'Honest relay, 5,000 pairs, all coins',
      'pairs an honest relay, accused by one pair (%), or by a coin in 5,000',
      1,
    ),
    never(
      results,
      'Honest relay, 5,000 fingerprint questions',
      'questions the same model, 5,000 questions',
    ),
    {
      goal: 'Honest relay, accused by a single pair',
      target: '< 1 % of pairs',
      measured: `${number(most)} %, the worst run`,
      kept: most < 1,
    },
    within(results, 'Swapped model, vectors', 'vectors a swapped model', 0.9, 20),
    within(results, 'Swapped model, texts, lexical', 'texts a swapped model', 0.9, 20),
    within(results, 'Swapped model, fingerprint questions', 'questions another model', 0.9, 120),
    within(
      results,
      '20 % of answers swapped, vectors',
      'vectors 20 % of answers swapped',
      0.9,
      500,
    ),
    within(
      results,
      '20 % of answers swapped, texts, lexical',
      'texts 20 % of answers swapped',
      0.9,
      500,
    ),
    {
      goal: 'Rewritten tool calls and code, AC-1 and AC-1.a',
      target: 'each, in its first pair',
      measured: `${caught} of ${rewritten.length}`,
      kept: caught === rewritten.length,
    },
    within(
      results,
      'Prompt tokens inflated by a tenth',
      'pairs prompt tokens inflated by a tenth',
      0.9,
      1,
    ),
    within(
      results,
      'Output tokens inflated by a tenth',
      'pairs output tokens inflated by a tenth',
      0.9,
      60,
    ),
    within(
      results,
      'One answer of five cut, with a false reason',
      'pairs 20 % cut, and said to be out of tokens',
      0.9,
      15,
    ),
    within(
      results,
      'One answer of five cut, and said to be whole',
      'pairs 20 % cut, and said to be whole',
      0.9,
      120,
    ),
    within(results, 'One answer of five refused', 'pairs 20 % refused', 0.9, 120),
  ]
}
