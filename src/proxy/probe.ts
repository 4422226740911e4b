import type { Arm, Outcome } from '../types.ts'
import { pathOf } from './endpoint.ts'
import type { Gate } from './gate.ts'
import { askOwn } from './own.ts'
import type { Rollout } from './routes.ts'

/** Asks both arms of a rollout the same, with nobody waiting for the answer: is the canary well again? */

export interface ProbeRequest {
  readonly path: string
  readonly model: string
  readonly prompt: string
  readonly stream: boolean
  /** What takes longer has failed; milliseconds. */
  readonly timeoutMs: number
}

/**
 * What to ask: what config says, else what failed, else what the rollout is for.
 * @param like the request that failed; null when none is known
 * @returns null when no model is known
 */
export function probeRequestOf(
  rollout: Rollout,
  like: {
    readonly endpoint: string
    readonly stream: boolean
    readonly model: string | null
  } | null,
): ProbeRequest | null {
  const { probe, match } = rollout.config
  const model = modelOf(rollout, like?.model ?? null)
  const path = probe.path ?? (like === null ? null : pathOf(like.endpoint)) ?? match.paths[0]
  if (model === null || path === undefined) return null
  const { prompt, timeout: timeoutMs } = probe
  return { path, model, prompt, stream: like?.stream ?? false, timeoutMs }
}

/** What config says, else `like`, else the first model that the rollout is for; null where none is known. */
export function modelOf({ config, canary }: Rollout, like: string | null = null): string | null {
  const configured = config.match.models?.[0] ?? canary.models?.keys().next().value ?? null
  return config.probe.model ?? like ?? configured
}

/** @returns how both arms ended. Never rejects. */
export async function sendProbe(
  gate: Gate,
  rollout: Rollout,
  request: ProbeRequest,
): Promise<Readonly<Record<Arm, Outcome>>> {
  const { path, timeoutMs } = request
  const body = bodyOf(request)
  const askOne = (arm: Arm): Promise<Outcome> =>
    askOwn(gate, {
      role: 'probe',
      arm,
      upstream: rollout[arm],
      rollout,
      method: 'POST',
      path,
      body,
      timeoutMs,
    })
  const [control, canary] = await Promise.all([askOne('control'), askOne('canary')])
  return { control, canary }
}

/** Anthropic wants a limit; elsewhere none, since models that think need room and a short question costs little. */
const MAX_TOKENS = 1_024

/** As the endpoint wants it. */
export function bodyOf({
  path,
  model,
  prompt,
  stream,
}: ProbeRequest): Readonly<Record<string, unknown>> {
  const messages = [{ role: 'user', content: prompt }]
  const streams = stream ? { stream: true } : {}
  switch (path) {
    case '/v1/embeddings':
      return { model, input: prompt }
    case '/v1/responses':
      return { model, input: prompt, store: false, ...streams }
    case '/v1/completions':
      return { model, prompt, ...streams }
    case '/v1/messages':
      return { model, messages, max_tokens: MAX_TOKENS, ...streams }
    case '/v1/messages/count_tokens':
      return { model, messages }
    default:
      return { model, messages, ...streams }
  }
}
