import { type Context, Hono } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { secureHeaders } from 'hono/secure-headers'
import { openAPIRouteHandler } from 'hono-openapi'
import * as z from 'zod'
import { bearer, operatorsWrite, sameSite } from './auth.ts'
import { checkRoutes } from './checks.ts'
import { costRoutes } from './costs.ts'
import { eventRoutes } from './events.ts'
import { ofrepRoutes } from './ofrep.ts'
import { DOCUMENTATION, described } from './openapi.ts'
import { pageLimit, pageOf } from './page.ts'
import { CONTENT_POLICY, type PageFiles, pageFiles } from './page-files.ts'
import { pairRoutes } from './pairs.ts'
import type { ControlPlane } from './plane.ts'
import { asked } from './query.ts'
import { refusal, storeFault } from './refusal.ts'
import { rolloutRoutes } from './rollouts.ts'
import { healthView, metricsView } from './views/health.ts'
import { requestView } from './views/request.ts'
import { selfView } from './views/self.ts'

/**
 * The control plane's HTTP, below `/-/`. Every route wants a token, but the page's own files; those that write want the
 * operator's.
 */

export interface ControlAppOptions {
  /** Between two signs of life on a stream where nothing happens, in ms; 15,000 unless given. */
  readonly beatMs?: number
  /** Told of a defect of ours, of which the caller learns nothing but that there is one. */
  readonly onDefect?: (error: unknown) => void
  /** The address a request came from, for the limit on wrong tokens; unknown unless given. */
  readonly source?: (context: Context) => string | null
  /** Milliseconds, monotonic. */
  readonly nowMs?: () => number
  /** Told when somebody tries many tokens, and from where. */
  readonly onGuessing?: (source: string | null) => void
  /** Told of each token that is wrong. */
  readonly onWrong?: (token: string) => void
  /** Somebody else vouches for this request: it needs no token. Never rejects. */
  readonly vouched?: (request: Request) => Promise<boolean>
  /** The page; none unless given. */
  readonly page?: PageFiles | undefined
}

/** Never throws: what goes wrong inside is 503 where it is the store, else 500. */
export function controlApp(
  plane: ControlPlane,
  {
    beatMs = 15_000,
    onDefect,
    source = () => null,
    nowMs = () => performance.now(),
    onGuessing = () => {},
    onWrong = () => {},
    vouched = async () => false,
    page = () => null,
  }: ControlAppOptions = {},
): Hono {
  const app = new Hono()
  app.use(guardedHeaders)
  app.use(pageFiles(page))
  app.use(async (context, next) => {
    await next()
    context.header('cache-control', 'no-store')
  })
  const { token, viewerToken } = plane
  app.use(bearer({ token, viewerToken, source, nowMs, onGuessing, onWrong, vouched }))
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (context, methods) => {
        const allow = methods.join(', ')
        context.header('allow', allow)
        const message = `${context.req.method} is not possible here: use ${allow}`
        return refusal(context, 405, 'method_not_allowed', message)
      },
    }),
  )
  app.use(sameSite)
  ofrepRoutes(app, plane)
  app.use(operatorsWrite)
  rolloutRoutes(app, plane)
  eventRoutes(app, plane, { beatMs, onDefect })
  costRoutes(app, plane)
  pairRoutes(app, plane)
  checkRoutes(app, plane)
  app.get(
    '/-/api/v1/requests',
    described({
      summary: 'The newest requests, newest first',
      description:
        'Those that a rollout had a say in, of the last 5,000 attempts in memory. Of what went well it remembers a hundred a second and arm.',
      answer: pageOf(requestView),
      refuses: [400],
    }),
    asked(requestsQuery),
    (context) => {
      const { rollout = null, limit } = context.req.valid('query')
      return context.json({ items: plane.requests(rollout, limit), next: null })
    },
  )
  app.get(
    '/-/api/v1/requests/:id',
    described({
      summary: 'Why a request went where it went',
      answer: requestView,
      refuses: [404],
    }),
    (context) => {
      const request = plane.request(context.req.param('id'))
      if (request !== null) return context.json(request)
      const message = 'There is no such request among the last ones.'
      return refusal(context, 404, 'not_found', message)
    },
  )
  app.get(
    '/-/api/v1/health',
    described({ summary: 'What is well, and what is not', answer: healthView, refuses: [] }),
    async (context) => context.json(await plane.health()),
  )
  app.get(
    '/-/api/v1/self',
    described({ summary: 'Who asks, and of what', answer: selfView, refuses: [] }),
    (context) => context.json({ role: context.get('role'), dataUrl: plane.dataUrl() }),
  )
  app.get(
    '/-/metrics',
    described({
      summary: 'Metrics, as Prometheus reads them',
      answer: metricsView,
      media: 'text/plain',
      refuses: [404],
    }),
    async (context) => {
      const openMetrics = /\bapplication\/openmetrics-text\b/.test(
        context.req.header('accept') ?? '',
      )
      const page = await plane.metricsPage(openMetrics)
      if (page === null) return refusal(context, 404, 'not_found', 'There are no metrics here.')
      const type = openMetrics
        ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
        : 'text/plain; version=0.0.4; charset=utf-8'
      return context.body(page, 200, { 'content-type': type })
    },
  )
  app.get('/-/api/v1/openapi.json', openAPIRouteHandler(app, { documentation: DOCUMENTATION }))
  app.notFound((context) => refusal(context, 404, 'not_found', 'There is nothing here.'))
  app.onError((error, context) => {
    const fault = storeFault(error)
    if (fault !== null) return refusal(context, 503, fault.code, fault.message)
    // A caller who hangs up half way through its body is no defect.
    if (!context.req.raw.signal.aborted) onDefect?.(error)
    return refusal(context, 500, 'internal_error', 'Something is wrong inside Headgate.')
  })
  return app
}

const requestsQuery = z.strictObject({
  rollout: z.string().optional().describe('Of this rollout only.'),
  limit: pageLimit,
})

/**
 * No CORS headers: no other site has business here. No HSTS: over plain HTTP it means nothing (RFC 6797, section 7.2), and
 * it binds a whole host, which is for whoever terminates TLS to say.
 */
const guardedHeaders = secureHeaders({
  contentSecurityPolicy: CONTENT_POLICY,
  xFrameOptions: 'DENY',
  strictTransportSecurity: false,
})
