import { Hono } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import { secureHeaders } from 'hono/secure-headers'
import { timingSafeEqual } from 'hono/utils/buffer'
import type { Secret } from '../config/secret.ts'
import type { ArmReport } from '../rollout/tally.ts'
import type { RolloutState } from '../types.ts'

/** The control plane's HTTP, below `/-/`. Every route wants the token. */

/** A rollout as the API reads back; shares in percent, times ISO 8601 UTC. */
export interface RolloutView {
  readonly name: string
  readonly state: RolloutState
  readonly version: number
  readonly epoch: number
  readonly step: number | null
  readonly share: {
    readonly target: number
    readonly observed: number | null
    /** Null where the flag decides request by request, or was not read yet. */
    readonly flag: number | null
  }
  readonly killed: boolean
  readonly arms: { readonly control: ArmReport; readonly canary: ArmReport }
  readonly verdict: {
    readonly value: 'pass' | 'fail' | 'inconclusive'
    readonly reasons: readonly string[]
    readonly monitors: readonly never[]
  }
  readonly need: {
    readonly metric: string | null
    readonly canaryRequests: number | null
    readonly eta: string | null
  }
  readonly since: string
}

export interface HealthView {
  readonly ready: boolean
  readonly degraded: readonly string[]
  readonly config: { readonly generation: number; readonly fault: string | null }
  readonly flags: {
    readonly source: string
    readonly hash: string | null
    readonly ageMs: number | null
    readonly fault: string | null
  }
}

/** What the API reads; `headgate.ts` provides it. */
export interface ControlPlane {
  readonly rollouts: () => readonly RolloutView[]
  readonly rollout: (name: string) => RolloutView | null
  readonly health: () => HealthView
  /** Null when there is none: then nobody is let in. */
  readonly token: () => Secret | null
}

export function controlApp(plane: ControlPlane): Hono {
  const app = new Hono()
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    }),
  )
  app.use(async (context, next) => {
    await next()
    context.header('cache-control', 'no-store')
  })
  app.use(
    bearerAuth({
      verifyToken: async (token) => {
        const expected = plane.token()
        return expected !== null && (await timingSafeEqual(token, expected.reveal()))
      },
      noAuthenticationHeader: { message: UNAUTHORISED },
      invalidAuthenticationHeader: { message: UNAUTHORISED },
      invalidToken: { message: UNAUTHORISED },
    }),
  )
  app.get('/-/api/v1/rollouts', (context) => context.json({ items: plane.rollouts(), next: null }))
  app.get('/-/api/v1/rollouts/:name', (context) => {
    const name = context.req.param('name')
    const rollout = plane.rollout(name)
    if (rollout !== null) return context.json(rollout)
    return context.json(errorOf('not_found', 'There is no rollout of this name.'), 404)
  })
  app.get('/-/api/v1/health', (context) => context.json(plane.health()))
  app.notFound((context) => context.json(errorOf('not_found', 'There is nothing here.'), 404))
  return app
}

const UNAUTHORISED = errorOf(
  'unauthorised',
  'Send the control token (control.token in headgate.yaml) as Authorization: Bearer.',
)

function errorOf(code: string, message: string): { error: { code: string; message: string } } {
  return { error: { code, message } }
}
