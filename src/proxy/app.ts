import type { Context } from 'hono'
import { Hono } from 'hono'
import { placeOf } from '../errors.ts'
import type { Caller } from '../ports.ts'
import { errorBody, refusalOf } from './dialect.ts'
import type { Gate } from './gate.ts'
import { handle } from './handle.ts'

/** The data plane's HTTP. */

/** How a transport takes a request in: it makes a `Caller` of it and returns what Hono wants. */
export type Door = (
  // biome-ignore lint/suspicious/noExplicitAny: each transport has its own bindings
  context: Context<any>,
  serve: (caller: Caller) => Promise<void>,
) => Response | Promise<Response>

/** `/v1/*`, `/livez`, `/readyz`, and nothing else. */
export function dataApp(
  door: Door,
  gate: Gate,
  readiness: () => { ready: boolean; degraded: readonly string[] },
): Hono {
  const app = new Hono()
  const serve = (caller: Caller): Promise<void> =>
    handle(caller, gate).catch((error: unknown) => {
      // A defect of ours must not leave a caller waiting.
      gate.log.error('request failed inside Headgate', { at: placeOf(error) })
      answerDefect(caller, gate.id())
    })
  app.all('/v1/*', (context) => door(context, serve))
  app.get('/livez', (context) => context.json({ live: true }))
  app.get('/readyz', (context) => {
    const now = readiness()
    return context.json(now, now.ready ? 200 : 503)
  })
  app.notFound((context) => {
    const body = errorBody('openai', refusalOf('not_found'), gate.id())
    return context.body(new TextDecoder().decode(body), 404, { 'content-type': 'application/json' })
  })
  return app
}

function answerDefect(caller: Caller, requestId: string): void {
  if (caller.begun) {
    caller.destroy()
    return
  }
  const dialect = caller.target.startsWith('/v1/messages') ? 'anthropic' : 'openai'
  const body = errorBody(dialect, refusalOf('internal_error'), requestId)
  caller.answer(500, ['content-type', 'application/json', 'x-headgate-request-id', requestId], body)
}
