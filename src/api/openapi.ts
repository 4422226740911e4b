import { type DescribeRouteOptions, describeRoute, resolver } from 'hono-openapi'
import type * as z from 'zod'
import { errorView } from './views.ts'

/** What `openapi.json` says beside the schemas of `views.ts`. */

const REFUSALS = {
  400: 'It is not possible as it was written; the message says what is wrong, and the bound.',
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
  /** The statuses it refuses with, beside 401, 403 and 429. */
  readonly refuses: readonly (keyof typeof REFUSALS)[]
  readonly takes?: z.ZodType
  readonly parameters?: DescribeRouteOptions['parameters']
  readonly description?: string
}

/** Says of a route what its handler does. */
export function described(route: Route) {
  const { summary, answer, media = 'application/json', refuses, takes, ...more } = route
  const refused = refuses.map((status): [string, object] => [
    String(status),
    { description: REFUSALS[status], content: as('application/json', errorView) },
  ])
  return describeRoute({
    summary,
    ...more,
    ...(takes === undefined ? {} : { security: [{ token: [] }] }),
    ...(takes === undefined ? {} : { requestBody: { content: as('application/json', takes) } }),
    responses: {
      200: { description: summary, content: as(media, answer) },
      401: {
        description: 'The token is missing or wrong.',
        content: as('application/json', errorView),
      },
      429: {
        description: 'Too many wrong tokens came from here; `retry-after` says how long to wait.',
        content: as('application/json', errorView),
      },
      ...(takes === undefined
        ? {}
        : {
            403: {
              description: 'The token only reads (`forbidden`), or a page of another site asks.',
              content: as('application/json', errorView),
            },
          }),
      ...Object.fromEntries(refused),
    },
  } as DescribeRouteOptions)
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
