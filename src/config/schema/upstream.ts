import * as z from 'zod'
import { concurrency, headerName, keys, perMinute, secret, timeout } from './values.ts'

/** Upstreams: how they are reached, tried again, limited and paid. */

const timeouts = z.strictObject({
  connect: timeout.optional().describe('To a ready connection.'),
  firstByte: timeout.optional().describe('Streams: to the first content.'),
  idle: timeout.optional().describe('Streams: between two chunks once content flows.'),
  total: timeout.optional().describe('Answers that are not streamed: to the last byte.'),
})

/** What `x-headgate-class` may say. */
export const TIMEOUT_CLASSES = ['simple', 'moderate', 'complex', 'architectural', 'batch'] as const

/** Timeouts by class. */
export const classes = z.partialRecord(z.enum(TIMEOUT_CLASSES), timeouts)

/** What a second try may answer. */
export const RETRY_CAUSES = ['connect', 'reused_socket', 'rate_limited', 'overloaded'] as const

const retry = z
  .strictObject({
    attempts: z
      .int()
      .min(1)
      .max(2)
      .default(1)
      .describe('Tries in all, 1..2; 1 is off. Callers’ own SDKs try again besides.'),
    on: z
      .array(z.enum(RETRY_CAUSES))
      .min(1)
      .default([...RETRY_CAUSES])
      .describe(
        '`connect`: no connection was made. `reused_socket`: a GET or HEAD on a connection that had served before and broke. `rate_limited`: 429. `overloaded`: 503, 529.',
      ),
    backoff: timeout.prefault('250ms').describe('The wait is drawn from 0 to this.'),
    maxWait: timeout
      .prefault('5s')
      .describe('An upstream whose `retry-after` asks for more is not asked again.'),
  })
  .prefault({})
  .describe(
    'A second try at the same upstream, before the caller has got a byte and only where the first was not processed; at most a fifth of the requests and ten a second.',
  )

const limits = z
  .strictObject({
    concurrency: concurrency.optional().describe('Requests at once.'),
    rpm: perMinute.optional().describe('Requests in any 60 s.'),
    tpm: perMinute
      .optional()
      .describe(
        'Tokens in any 60 s, in and out; charged as a quarter of the body’s bytes until the answer says.',
      ),
    queue: z
      .strictObject({
        size: z
          .int()
          .min(0)
          .max(100_000)
          .default(100)
          .describe('How many may wait, each with its body in memory; 0 turns away at once.'),
        wait: timeout.prefault('5s').describe('How long one may wait.'),
      })
      .prefault({})
      .describe('Who finds no room waits here, callers in turn; then 429 with `retry-after`.'),
  })
  .prefault({})
  .describe('What one process sends to this upstream at most, its retries included.')

const usdPerMtok = z.number().min(0).max(1_000_000)

/** What one model costs, in dollars per million tokens. */
export const modelPrices = z
  .strictObject({
    input: usdPerMtok,
    cachedInput: usdPerMtok.optional().describe('Read from a cache; as `input` unless given.'),
    cacheWrite: usdPerMtok.optional().describe('Written to a cache; as `input` unless given.'),
    cacheWriteHour: usdPerMtok
      .optional()
      .describe('Written to a cache of an hour; as `cacheWrite` unless given.'),
    output: usdPerMtok
      .optional()
      .describe('Reasoning included. Absent, an answer with output has no known price.'),
  })
  .meta({ id: 'prices', description: 'Dollars per million tokens: input, output and caches.' })

/** Of one upstream, by its name. */
export const upstream = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/, error: 'must be an https: URL such as https://api.openai.com/v1' })
    .describe("Replaces `/v1` of the caller's path. `http:` only on loopback."),
  auth: z
    .union([
      z.strictObject({
        bearer: keys.describe('Sent as `authorization: Bearer …`. A list of keys is used in turn.'),
      }),
      z.strictObject({
        apiKey: keys.describe('Sent as `x-api-key`. A list of keys is used in turn.'),
      }),
      z.strictObject({
        header: z
          .strictObject({ name: headerName, value: keys })
          .describe('Sent as this header, the value as it is.'),
      }),
      z.literal('passthrough'),
      z.literal('none'),
    ])
    .default('none')
    .describe(
      "How Headgate proves itself there. `passthrough` forwards the caller's own key; never on a canary.",
    ),
  headers: z
    .record(
      headerName,
      z.union([
        z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be text that a header can carry'),
        secret,
      ]),
    )
    .default({})
    .describe('Sent with every request to this upstream, such as `openai-organization`.'),
  models: z
    .record(z.string(), z.string())
    .optional()
    .describe(
      'The model asked for, and its name here. On a canary, models that are not listed stay with control.',
    ),
  answerModel: z
    .enum(['upstream', 'asked'])
    .default('upstream')
    .describe('`asked` writes the model that was asked for back into answers.'),
  params: z
    .strictObject({
      rename: z.record(z.string(), z.string()).default({}),
      drop: z.array(z.string()).default([]),
      default: z.record(z.string(), z.json()).default({}),
    })
    .prefault({})
    .describe('Changes to top-level parameters, applied in the order rename, drop, default.'),
  usage: z
    .strictObject({ ask: z.boolean().default(true) })
    .prefault({})
    .describe(
      'Ask chat and completion streams for their usage, and keep the extra chunk from callers who did not.',
    ),
  price: z
    .strictObject({
      ratio: z
        .number()
        .min(0)
        .max(1_000)
        .optional()
        .describe('Of the official price: 0.15; 1 where it is the same.'),
      models: z
        .record(z.string().min(1), modelPrices)
        .optional()
        .describe(
          'What models cost here, by the name asked; a name that ends in `*` stands for all that begin so. Goes before `ratio`.',
        ),
    })
    .refine(
      ({ ratio, models }) => ratio !== undefined || models !== undefined,
      'must have ratio, models or both',
    )
    .optional()
    .describe(
      'What this upstream costs. Absent: the official price where the host is the maker’s own, and unknown anywhere else.',
    ),
  timeouts: timeouts.prefault({}),
  classes: classes
    .prefault({})
    .describe('Timeouts by the class a caller names in `x-headgate-class`.'),
  http2: z.boolean().default(false),
  retry,
  limits,
})
