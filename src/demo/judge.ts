import { prose } from './prose.ts'
import { randomFrom } from './random.ts'

/**
 * What a simulated model says when `headgate eval` asks it to judge. It cannot tell good from bad; but it knows which prompt a
 * simulated answer was made for, and so an answer to another one.
 */

const FRAMED = /<<<(TASK|FIRST|SECOND) (\w+)\n([\s\S]*?)\n\1 \2>>>/g
const REFERENCE = /reference \d+\./

/**
 * @param conversation all that was said to the model
 * @returns a verdict as JSON; null where no verdict was asked for
 */
export function verdictOn(conversation: string): string | null {
  const parts = new Map<string, string>()
  let frame = ''
  for (const [, name = '', nonce = '', text = ''] of conversation.matchAll(FRAMED)) {
    parts.set(name, text)
    frame = nonce
  }
  const [task, first, second] = ['TASK', 'FIRST', 'SECOND'].map((name) => parts.get(name))
  if (task === undefined || first === undefined || second === undefined) return null
  const [, shape = ''] = /"first": \{([^}]*)\}/.exec(conversation) ?? []
  const criteria = [...shape.matchAll(/"(\w+)": 0\.\.10/g)].map(([, name = '']) => name)
  const asked = task.replace(/^\[user\]\n/, 'user: ')
  const wanted = REFERENCE.exec(prose(0, asked))?.[0] ?? ''
  const scores = (answer: string): Record<string, number> =>
    Object.fromEntries(
      criteria.map((criterion) => {
        const mood = randomFrom(`${criterion}/${answer}`).normal(0, 0.7)
        const score = (answer.includes(wanted) ? 7.5 : 1.5) + mood
        return [criterion, Math.round(Math.max(0, Math.min(10, score)) * 2) / 2]
      }),
    )
  const why = 'Simulated verdict: it knows which prompt an answer was made for, and nothing else.'
  return JSON.stringify({ frame, why, first: scores(first), second: scores(second) })
}
