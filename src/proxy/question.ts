import type { ShadowConfig } from '../config/schema.ts'
import type { Arm } from '../types.ts'
import type { Gate } from './gate.ts'
import { tokensOf } from './limit.ts'
import { type Heard, hearOwn } from './own.ts'
import type { SmallQuestion } from './pairs.ts'
import { bodyOf, modelOf, type ProbeRequest } from './probe.ts'
import type { Rollout } from './routes.ts'
import type { ShadowCharge } from './shadow-budget.ts'

/** Asks both arms one small question, with nobody waiting for the answer: is it the same model behind both? */

/** What both said: digests of a word each, equal where the words are. Upstreams word their answers: no text of theirs is kept. */
export interface BothSaid {
  readonly control: string
  readonly canary: string
}

/** Endpoints that answer with words, in the order in which they are taken. */
const WORDED = ['/v1/chat/completions', '/v1/messages', '/v1/responses', '/v1/completions']
/** An answer of a word, and what a model may think before it. */
const MOST_ANSWER_TOKENS = 256
const DIGEST_DIGITS = 12

/** @returns null where config names no endpoint that answers with words, or no model */
export function questionRequestOf(
  rollout: Rollout,
  { prompt }: SmallQuestion,
): ProbeRequest | null {
  const { probe, match } = rollout.config
  const paths = probe.path === undefined ? match.paths : [probe.path]
  const path = WORDED.find((one) => paths.some((asked) => asked === one))
  const model = modelOf(rollout)
  if (model === null || path === undefined) return null
  return { path, model, prompt, stream: false, timeoutMs: probe.timeout }
}

interface Asking {
  readonly request: ProbeRequest
  readonly config: ShadowConfig
}

/** @returns null when it was not asked, or not answered by both with a word. Never rejects */
export async function askQuestion(
  gate: Gate,
  rollout: Rollout,
  { question, ...asking }: Asking & { readonly question: SmallQuestion },
): Promise<BothSaid | null> {
  const { pairs } = gate
  if (pairs === null || !mayAsk(gate, rollout, asking, ARMS.length)) return null
  const [control = null, canary = null] = await Promise.all(
    ARMS.map(async (arm) => {
      const heard = await askArm(gate, rollout, asking, arm)
      const good = heard?.outcome === 'ok' || heard?.outcome === 'wrong_model'
      const word = good && heard.wire !== null ? pairs.wordOf(heard.wire, heard.chunks) : null
      if (word === null) return null
      return (await gate.sha256(`${question.name}\n${word}`)).slice(0, DIGEST_DIGITS)
    }),
  )
  return control === null || canary === null ? null : { control, canary }
}

/** Shows the canary a planted key, and nobody else: what it answers is of no interest. Never rejects. */
export async function showPlanted(
  gate: Gate,
  rollout: Rollout,
  { request, config }: Asking,
): Promise<void> {
  for (const { secret } of rollout.planted()) {
    const prompt = `Is this line of a .env file well formed? Answer yes or no only.\n${variableOf(secret)}=${secret}`
    const asking = { request: { ...request, prompt }, config }
    if (mayAsk(gate, rollout, asking, 1)) await askArm(gate, rollout, asking, 'canary')
  }
}

/** What a thief would take it for. */
function variableOf(secret: string): string {
  if (secret.startsWith('sk-ant-')) return 'ANTHROPIC_API_KEY'
  if (secret.startsWith('sk-')) return 'OPENAI_API_KEY'
  if (secret.startsWith('AKIA')) return 'AWS_ACCESS_KEY_ID'
  return secret.startsWith('ghp_') ? 'GITHUB_TOKEN' : 'API_KEY'
}

const ARMS = ['control', 'canary'] as const satisfies readonly Arm[]

function guessOf(gate: Gate, { name }: Rollout, { request }: Asking): ShadowCharge {
  const bytes = JSON.stringify(bodyOf(request)).length
  const { usdEach } = gate.shadows.of(name)
  return { bytes, tokens: tokensOf(bytes) + MOST_ANSWER_TOKENS, usd: usdEach }
}

function mayAsk(gate: Gate, rollout: Rollout, asking: Asking, requests: number): boolean {
  if (!isOpen(gate, rollout)) return false
  const guess = guessOf(gate, rollout, asking)
  const nowMs = gate.clock.monotonicMs()
  const { budget } = gate.shadows.of(rollout.name)
  return budget.spent(asking.config.budget, requests, guess, nowMs) === null
}

async function askArm(
  gate: Gate,
  rollout: Rollout,
  asking: Asking,
  arm: Arm,
): Promise<Heard | null> {
  const { path, timeoutMs } = asking.request
  const { budget } = gate.shadows.of(rollout.name)
  const guess = guessOf(gate, rollout, asking)
  budget.enter(guess, gate.clock.monotonicMs())
  const heard = await hearOwn(gate, {
    role: 'question',
    arm,
    upstream: rollout[arm],
    rollout,
    method: 'POST',
    path,
    body: bodyOf(asking.request),
    timeoutMs,
  })
  if (heard === null) return null
  const { usage, bytesIn, bytesOut, usd } = heard
  const tokens = (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0)
  const came = { bytes: bytesIn + bytesOut, tokens, usd: usd ?? 0 }
  budget.settle(guess, came, gate.clock.monotonicMs())
  return heard
}

/** What keeps shadows from the canary keeps questions from it too. A rollout that has not begun has them. */
function isOpen(gate: Gate, { name, control, canary }: Rollout): boolean {
  // Nobody pays with a caller's own key for what no caller asked.
  if (gate.draining() || control.passthrough || canary.passthrough || gate.spent.has(name)) {
    return false
  }
  const nowMs = gate.clock.monotonicMs()
  const splits = gate.splits()
  const split = splits?.byRollout.get(name)
  if (splits === null || split === undefined || split.killed) return false
  if (nowMs - splits.asOfMs > splits.maxAgeMs || gate.cooldowns.isCooling(name, nowMs)) return false
  if (split.state === 'suspended' || split.state === 'rolled_back') return false
  return split.flag !== null && split.flag.kind !== 'off'
}
