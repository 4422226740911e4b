import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** An upstream that answers as it is told to, and remembers every key that it saw. */

export interface Upstream {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly port: number
  /** `GET /v1/models`, in order. */
  readonly asked: string[]
  /** Whatever came in `authorization` or `x-api-key`. */
  readonly keys: string[]
}

export interface Said {
  readonly status: number
  readonly json?: unknown
  readonly html?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Came {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly bearer: string | null
  readonly apiKey: string | null
}

export async function upstream(
  answer: (came: Came) => Said,
  tls: { readonly key: string; readonly cert: string } | null = null,
): Promise<Upstream> {
  const asked: string[] = []
  const keys: string[] = []
  const onRequest: RequestListener = (request: IncomingMessage, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const { authorization, 'x-api-key': apiKey } = request.headers
    asked.push(`${request.method} ${path}`)
    for (const key of [authorization, apiKey]) if (typeof key === 'string') keys.push(key)
    const said = answer({
      method: request.method ?? '',
      path,
      bearer: authorization?.replace('Bearer ', '') ?? null,
      apiKey: typeof apiKey === 'string' ? apiKey : null,
    })
    request.resume()
    const type = said.html === undefined ? 'application/json' : 'text/html'
    response.writeHead(said.status, { 'content-type': type, ...said.headers })
    response.end(said.html ?? JSON.stringify(said.json ?? {}))
  }
  const server = tls === null ? createServer(onRequest) : createTlsServer(tls, onRequest)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { url: `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`, port, asked, keys }
}

export interface ApiOptions {
  readonly keys: readonly string[]
  readonly style?: 'bearer' | 'apiKey'
  readonly models?: readonly string[]
  /** Not in the list, and there all the same. */
  readonly aliases?: readonly string[]
  /** `/v1` unless given. */
  readonly base?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An API as vendors have it; beside its base a web page, as relays have it. */
export function apiAt(options: ApiOptions): (came: Came) => Said {
  const { keys, style = 'bearer', models = ['m-1'], aliases = [], base = '/v1', headers } = options
  return ({ path, bearer, apiKey }) => {
    const more = headers === undefined ? {} : { headers }
    if (!path.startsWith(`${base}/`))
      return { status: 200, html: '<!doctype html><p>hello', ...more }
    const shown = style === 'bearer' ? bearer : apiKey
    if (shown === null || !keys.includes(shown)) {
      const error = { type: 'invalid_request_error', code: 'invalid_api_key', message: `${shown}` }
      return { status: 401, json: { error }, ...more }
    }
    if (path === `${base}/models`) {
      return { status: 200, json: { data: models.map((id) => ({ id })) }, ...more }
    }
    const one = decodeURIComponent(path.slice(`${base}/models/`.length))
    if ([...models, ...aliases].includes(one)) return { status: 200, json: { id: one }, ...more }
    return { status: 404, json: { error: { code: 'model_not_found' } }, ...more }
  }
}
