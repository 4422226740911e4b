import { controlApp } from '../../src/api/routes.ts'
import { type FakePlane, fakePlane, TOKEN } from './fake-plane.ts'

/** A control plane and a way to ask it, without a socket. */

export interface Api {
  readonly plane: FakePlane
  readonly app: ReturnType<typeof controlApp>
  /** With the token. */
  ask(method: string, path: string, init?: AskInit): Promise<Reply>
}

export interface AskInit {
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is. */
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked by what is expected of them
  readonly json: any
}

export const API = '/-/api/v1'

export function api(options: Parameters<typeof controlApp>[1] = {}): Api {
  const plane = fakePlane()
  const app = controlApp(plane, options)
  return {
    plane,
    app,
    async ask(method, path, { json, body, headers = {} } = {}) {
      const answer = await app.request(path, {
        method,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: json === undefined ? (body ?? null) : JSON.stringify(json),
      })
      return replyOf(answer)
    },
  }
}

async function replyOf(answer: Response): Promise<Reply> {
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') ?? false
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : undefined,
  }
}
