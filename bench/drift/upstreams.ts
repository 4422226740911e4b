/** The demo's simulated upstreams as a bench asks them: bytes in both dialects, without a socket. */
import type { Answer } from '../../src/compare/answer.ts'
import { answerIn } from '../../src/compare/read-answer.ts'
import { messagesAnswer, messagesAsk } from '../../src/demo/anthropic-wire.ts'
import { createMind } from '../../src/demo/mind.ts'
import { chatAnswer, chatAsk } from '../../src/demo/openai-wire.ts'
import type { Random } from '../../src/demo/random.ts'
import type { Json, Refused, Answer as Sent } from '../../src/demo/wire.ts'

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** How one answer is bent on its way. */
export interface Bend {
  /** Another model answers. */
  readonly other?: boolean
  /** Its JSON; of an answer that is not streamed. */
  readonly json?: ((value: Json) => void) | undefined
}

/** One of many prompts, in one of three ways to ask. */
export function requestFor(random: Random, streams = true): Json {
  const messages = [
    { role: 'user', content: `What of matter ${random.int(100_000)}? simulate:words=60` },
  ]
  const way = random.int(streams ? 3 : 1)
  if (way === 2) return { model: 'claude-opus-4.6', max_tokens: 900, stream: true, messages }
  const stream = way === 1
  return {
    model: 'gpt-5.2',
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
    max_completion_tokens: 900,
    messages,
  }
}

/** One answer of one model, drawn anew each time: of each sentence it chooses between two ways to put it. */
export function ask(random: Random, body: Json, { other = false, json }: Bend = {}): Answer {
  const anthropic = body['max_tokens'] !== undefined
  const asked = anthropic ? messagesAsk(body, false) : chatAsk(body)
  if ('refused' in asked) throw new Error((asked as Refused).refused.message)
  const mind = createMind({ seed: random.id(8) })
  const prompt = other ? `${asked.prompt} and of nothing else` : asked.prompt
  const speech = mind.speak({ ...asked, prompt }, [])
  // Another model answers the same prompt: its tokens are the prompt's all the same.
  const own = mind.speak(asked, [])
  const usage = speech.usage === null ? null : { ...speech.usage, input: own.usage?.input ?? 0 }
  const context = { upstream: 'bench', chance: random, now: 1_795_000_000 }
  const said = { ...speech, usage }
  const sent = anthropic
    ? messagesAnswer(asked, said, context)
    : chatAnswer(body, asked, said, context)
  return answerIn(anthropic ? 'messages' : 'chat', bytesOf(sent, json))
}

function bytesOf(sent: Sent, json: Bend['json']): Uint8Array {
  if (sent.kind === 'whole') {
    if (json === undefined) return sent.body
    const value = JSON.parse(decoder.decode(sent.body)) as Json
    json(value)
    return encoder.encode(JSON.stringify(value))
  }
  return encoder.encode([...sent.frames()].map(({ text }) => text).join(''))
}
