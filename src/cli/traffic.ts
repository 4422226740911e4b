import { chanceFrom, shuffled } from '../eval/chance.ts'
import { goldenQuestionOf } from '../eval/golden-question.ts'
import type { GoldenCase } from '../eval/golden-set.ts'
import type { ControlClient } from './client.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'

/** Requests of real callers, from the pairs that shadows left, where their texts were captured. */

export interface TrafficQuestion {
  /** Of the pair. */
  readonly id: string
  readonly endpoint: GoldenCase['endpoint']
  /** Not streamed, and without a trace at the upstream. */
  readonly request: GoldenCase['request']
}

const PAGE = 100
/** Of the newest pairs so many are drawn from. */
const MOST_PAIRS = 1_000

/** Draws distinct questions among the newest pairs. @throws {Failure} where no pair has its question */
export async function drawnFrom(
  client: ControlClient,
  rollout: string,
  count: number,
  seed: string,
): Promise<readonly TrafficQuestion[]> {
  const ids: string[] = []
  let after: string | undefined
  while (ids.length < MOST_PAIRS) {
    const page = await client.pairs({ rollout, after, limit: PAGE })
    ids.push(...page.items.map(({ id }) => id))
    if (page.next === null) break
    after = page.next
  }
  const found = new Map<string, TrafficQuestion>()
  for (const id of shuffled(ids.sort(), chanceFrom(`${seed}/traffic`))) {
    if (found.size === count) break
    const question = await questionOf(client, id)
    if (question !== null) {
      const text = JSON.stringify(question.request)
      if (!found.has(text)) found.set(text, question)
    }
  }
  if (found.size > 0) return [...found.values()]
  throw new Failure(
    EXIT.failed,
    `${ids.length} pairs of ${rollout}, and none has its question`,
    'Shadows leave texts only where the config captures content, and only until its retention.',
  )
}

/** @returns null where its text was not captured, is kept no longer, or is no request that can be recorded */
export async function questionOf(
  client: ControlClient,
  id: string,
): Promise<TrafficQuestion | null> {
  const pair = await client.pair(id)
  const question = pair === null ? null : goldenQuestionOf(pair)
  if (question === null) return null
  return { id, endpoint: question.endpoint, request: question.request as GoldenCase['request'] }
}
