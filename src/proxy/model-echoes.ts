/** What control answers as `model` for each ask: the measure of `wrong_model`. Bounded; the oldest ask goes first. */

const MAX_ASKS = 256
const MAX_ANSWERS = 8

export class ModelEchoes {
  readonly #answers = new Map<string, Set<string>>()

  learn(asked: string, answered: string): void {
    let answers = this.#answers.get(asked)
    if (answers === undefined) {
      if (this.#answers.size >= MAX_ASKS) {
        const oldest = this.#answers.keys().next().value
        if (oldest !== undefined) this.#answers.delete(oldest)
      }
      answers = new Set()
      this.#answers.set(asked, answers)
    }
    if (answers.size < MAX_ANSWERS) answers.add(answered)
  }

  /** @returns null when control has not answered this ask yet */
  of(asked: string): ReadonlySet<string> | null {
    return this.#answers.get(asked) ?? null
  }
}
