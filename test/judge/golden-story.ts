import { randomFrom } from '../../src/demo/random.ts'
import { Counter } from '../../src/judge/counter.ts'
import { type JudgeState, judge } from '../../src/judge/judge.ts'
import { noPins } from '../../src/judge/pins.ts'
import { digestOf } from '../../src/rollout/flushes.ts'
import { flushOf, SHIPPED } from './evidence.ts'

/** One story with a known end: whatever runtime tells it comes to the same states, bit for bit. */

const FLUSHES = 60
const BREAKS_AT = 40

/** 80 requests a second at 5 %, by two processes; from the 40th second on 40 % of the canary's fail. */
export function goldenStory() {
  const random = randomFrom('golden')
  let state: JudgeState | null = null
  let failedAt: number | null = null
  const digests: string[] = []
  for (let at = 0; at < FLUSHES; at++) {
    const pins = state?.pins ?? noPins(SHIPPED)
    const counters = [new Counter(1, pins), new Counter(1, pins)]
    for (let request = 0; request < 80; request++) {
      const canary = random.chance(0.05)
      const failed = random.chance(canary && at >= BREAKS_AT ? 0.4 : 0.005)
      const durationMs = failed ? null : 100 + random.int(900)
      counters[request % 2]?.add(
        {
          arm: canary ? 'canary' : 'control',
          result: failed ? 'failed' : 'ok',
          durationMs,
          firstByteMs: durationMs === null ? null : durationMs / 4,
          outputTokens: durationMs === null ? null : random.int(500),
          costUsd: null,
        },
        { shareBp: 500, fromBp: 0 },
      )
    }
    const counts = counters.map((counter) => counter.take())
    const next = judge(SHIPPED, state, flushOf(at, counts))
    state = next.state
    if (next.judgement.guard.value === 'fail') failedAt ??= at
    if (at % 20 === 19) digests.push(digestOf(state))
  }
  return { digests, failedAt }
}

/** Pinned: what was recorded is to be judged alike for ever. */
export const GOLDEN: ReturnType<typeof goldenStory> = {
  digests: ['cb171d7df6ca0fc4', 'a0fe2709279836a7', '9652d57f288271b5'],
  failedAt: 46,
}
