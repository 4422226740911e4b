import type { Answer } from './answer.ts'
import { type Act, type Artifacts, artifactsOf } from './artifacts.ts'

/**
 * What control has answered before, to anybody: the measure of what is new. Bounded; the oldest goes first. In memory only, and
 * never handed out: it holds names out of answers.
 */

const MOST_NAMES = 4_096
const MOST_MODELS = 64
const MOST_FINGERPRINTS = 16
/** Answers of control with a fingerprint before another one is told. */
const ENOUGH = 20

export class Known {
  readonly #hosts = new Bounded(MOST_NAMES)
  readonly #installs = new Bounded(MOST_NAMES)
  readonly #acts = new Set<Act>()
  readonly #models = new Map<string, { answers: number; readonly fingerprints: Bounded }>()

  learn(control: Answer): void {
    this.learnArtifacts(artifactsOf(control))
    if (control.model === null || control.fingerprint === null) return
    let model = this.#models.get(control.model)
    if (model === undefined) {
      if (this.#models.size >= MOST_MODELS) return
      model = { answers: 0, fingerprints: new Bounded(MOST_FINGERPRINTS) }
      this.#models.set(control.model, model)
    }
    model.answers++
    model.fingerprints.add(control.fingerprint)
  }

  learnArtifacts({ hosts, installs, acts }: Artifacts): void {
    for (const host of hosts) this.#hosts.add(host)
    for (const name of installs) this.#installs.add(name)
    for (const act of acts) this.#acts.add(act)
  }

  hasHost(host: string): boolean {
    return this.#hosts.has(host)
  }

  hasInstall(name: string): boolean {
    return this.#installs.has(name)
  }

  hasAct(act: Act): boolean {
    return this.#acts.has(act)
  }

  /** How many fingerprints control has had for a model; null until it has had one often enough, and few enough of them. */
  fingerprintsOf(model: string): number | null {
    const found = this.#models.get(model)
    if (found === undefined || found.answers < ENOUGH) return null
    const count = found.fingerprints.size
    return count < MOST_FINGERPRINTS ? count : null
  }

  hasFingerprint(model: string, fingerprint: string): boolean {
    return this.#models.get(model)?.fingerprints.has(fingerprint) ?? false
  }
}

class Bounded {
  readonly #names = new Set<string>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#names.size
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  add(name: string): void {
    this.#names.delete(name)
    this.#names.add(name)
    if (this.#names.size > this.#most) {
      const [oldest] = this.#names
      if (oldest !== undefined) this.#names.delete(oldest)
    }
  }
}
