import type { Log } from '../ports.ts'
import type { Gate } from '../proxy/gate.ts'
import { askQuestion, questionRequestOf, showPlanted } from '../proxy/question.ts'
import type { Rollout } from '../proxy/routes.ts'
import type { Rollouts } from '../rollout/rollouts.ts'

export interface QuestionerParts {
  readonly gate: Gate
  readonly rollouts: Pick<Rollouts, 'questions' | 'answered'>
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number
  readonly log: Log
}

/** What this process tried with one rollout. */
interface Tries {
  /** The last; monotonic. An arm that does not answer is not asked the sooner. */
  atMs: number
  /** Questions to which an arm had no word: they are left behind, or nothing but them would ever be asked. */
  missed: number
  /** Why nothing can be asked was said. */
  told: boolean
}

/**
 * Asks both arms of each rollout one small question an interval. What comes next, and when, the evidence log says: a restart
 * goes on where it was.
 */
export class Questioner {
  readonly #parts: QuestionerParts
  readonly #tries = new Map<string, Tries>()

  constructor(parts: QuestionerParts) {
    this.#parts = parts
  }

  /** Resolves when what was due is answered. Never rejects. */
  async turn(rollouts: Iterable<Rollout>): Promise<void> {
    await Promise.all([...rollouts].map((rollout) => this.#turn(rollout)))
  }

  async #turn(rollout: Rollout): Promise<void> {
    const { gate, rollouts, wallMs, log } = this.#parts
    const { name, config } = rollout
    const { shadow } = config
    const stand = rollouts.questions(name)
    const questions = gate.pairs?.questions ?? []
    const tries = this.#triesOf(name)
    const round = ((stand?.asked ?? 0) + tries.missed) % questions.length
    const question = questions[round]
    if (shadow?.questions === undefined || stand === null || question === undefined) return
    const { interval } = shadow.questions
    const nowMs = gate.clock.monotonicMs()
    const at = wallMs()
    // A clock that was set back is no reason to wait for it.
    if (stand.askedAt !== null && Math.abs(at - stand.askedAt) < interval) return
    if (nowMs - tries.atMs < interval) return
    tries.atMs = nowMs
    const request = questionRequestOf(rollout, question)
    if (request === null) {
      if (tries.told) return
      tries.told = true
      const why = 'set probe.model, and a probe.path that answers with words'
      log.warn(`no questions: there is nothing to ask with; ${why}`, { rollout: name })
      return
    }
    const asking = { request, config: shadow }
    // Once a round of all questions: a key that was shown often is one that was made to be found.
    if (round === 0) await showPlanted(gate, rollout, asking)
    const said = await askQuestion(gate, rollout, { ...asking, question })
    if (said === null) tries.missed++
    else rollouts.answered(name, { at, question: question.name, ...said }, stand.epoch)
  }

  #triesOf(rollout: string): Tries {
    let tries = this.#tries.get(rollout)
    if (tries === undefined) {
      tries = { atMs: Number.NEGATIVE_INFINITY, missed: 0, told: false }
      this.#tries.set(rollout, tries)
    }
    return tries
  }
}
