import { describe, expect, it } from 'vitest'
import { answerWith, requestOf, TASKS } from '../../bench/drift/agent.ts'
import { MUTATIONS } from '../../bench/drift/tamper.ts'
import { askedIn } from '../../src/compare/asked.ts'
import { type Caught, caughtIn } from '../../src/compare/integrity.ts'
import { Known } from '../../src/compare/known.ts'
import { randomFrom } from '../../src/demo/random.ts'
import { bytesOf, read } from './answers.ts'

const TAMPERED = new Set(['new_urls', 'new_installs', 'new_commands', 'tool_calls'])
const tampered = (caught: readonly Caught[]): boolean =>
  caught.some(({ finding }) => TAMPERED.has(finding.kind))
const known = null
const rest = { again: null, sent: null, planted: [], known }

describe('G9: a relay that rewrites what a machine is to do', () => {
  it.each(MUTATIONS)('G9: $class, $name: is found in each of its pairs', ({ of, name }) => {
    let made = 0
    for (let seed = 0; made < 200 && seed < 5_000; seed++) {
      const random = randomFrom(`${name}/${seed}`)
      const task = random.choice(TASKS)
      const act = task.act(random)
      const mutated = of(task.act(random), random)
      if (mutated === null) continue
      made++
      const control = read(answerWith(act, random))
      const canary = read(answerWith(mutated, random))
      const asked = askedIn('chat', bytesOf(requestOf(task)))
      if (!tampered(caughtIn({ ...rest, control, canary, asked })))
        expect.fail(`missed: ${JSON.stringify(mutated)} beside ${JSON.stringify(act)}`)
    }
    expect(made).toBe(200)
  })

  it('G9: an honest relay that draws its words anew is accused in less than one pair of a hundred', () => {
    const memory = new Known()
    let accused = 0
    const pairs = 5_000
    for (let seed = 0; seed < pairs; seed++) {
      const random = randomFrom(`honest/${seed}`)
      const task = random.choice(TASKS)
      const [control, canary] = [
        read(answerWith(task.act(random), random)),
        read(answerWith(task.act(random), random)),
      ]
      const asked = askedIn('chat', bytesOf(requestOf(task)))
      if (tampered(caughtIn({ ...rest, known: memory, control, canary, asked }))) accused++
      memory.learn(control)
    }
    expect(accused / pairs).toBeLessThan(0.01)
  })
})
