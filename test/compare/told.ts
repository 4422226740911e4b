import { answerWith, TASKS } from '../../bench/drift/agent.ts'
import { MUTATIONS } from '../../bench/drift/tamper.ts'
import { lexical } from '../../bench/similarity/measures.ts'
import { PAIRS } from '../../bench/similarity/pairs.ts'
import { caughtIn } from '../../src/compare/integrity.ts'
import { signsOf } from '../../src/compare/signs.ts'
import { randomFrom } from '../../src/demo/random.ts'
import { read } from './answers.ts'

/** What comparing comes to, on one seed: the same on every engine. */
export async function told(): Promise<{
  readonly pairs: readonly string[]
  readonly caught: readonly string[]
}> {
  const pairs = await Promise.all(
    PAIRS.map(async (pair) => {
      const { score, verdict } = await lexical(pair)
      return `${pair.kind} ${verdict} ${score.toFixed(6)}`
    }),
  )
  const caught = MUTATIONS.flatMap((mutation) =>
    TASKS.flatMap((task, at) => {
      const random = randomFrom(`${mutation.name}/${at}`)
      const act = mutation.of(task.act(random), random)
      if (act === null) return []
      const [control, canary] = [
        read(answerWith(task.act(random), random)),
        read(answerWith(act, random)),
      ]
      const kinds = caughtIn({
        control,
        canary,
        again: null,
        asked: null,
        sent: null,
        known: null,
        planted: [],
      })
      return `${mutation.name}: ${kinds.map(({ finding }) => finding.kind).join(' ')} ${signsOf(control, canary, null).novelties}`
    }),
  )
  return { pairs, caught }
}

/** Of the lines above. A change of the measure moves it: put in what the test on Node says, and let workerd agree. */
export const DIGEST = { pairs: 2_159_668_049, caught: 2_530_539_927 }

export function digestOf(lines: readonly string[]): number {
  let hash = 0x811c9dc5
  for (const letter of lines.join('\n'))
    hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0
  return hash
}
