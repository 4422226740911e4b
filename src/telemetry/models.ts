import type { Routes } from '../proxy/routes.ts'

/** Model names are words of callers and upstreams: only so many become the label of a series. */

const OTHER = 'other'

/** Names beside those of config; with four series each, hostile callers make less than a hundred. */
const MOST_ASKED = 20
/** Names that one model may be answered with: an alias has a few dated ones over time. */
const MOST_ANSWERED = 4

/** Models that config names: of upstreams, and of what rollouts match. */
export function namedModels(routes: Routes): readonly string[] {
  const { upstreams, rollouts } = routes
  return [
    ...[...upstreams.values()].flatMap(({ models }) => [...(models?.keys() ?? [])]),
    ...[...rollouts.values()].flatMap(({ config }) => config.match.models ?? []),
  ]
}

export class ModelLabels {
  #named: ReadonlySet<string> = new Set()
  readonly #answered = new Map<string, Set<string>>()
  #learned = 0

  /** @param named models that config names: they always have a label of their own */
  name(named: Iterable<string>): void {
    this.#named = new Set(named)
  }

  /** Whether this name has a label of its own, for good. */
  has(name: string): boolean {
    return this.#answered.has(name) || this.#named.has(name)
  }

  /**
   * @param known the model was well answered: a name that nobody serves is a typing error, or worse, and takes no place
   * @returns the name, or `other`
   */
  askedOf(name: string, known: boolean): string {
    if (name === OTHER || this.has(name)) return name
    if (!known || this.#learned >= MOST_ASKED) return OTHER
    this.#learned++
    this.#answered.set(name, new Set())
    return name
  }

  /** @param asked as `askedOf` gives it */
  answeredOf(asked: string, name: string): string {
    if (asked === OTHER) return OTHER
    if (asked === name) return name
    let answers = this.#answered.get(asked)
    if (answers === undefined) {
      answers = new Set()
      this.#answered.set(asked, answers)
    }
    if (answers.has(name)) return name
    if (answers.size >= MOST_ANSWERED) return OTHER
    answers.add(name)
    return name
  }
}
