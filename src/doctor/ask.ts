import type { Answer } from './answer.ts'
import type { AskParts } from './parts.ts'

/** One question to an upstream, with an end to it. */

export interface Question {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** To the last byte of the answer. */
const TIMEOUT_MS = 5_000
/** A list of models of a large relay has half of this. */
const MOST_BYTES = 2_000_000

/** A redirect is not followed: it would take a key elsewhere. Never rejects. */
export async function ask(question: Question, parts: AskParts): Promise<Answer> {
  const { url, method, headers, body } = question
  const late = new AbortController()
  const timer = parts.clock.setTimer(() => late.abort(), TIMEOUT_MS)
  const signal = AbortSignal.any([late.signal, parts.signal])
  try {
    const response = await parts.fetch(url, {
      method,
      redirect: 'manual',
      headers: { accept: 'application/json', 'user-agent': 'headgate-doctor', ...headers },
      ...(body === undefined ? {} : { body }),
      signal,
    })
    const date = Date.parse(response.headers.get('date') ?? '')
    const aged = response.headers.get('age') !== null
    const skewMs = Number.isNaN(date) || aged ? null : date - parts.clock.wallMs()
    const text = await textOf(response)
    const json = jsonOf(text)
    const html =
      /html/i.test(response.headers.get('content-type') ?? '') || /^\s*<(!doctype|html)/i.test(text)
    return {
      kind: 'answer',
      status: response.status,
      type: json !== undefined ? 'json' : html ? 'html' : 'other',
      body: json,
      location: response.headers.get('location'),
      skewMs,
    }
  } catch (error) {
    return { kind: 'fault', code: signal.aborted ? 'timeout' : codeOf(error) }
  } finally {
    parts.clock.clearTimer(timer)
  }
}

/** What is longer is cut: then it is no JSON, and no answer of an API either. */
async function textOf(response: Response): Promise<string> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length >= MOST_BYTES) break
  }
  return text
}

/** Undefined for what is no object and no list. */
function jsonOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** `ECONNREFUSED`; messages of fetch may quote headers, so none is passed on. */
function codeOf(error: unknown): string {
  let at: unknown = error
  for (let depth = 0; depth < 4 && typeof at === 'object' && at !== null; depth++) {
    const { code, cause, errors } = at as { code?: unknown; cause?: unknown; errors?: unknown[] }
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code)) return code
    at = cause ?? errors?.[0]
  }
  return 'network'
}
