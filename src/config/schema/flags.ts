import * as z from 'zod'
import { duration, headerName, secret, timeout } from './values.ts'

/** Where flags come from. */

const maxAge = duration
  .prefault('15m')
  .describe('Flags older than this mean control; a file never ages.')

/** What a flag can ask about every request, without being told by config. */
export const OWN_PROPERTIES = [
  'model',
  'dialect',
  'path',
  'stream',
  'class',
  'caller',
  'rollout',
  'appName',
  'environment',
] as const

const property = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/,
    'must be 1..64 letters, digits, _, . or -, a letter first',
  )
  .refine(
    (text) => !['userId', 'currentTime', ...OWN_PROPERTIES].includes(text),
    'is a property that Headgate fills itself',
  )

const flagContext = z
  .record(property, headerName)
  .default({})
  .describe(
    'What constraints may ask besides, each from a request header: `tenantId: x-tenant`. `sessionId` is the unit unless it is here.',
  )

const writeBack = z
  .strictObject({
    token: secret.describe(
      'An admin token, or one of a service account that may edit these flags.',
    ),
    project: z.string().min(1).default('default').describe('The project of the flags.'),
    environment: z
      .string()
      .min(1)
      .optional()
      .describe('The environment that is written to; that of the backend token unless given.'),
    steps: z
      .boolean()
      .default(false)
      .describe(
        'Raises the percentage of the flag to each step that a plan takes by itself, unless a person lowered it.',
      ),
  })
  .describe('What happens here is written there: a rollback turns the flag off, with the reason.')

const appName = z
  .string()
  .regex(/^[\x21-\x7e]{1,100}$/, 'must be 1..100 printable characters without blanks')
  .default('headgate')

const unleash = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://unleash.example/api' })
    .describe('Of its API, with the `/api` at its end. `http:` beyond loopback needs `plaintext`.'),
  token: secret.describe('A backend token, which names the environment: `*:production.…`.'),
  appName: appName.describe('What Unleash calls this application.'),
  environment: z
    .string()
    .min(1)
    .optional()
    .describe('What constraints on `environment` see; that of the token unless given.'),
  interval: timeout
    .refine((ms) => ms >= 1_000 && ms <= 3_600_000, 'must be in 1s..1h')
    .prefault('15s')
    .describe(
      'How often Unleash is asked, failing or not: a change is known at most that long after.',
    ),
  streaming: z
    .boolean()
    .default(false)
    .describe(
      'Asks at once when the server says that something changed, where it streams; the interval goes on beside it.',
    ),
  bootstrap: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A document that holds until Unleash has answered once; seen from the folder of this file.',
    ),
  backup: z
    .union([z.string().min(1), z.literal(false)])
    .default('.headgate/flags.json')
    .describe('Where the last good answer is kept for a start without Unleash; false keeps none.'),
  usageInterval: timeout
    .refine((ms) => ms >= 1_000, 'must be in 1s..24h')
    .prefault('60s')
    .describe('How often Unleash is told how many requests went to which arm.'),
  plaintext: z
    .boolean()
    .default(false)
    .describe(
      'Allow `http:` beyond loopback, such as inside a cluster: the token travels readable.',
    ),
  writeBack: writeBack.optional(),
})

const openFeature = z.strictObject({
  module: z
    .string()
    .regex(/\.(mjs|js|mts|ts)$/, 'must be a module: its name ends in .mjs, .js, .mts or .ts')
    .describe(
      'A module whose default export is an OpenFeature provider for servers, or a function that makes one; seen from the folder of this file. Node only; `check` does not run it.',
    ),
  interval: timeout
    .refine((ms) => ms >= 1_000 && ms <= 3_600_000, 'must be in 1s..1h')
    .prefault('15s')
    .describe(
      'How often the provider is asked; besides, at once when it says that something changed.',
    ),
})

/** Exactly one source. */
export const flagSource = z
  .union([
    z.strictObject({
      file: z
        .string()
        .min(1)
        .describe("Unleash's client-features document; seen from the folder of this file."),
      appName: appName.describe('What constraints on `appName` see.'),
      environment: z
        .string()
        .min(1)
        .default('default')
        .describe('What constraints on `environment` see.'),
      maxAge,
      context: flagContext,
    }),
    z.strictObject({ unleash, maxAge, context: flagContext }),
    z.strictObject({ openFeature, maxAge }),
  ])
  .describe('Where flags come from.')
