import type { Reply } from './ask.ts'
import { type Material, questionOf } from './blind.ts'
import type { Message } from './prompt.ts'
import type { Cost, JudgementRecord } from './records.ts'
import type { Rubric } from './rubric.ts'
import { parseVerdict } from './verdict.ts'

/** Asks a judge about one showing. */

export interface Judge {
  readonly ask: (messages: readonly Message[]) => Promise<Reply>
  /** Whoever wrote what is judged must not be able to guess it: from a source of real chance. */
  readonly nonce: () => string
  readonly costOf: (reply: Reply) => Cost
}

export type Judgement = Pick<JudgementRecord, 'result' | 'tries' | 'scores' | 'cost'>

/** What is no verdict is asked for once more, in the same words with another nonce. @returns null when it was called off */
export async function gradeOf(
  material: Material,
  rubric: Rubric,
  { ask, nonce, costOf }: Judge,
): Promise<Judgement | null> {
  let cost: Cost = '0'
  for (let tries = 1; ; tries++) {
    const [messages, frame] = framed(material, rubric, nonce)
    const reply = await ask(messages)
    if (reply.outcome === 'cancelled') return null
    const spent = costOf(reply)
    cost = cost === null || spent === null ? null : String(BigInt(cost) + BigInt(spent))
    if (reply.outcome !== 'ok') return { result: 'unanswered', tries, scores: null, cost }
    const said = parseVerdict(reply.text, rubric, frame)
    if (said.ok) {
      return { result: 'judged', tries, scores: { first: said.first, second: said.second }, cost }
    }
    if (tries === 2) return { result: said.fault, tries, scores: null, cost }
  }
}

function framed(
  material: Material,
  rubric: Rubric,
  nonce: () => string,
): readonly [readonly Message[], string] {
  for (;;) {
    const drawn = nonce()
    const messages = questionOf(material, rubric, drawn)
    if (messages !== null) return [messages, drawn]
  }
}
