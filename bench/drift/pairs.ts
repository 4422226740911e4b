/** Pairs of a live answer and its shadow: what one is enough for, and the coins of many. */
import type { Answer } from '../../src/compare/answer.ts'
import { askedIn } from '../../src/compare/asked.ts'
import { caughtIn } from '../../src/compare/integrity.ts'
import { Known } from '../../src/compare/known.ts'
import { answerIn } from '../../src/compare/read-answer.ts'
import { SIGNS, type Sign, signsOf } from '../../src/compare/signs.ts'
import type { Random } from '../../src/demo/random.ts'
import type { Json } from '../../src/demo/wire.ts'
import type { Cell } from '../judge/cells.ts'
import { answerWith, requestOf, TASKS } from './agent.ts'
import { MUTATIONS } from './tamper.ts'
import { untilSigned } from './until.ts'
import { ask, requestFor } from './upstreams.ts'

const encoder = new TextEncoder()
const bytesOf = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value))

interface Choice {
  message: { content: string }
  finish_reason: string
}

const choiceOf = (value: Json): Choice => (value['choices'] as Choice[])[0] as Choice
const usageOf = (value: Json): { prompt_tokens: number; completion_tokens: number } =>
  value['usage'] as { prompt_tokens: number; completion_tokens: number }

const REFUSAL = 'I’m sorry, but I can’t help with that request.'

/** What a relay does to whole answers. */
const BENDS = {
  prompt_tokens: (value: Json) => {
    usageOf(value).prompt_tokens = Math.ceil(usageOf(value).prompt_tokens * 1.1)
  },
  output_tokens: (value: Json) => {
    usageOf(value).completion_tokens = Math.ceil(usageOf(value).completion_tokens * 1.1)
  },
  cut: (value: Json) => {
    const { message } = choiceOf(value)
    message.content = message.content.slice(0, Math.floor(message.content.length * 0.6))
    usageOf(value).completion_tokens = Math.ceil(usageOf(value).completion_tokens * 0.6)
  },
  cut_and_told: (value: Json) => {
    BENDS.cut(value)
    choiceOf(value).finish_reason = 'length'
  },
  refusal: (value: Json) => {
    choiceOf(value).message.content = REFUSAL
    usageOf(value).completion_tokens = 12
  },
} as const

function pairOf(
  random: Random,
  bend: keyof typeof BENDS | null,
): [control: Answer, canary: Answer, body: Json] {
  const body = requestFor(random, bend === null)
  return [
    ask(random, body),
    ask(random, body, { json: bend === null ? undefined : BENDS[bend] }),
    body,
  ]
}

function found(
  control: Answer,
  canary: Answer,
  body: unknown,
  known: Known | null = null,
): readonly string[] {
  const wire = control.wire
  const caught = caughtIn({
    control,
    canary,
    again: null,
    asked: askedIn(wire, bytesOf(body)),
    sent: null,
    known,
    planted: [],
  })
  return caught.map(({ finding }) => finding.kind)
}

/** Pairs until one finding of this kind; a bend in `part` of them. */
function untilCaught(random: Random, bend: keyof typeof BENDS, part: number): number {
  for (let pairs = 1; pairs <= 5_000; pairs++) {
    const [control, canary, body] = pairOf(random, random.chance(part) ? bend : null)
    if (found(control, canary, body).length > 0) return pairs
  }
  return Number.POSITIVE_INFINITY
}

const coin = (sign: Sign, bend: keyof typeof BENDS, part: number) => (random: Random) =>
  untilSigned(() => {
    const [control, canary] = pairOf(random, random.chance(part) ? bend : null)
    return signsOf(control, canary, null)[sign]
  }, 5_000)

function agentPair(
  random: Random,
  part: number,
): {
  readonly control: Answer
  readonly canary: Answer
  readonly body: unknown
  readonly bent: boolean
} {
  for (;;) {
    const task = random.choice(TASKS)
    const control = task.act(random)
    const honest = task.act(random)
    const bent = random.chance(part)
    const act = bent ? random.choice(MUTATIONS).of(honest, random) : honest
    if (act === null) continue
    const read = (value: unknown) => answerIn('chat', bytesOf(value))
    return {
      control: read(answerWith(control, random)),
      canary: read(answerWith(act, random)),
      body: requestOf(task),
      bent,
    }
  }
}

/** Pairs until a rewrite is found, and whether the first rewritten one was it. */
function untilRewritten(random: Random, part: number): readonly number[] {
  const known = new Known()
  let first = 0
  for (let pairs = 1; pairs <= 20_000; pairs++) {
    const { control, canary, body, bent } = agentPair(random, part)
    const kinds = found(control, canary, body, known)
    known.learn(control)
    if (bent && first === 0) first = pairs
    if (bent && kinds.length > 0) return [pairs, Number(pairs === first)]
  }
  return [Number.POSITIVE_INFINITY, 0]
}

const honest = (random: Random, pairs: number): readonly number[] => {
  const known = new Known()
  let accused = 0
  for (let pair = 0; pair < pairs; pair++) {
    const { control, canary, body } = agentPair(random, 0)
    if (found(control, canary, body, known).length > 0) accused++
    known.learn(control)
    const [one, other, asked] = pairOf(random, null)
    if (found(one, other, asked, known).length > 0) accused++
  }
  const coins = SIGNS.map((sign) =>
    untilSigned(() => {
      const { control, canary } = agentPair(random, 0)
      const [one, other] = sign === 'novelties' ? [control, canary] : pairOf(random, null)
      return signsOf(one, other, null)[sign]
    }, pairs),
  )
  return [(accused / (2 * pairs)) * 100, Math.min(...coins)]
}

const one = (run: (random: Random) => number) => (random: Random) => [run(random)]
const delay = { kind: 'delay' as const, columns: ['pairs'] }

export const PAIRS: readonly Cell[] = [
  {
    id: 'pairs an honest relay, accused by one pair (%), or by a coin in 5,000',
    columns: ['accused %', 'coins'],
    kind: ['mean', 'rate'],
    full: 3,
    quick: 1,
    run: (random, repetition) => honest(random, repetition === 0 ? 300 : 5_000),
  },
  ...[0.01, 0.1].map(
    (part): Cell => ({
      id: `pairs ${part * 100} % of tool calls and code rewritten`,
      columns: ['pairs', 'the first one'],
      kind: ['delay', 'part'],
      full: 300,
      quick: 20,
      run: (random) => untilRewritten(random, part),
    }),
  ),
  {
    ...delay,
    id: 'pairs prompt tokens inflated by a tenth',
    full: 200,
    quick: 20,
    run: one((random) => untilCaught(random, 'prompt_tokens', 1)),
  },
  {
    ...delay,
    id: 'pairs output tokens inflated by a tenth',
    full: 200,
    quick: 10,
    run: one(coin('output_tokens', 'output_tokens', 1)),
  },
  {
    ...delay,
    id: 'pairs 20 % cut, and said to be out of tokens',
    full: 200,
    quick: 10,
    run: one((random) => untilCaught(random, 'cut_and_told', 0.2)),
  },
  {
    ...delay,
    id: 'pairs 20 % cut, and said to be whole',
    full: 200,
    quick: 6,
    run: one(coin('truncation', 'cut', 0.2)),
  },
  {
    ...delay,
    id: 'pairs 20 % refused',
    full: 200,
    quick: 6,
    run: one(coin('refusals', 'refusal', 0.2)),
  },
]
