import { type DescribeRouteOptions, describeRoute, resolver } from 'hono-openapi'
import type * as z from 'zod'
import { errorView } from './views/error.ts'

/** What `openapi.json` says beside the schemas of `views/`. */

const REFUSALS = {
  400: 'It is not possible as it was written; the message says what is wrong, and the bound.',
  403: 'The token only reads (`forbidden`).',
  404: 'There is none of this name.',
  409: 'Not in this state, or not at this version. Nothing was changed.',
  413: 'The body is larger than 64 KiB.',
  415: 'The body is not JSON.',
  503: 'The store is away (`store_unavailable`) or broken (`store_corrupt`).',
} as const

interface Route {
  readonly summary: string
  /** What 200 answers. */
  readonly answer: z.ZodType
  /** `application/json` unless given. */
  readonly media?: string
  /** The statuses it refuses with, beside 401 and 429, and 403 where it writes. */
  readonly refuses: readonly (keyof typeof REFUSALS)[]
  /** What it says at some of them, where that is not `Error`. */
  readonly refusesWith?: Partial<Record<keyof typeof REFUSALS, z.ZodType>>
  /** The body. */
  readonly takes?: z.ZodType
  /** It takes a body, and writes nothing. */
  readonly asks?: boolean
  /** It knows `if-none-match`. */
  readonly revalidates?: boolean
  readonly parameters?: DescribeRouteOptions['parameters']
  readonly description?: string
}

/** Says of a route what its handler does. */
export function described(route: Route) {
  const { summary, description, parameters, answer, media = 'application/json', takes } = route
  const { refuses, refusesWith = {}, asks = false, revalidates = false } = route
  const refused = refuses.map((status): [number, object] => [
    status,
    said(REFUSALS[status], refusesWith[status] ?? errorView),
  ])
  const crossSite = 'A page of another site asks.'
  const forbidden = asks ? crossSite : `The token only reads (\`forbidden\`). ${crossSite}`
  return describeRoute({
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(takes === undefined || asks ? {} : { security: [{ token: [] }] }),
    ...(takes === undefined ? {} : { requestBody: { content: as('application/json', takes) } }),
    responses: {
      200: { description: summary, content: as(media, answer) },
      ...(revalidates ? { 304: { description: 'As `if-none-match` has it.' } } : {}),
      401: said('The token is missing or wrong.'),
      429: said('Too many wrong tokens came from here; `retry-after` says how long to wait.'),
      ...(takes === undefined ? {} : { 403: said(forbidden) }),
      ...Object.fromEntries(refused),
    },
  } as DescribeRouteOptions)
}

function said(description: string, schema: z.ZodType = errorView) {
  return { description, content: as('application/json', schema) }
}

function as(media: string, schema: z.ZodType) {
  return { [media]: { schema: resolver(schema) } }
}

/** The document's head; hono-openapi finds the routes by themselves. */
export const DOCUMENTATION = {
  info: {
    title: 'Headgate',
    version: '1',
    description:
      'The control plane. Shares are numbers in percent, times ISO 8601 UTC. A write says who and why; with `version` it is compare-and-set.',
  },
  components: {
    securitySchemes: {
      token: {
        type: 'http' as const,
        scheme: 'bearer',
        description: '`control.token` of headgate.yaml, in this header and nowhere else.',
      },
      viewer: {
        type: 'http' as const,
        scheme: 'bearer',
        description: '`control.viewer` of headgate.yaml: reads and asks, and writes nothing.',
      },
    },
  },
  security: [{ token: [] }, { viewer: [] }],
}
