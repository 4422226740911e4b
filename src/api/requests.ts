import type { Draw } from '../ports.ts'
import type { Added } from '../rollout/evidence.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { Observation } from '../types.ts'
import { flagPercentOf } from './rollout-view.ts'
import type { RequestView } from './views/request.ts'

/**
 * The last attempts of requests that a rollout had a say in, so that anyone may ask why one went where it went. Of what went well it
 * takes in so many a second and no more: where thousands come, all of them would be the last second only, and what is
 * kept that long of every request costs the collector more than the request itself.
 */

const KEPT = 5_000
/** Attempts of an arm that went as drawn, and went well: so many a second, and so many at once. */
const TAKEN_A_SECOND = 100
const TAKEN_AT_ONCE = 1_000

/** What one attempt of a request did, and what it added. */
interface Kept {
  readonly observation: Observation
  readonly draw: Pick<Draw, 'source' | 'split' | 'trace'>
  readonly added: Added
}

export interface RequestsParts {
  /** Where people find a trace, with `{traceId}` in it; null where nobody said. */
  readonly traceUrl: () => string | null
  /** Attempts; 1 and up, 5,000 unless given. */
  readonly most?: number
}

export class Requests {
  readonly #ring: Kept[] = []
  readonly #most: number
  readonly #traceUrl: () => string | null
  readonly #room = { control: roomOfAnArm(), canary: roomOfAnArm() }
  #next = 0

  constructor({ traceUrl, most = KEPT }: RequestsParts) {
    this.#traceUrl = traceUrl
    this.#most = most
  }

  /** @param nowMs monotonic */
  add(observation: Observation, draw: Draw, added: Added, nowMs: number): void {
    const { arm, assigned, outcome } = observation
    if (arm === assigned && outcome === 'ok' && !this.#room[arm].take(nowMs)) return
    const { source, split, trace } = draw
    // Copies: where the few that are kept are made, V8 learns to make all for long, and not where every request's are.
    this.#ring[this.#next] = {
      observation: { ...observation, usage: null },
      draw: { source, split, trace },
      added: { ...added },
    }
    this.#next = (this.#next + 1) % this.#most
  }

  /** Looks through all of them: it is asked for one now and then, and told of every one. */
  get(id: string): RequestView | null {
    const inOrder = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
    const attempts = inOrder.filter(({ observation }) => observation.requestId === id)
    return viewOf(attempts, this.#traceUrl())
  }

  /** The newest, newest first. @param rollout of this one only; of all where null */
  list(rollout: string | null, limit: number): readonly RequestView[] {
    const found = new Map<string, Kept[]>()
    const traceUrl = this.#traceUrl()
    const size = this.#ring.length
    for (let back = 1; back <= size; back++) {
      const kept = this.#ring[(this.#next - back + this.#most) % this.#most]
      if (kept === undefined) continue
      const { requestId, rollout: of } = kept.observation
      if (rollout !== null && of !== rollout) continue
      const attempts = found.get(requestId)
      if (attempts !== undefined) attempts.unshift(kept)
      else if (found.size < limit) found.set(requestId, [kept])
      // Attempts of one request are neighbours, or nearly: what is full is complete a little later.
      else if (back > limit * 4) break
    }
    return [...found.values()].flatMap((attempts) => viewOf(attempts, traceUrl) ?? [])
  }
}

function roomOfAnArm(): TokenBucket {
  return new TokenBucket(TAKEN_AT_ONCE, TAKEN_A_SECOND)
}

function viewOf(attempts: readonly Kept[], traceUrl: string | null): RequestView | null {
  const first = attempts[0]
  if (first === undefined) return null
  const { observation, draw } = first
  const { split } = draw
  return {
    id: observation.requestId,
    at: new Date(observation.startedAt).toISOString(),
    rollout: observation.rollout ?? '',
    endpoint: observation.endpoint,
    model: observation.modelAsked,
    stream: observation.stream,
    caller: observation.caller,
    unit: {
      source: draw.source,
      position: observation.bucket === null ? null : observation.bucket / 100,
    },
    split: {
      state: split?.state ?? null,
      version: split?.version ?? null,
      epoch: observation.epoch,
      step: split?.step ?? null,
      flag: split === null ? null : flagPercentOf(split),
      height: split === null ? null : split.heightBp / 100,
      share: observation.shareBp / 100,
    },
    assigned: observation.assigned,
    reason: observation.reason,
    attempts: attempts.map(({ observation: each }) => ({
      arm: each.arm,
      upstream: each.upstream,
      outcome: each.outcome,
      status: each.status,
      firstByteMs: each.firstByteMs,
      durationMs: each.durationMs,
      model: each.modelAnswered,
    })),
    evidence: evidenceOf(observation, first.added),
    trace: traceOf(draw, traceUrl),
  }
}

/** A link to what was not kept would lead nowhere. */
function traceOf({ trace }: Kept['draw'], traceUrl: string | null): RequestView['trace'] {
  if (trace === null) return null
  const { id, kept } = trace
  return { id, kept, url: kept ? (traceUrl?.replaceAll('{traceId}', id) ?? null) : null }
}

function evidenceOf(observation: Observation, added: Added): RequestView['evidence'] {
  const { assigned, reason, outcome, evidence, shareBp } = observation
  switch (added.as) {
    case 'first': {
      const { fromBp } = added.stratum
      const among = fromBp === 0 ? '' : `, among units that were control at ${fromBp / 100} %`
      const words = `one ${outcome} of ${assigned} at ${shareBp / 100} %${among}`
      return { counted: true, words }
    }
    case 'again':
      return {
        counted: false,
        words: `${againOf(observation)}: only tripwires and plain thresholds saw it`,
      }
    case 'none':
      return {
        counted: false,
        words: evidence
          ? 'nothing judges this rollout, or its epoch is over'
          : `it was not drawn (${reason})`,
      }
  }
}

function againOf({ shareBp }: Observation): string {
  if (shareBp === 0 || shareBp === 10_000) {
    return `at ${shareBp / 100} % there is no other arm to compare with`
  }
  return 'its unit was counted at this share, or as canary, before'
}
