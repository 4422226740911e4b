import type { Arm } from '../types.ts'

/**
 * Which arm made which stored response, for rollouts with `responses: { stored: follow }`. In this process's memory
 * and bounded: the oldest id is forgotten first, and what is not known goes to control.
 */
const MAX_IDS = 100_000

export class StoredResponses {
  readonly #owners = new Map<string, Arm>()

  remember(id: string, arm: Arm): void {
    if (this.#owners.size >= MAX_IDS) {
      const oldest = this.#owners.keys().next().value
      if (oldest !== undefined) this.#owners.delete(oldest)
    }
    this.#owners.set(id, arm)
  }

  ownerOf(id: string): Arm | null {
    return this.#owners.get(id) ?? null
  }
}

/** The id in `/v1/responses/{id}` and what lies below it; null for another path. */
export function responseIdIn(path: string): string | null {
  return /^\/v1\/responses\/([^/]+)/.exec(path)?.[1] ?? null
}
