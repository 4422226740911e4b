import * as z from 'zod'
import { EVENT_TYPES } from '../../types.ts'
import { budgetOf } from './budget.ts'
import { bytes, concurrency, name, perMinute, port, secret, timeout } from './values.ts'

/** Where Headgate listens, who may ask, and where it keeps what it knows. */

/** The data plane's listener. */
export const server = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('Beyond loopback it needs `callers`, or `open: true`.'),
    port: port.default(8787).describe('HEADGATE_PORT overrides it; 0 takes any free port.'),
    open: z.boolean().default(false).describe('Listen beyond loopback without `callers`.'),
    drainTimeout: timeout
      .prefault('30s')
      .describe('How long running answers may take to finish after the first SIGTERM.'),
    maxBody: bytes
      .prefault('32MB')
      .describe(
        "The largest body of an endpoint whose body is read; 32MB is Anthropic's own limit.",
      ),
    maxUpload: bytes
      .prefault('512MB')
      .describe('The largest body that only passes through, such as an uploaded file.'),
  })
  .prefault({})
  .describe('The data plane: where callers connect.')

/** The control plane's listener; absent from the file, it is made from defaults where HEADGATE_TOKEN is set. */
export const controlPlane = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: port.default(8788).describe('HEADGATE_CONTROL_PORT overrides it; 0 takes any free port.'),
  token: secret.default({ env: 'HEADGATE_TOKEN' }).describe('What the API and the page ask for.'),
  viewer: secret
    .optional()
    .describe(
      'A second token, for applications and dashboards: it reads and asks which arm a unit is in, and changes nothing.',
    ),
  traceUrl: z
    .url({
      protocol: /^https?$/,
      error: 'must be an http: or https: URL such as https://jaeger.example/trace/{traceId}',
    })
    .refine((url) => url.includes('{traceId}'), 'must say {traceId} where the id of a trace goes')
    .refine((url) => !/^https?:\/\/[^/?#]*@/.test(url), 'must not hold credentials: it is shown')
    .optional()
    .describe(
      'Where people find a trace; `{traceId}` stands for its id. The page and `explain` link to it.',
    ),
  access: z
    .strictObject({
      issuer: z
        .url({ protocol: /^https$/, error: 'must be such as https://team.cloudflareaccess.com' })
        .regex(/[^/]$/, 'must not end in /')
        .describe('The team’s domain.'),
      audience: z.string().min(1).describe('The audience tag of the Access application.'),
    })
    .optional()
    .describe('Workers only: whom Cloudflare Access lets in needs no token.'),
})

/** Where rollouts and evidence are kept. */
export const state = z
  .union([
    z.strictObject({ sqlite: z.string().min(1) }),
    z.strictObject({ memory: z.literal(true) }),
    z.strictObject({ redis: z.strictObject({ url: z.string() }) }),
  ])
  .default({ sqlite: '.headgate/state.db' })
  .describe(
    'Where rollouts, their audit log and the evidence are kept; a file is seen from the folder of this file.',
  )

/** Who may use the data plane. */
export const caller = z.strictObject({
  name,
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits: the SHA-256 of the token')
    .describe("SHA-256 of the caller's token, in hex."),
  rollouts: z
    .array(name)
    .optional()
    .describe('The rollouts whose canary this caller may meet; all unless given.'),
  unit: z
    .enum(['header', 'caller'])
    .default('header')
    .describe("`caller` makes the caller's name the unit, whatever a header says."),
  rpm: perMinute.optional().describe('Requests in any 60 s; beyond them 429, in one process.'),
  concurrency: concurrency
    .optional()
    .describe('Requests at once; beyond them 429, in one process.'),
  budget: budgetOf(
    'What its requests may cost on both arms; those without a price cost nothing here.',
    'Once it is spent the caller gets 429 (`caller_budget`), until the day or month is over.',
  ).optional(),
})

/** Who is told of events. */
export const webhook = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'must be an https: URL such as https://hooks.example/in' })
    .describe(
      'Where events are posted, signed as Standard Webhooks has it. `http:` only on loopback.',
    ),
  secret: secret.describe('What signs them: `whsec_` and base64 of 24..64 random bytes.'),
  events: z
    .array(z.enum(EVENT_TYPES))
    .min(1)
    .optional()
    .describe('The types of events it is sent; all unless given.'),
  rollouts: z
    .array(name)
    .min(1)
    .optional()
    .describe('The rollouts whose events it is sent; all unless given.'),
})
