import * as z from 'zod'
import { EVENT_TYPES, FINDING_KINDS } from '../types.ts'
import { windowOf } from './window.ts'

/** `headgate.yaml`, as a schema: the JSON Schema in `schema/` and every default come from here. */

/** Endpoints that a rollout may split: stateless, and understood well enough to judge an answer. */
const SPLITTABLE_PATHS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/messages',
  '/v1/messages/count_tokens',
] as const

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const UNIT_BYTES = { B: 1, KB: 1_000, MB: 1_000_000, KiB: 1_024, MiB: 1_048_576 } as const

/** Timers count milliseconds in 31 bits: what is longer would fire at once. */
const MAX_TIMER_MS = UNIT_MS.d
const MAX_DURATION_MS = 366 * UNIT_MS.d
const MAX_BYTES = 1_000_000_000_000

const span = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/, 'must be a duration such as 250ms, 3s, 15m, 2h or 14d')
  .transform((text) => {
    const unit = text.replace(/^[\d.]+/, '') as keyof typeof UNIT_MS
    return Math.round(Number.parseFloat(text) * UNIT_MS[unit])
  })

/** `250ms`, `3s`, `15m`, `2h`, `14d`; read as whole milliseconds, at most 366 days. */
export const duration = span
  .refine((ms) => ms <= MAX_DURATION_MS, 'must be at most 366d')
  .meta({ id: 'duration', description: 'A length of time: 250ms, 3s, 15m, 2h, 14d.' })

/** A duration that a timer waits for: 1ms..24h; read as whole milliseconds. */
export const timeout = span
  .refine((ms) => ms >= 1 && ms <= MAX_TIMER_MS, 'must be in 1ms..24h')
  .meta({ id: 'timeout', description: 'How long to wait, in 1ms..24h: 250ms, 3s, 15m, 2h.' })

/** `64KiB`, `32MB`; read as bytes, at most 1 TB. */
export const bytes = z
  .string()
  .regex(/^\d+(B|KB|MB|KiB|MiB)$/, 'must be a size such as 64KiB or 32MB')
  .transform((text) => {
    const unit = text.replace(/^\d+/, '') as keyof typeof UNIT_BYTES
    return Number.parseInt(text, 10) * UNIT_BYTES[unit]
  })
  .refine((size) => size <= MAX_BYTES, 'must be at most 1000000MB')
  .meta({ id: 'bytes', description: 'A size in bytes: 64KiB, 32MB.' })

/** `1%`, `0.5%`; read as basis points, 0..10,000. */
export const percent = z
  .string()
  .regex(/^(100(\.0{1,2})?|\d{1,2}(\.\d{1,2})?)%$/, 'must be a percentage in 0%..100%, to 0.01%')
  .transform((text) => Math.round(Number.parseFloat(text) * 100))
  .meta({ id: 'percent', description: 'A share of the units, to 0.01 %: 1%, 0.5%.' })

/** `0.1pp` is absolute, `10%` relative to control; kept as written. */
export const margin = z
  .string()
  .regex(/^\d+(\.\d+)?(pp|%)$/, 'must be a margin such as 0.1pp (absolute) or 10% (of control)')
  .meta({
    id: 'margin',
    description: 'How much worse is still fine: 0.1pp absolute, 10% of control.',
  })

/** Where a secret is kept; never the secret. */
const secret = z
  .union([
    z.strictObject({
      env: z
        .string()
        .regex(
          /^[A-Za-z_][A-Za-z0-9_]*$/,
          'must name an environment variable: letters, digits and _',
        )
        .describe('An environment variable.'),
    }),
    z.strictObject({
      file: z
        .string()
        .min(1)
        .describe('A file that holds nothing else; seen from the folder of this file.'),
    }),
    z.strictObject({ binding: z.string().min(1).describe('A secret of the Worker.') }),
  ])
  .meta({
    id: 'secret',
    description: 'Where a secret is kept; never the secret: {env}, {file} or {binding}.',
  })

/** One key, or several that are used in turn. */
const keys = z.union([secret, z.array(secret).min(1)])

/** Where a secret is kept: exactly one of `env`, `file`, `binding`. */
export type SecretRef = z.output<typeof secret>

const port = z.int().min(0).max(65_535)
/** Digits alone are refused: an object puts such keys first, and the order of rollouts matters. */
const name = z
  .string()
  .regex(
    /^(?!\d+$)[a-z0-9][a-z0-9_-]{0,62}$/,
    'must be 1..63 lower-case letters, digits, - or _, and not digits alone',
  )
const headerName = z
  .string()
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'must be a lower-case header name')

const server = z
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

const state = z
  .union([
    z.strictObject({ sqlite: z.string().min(1) }),
    z.strictObject({ memory: z.literal(true) }),
    z.strictObject({ redis: z.strictObject({ url: z.string() }) }),
  ])
  .default({ sqlite: '.headgate/state.db' })
  .describe(
    'Where rollouts, their audit log and the evidence are kept; a file is seen from the folder of this file.',
  )

const timeouts = z.strictObject({
  connect: timeout.optional().describe('To a ready connection.'),
  firstByte: timeout.optional().describe('Streams: to the first content.'),
  idle: timeout.optional().describe('Streams: between two chunks once content flows.'),
  total: timeout.optional().describe('Answers that are not streamed: to the last byte.'),
})

export const TIMEOUT_CLASSES = ['simple', 'moderate', 'complex', 'architectural', 'batch'] as const
const classes = z.partialRecord(z.enum(TIMEOUT_CLASSES), timeouts)

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

const perMinute = z.int().min(1).max(1_000_000_000)
const concurrency = z.int().min(1).max(1_000_000)

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

const upstream = z.strictObject({
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

const flagSource = z
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

const words = z.array(z.string().min(1)).min(1)

const match = z
  .strictObject({
    paths: z.array(z.enum(SPLITTABLE_PATHS)).min(1),
    models: words.optional(),
    headers: z.record(headerName, words).optional(),
  })
  .describe('The requests this rollout may split; of two that match, the first in the file wins.')

const exclude = z
  .strictObject({
    models: words.optional(),
    headers: z.record(headerName, words).optional(),
    tools: z.boolean().default(false).describe('Requests that offer tools.'),
    images: z.boolean().default(false).describe('Requests that carry images.'),
  })
  .prefault({})
  .describe('Requests that never go to the canary.')

const step = z.union([
  percent,
  z.strictObject({
    share: percent,
    dwell: duration.optional().describe('The least time at this height.'),
    minRequests: z.int().min(0).optional().describe('The least canary requests at this height.'),
    approve: z.boolean().optional().describe('A person must agree before this step begins.'),
    window: z
      .string()
      .superRefine((text, context) => {
        const parsed = windowOf(text)
        if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.fault })
      })
      .optional()
      .describe('When this step may begin: `Mon-Fri 09:00-16:00 Europe/Berlin`.'),
  }),
])

const plan = z.strictObject({
  steps: z.array(step).min(1).describe('Shares, each above the one before.'),
  over: duration.optional().describe('Divided evenly between steps without a `dwell`.'),
  advance: z.enum(['auto', 'manual']).default('auto'),
})

/** Of control, and nothing else: a time has no share to be absolute in. */
const relative = z
  .string()
  .regex(/^\d+(\.\d+)?%$/, 'must be relative to control, such as 10%')
  .meta({ id: 'relativeMargin', description: 'How much more than control is still fine: 10%.' })

const marginOf = (fallback: string) =>
  z.strictObject({ margin: margin.default(fallback) }).prefault({})

const guard = z
  .strictObject({
    alpha: z
      .number()
      .gt(0)
      .max(0.2)
      .default(0.01)
      .describe('The chance of a false alarm in the whole life of the rollout.'),
    errors: marginOf('0.1pp').describe('Failures: everything the upstream is to blame for.'),
    rejections: marginOf('0.5pp').describe('4xx that the caller is to blame for.'),
    cancellations: marginOf('1pp').describe('Callers who left.'),
    latency: z
      .strictObject({ p95: z.strictObject({ margin: relative.default('10%') }).prefault({}) })
      .prefault({})
      .describe('Times to the first content and to the end.'),
    spend: z
      .strictObject({
        margin: relative.default('10%'),
        perMinute: z
          .number()
          .gt(0)
          .optional()
          .describe(
            'Dollars: a canary that costs more in any minute, in one process, is suspended at once. Needs its price.',
          ),
      })
      .prefault({})
      .describe('Output tokens; and the canary’s cost.'),
    meaning: z
      .strictObject({
        margin: z
          .string()
          .regex(/^\d+(\.\d+)?pp$/, 'must be absolute, such as 5pp')
          .refine((text) => Number.parseFloat(text) <= 50, 'must be in 0pp..50pp')
          .default('0pp'),
      })
      .prefault({})
      .describe(
        'Probes of meaning: how much more often than in a third of them the canary may be the odd one of three.',
      ),
    gate: z
      .enum(['evidence', 'no_harm'])
      .default('evidence')
      .describe(
        '`evidence` climbs once the canary is shown to be no worse; `no_harm` as long as nothing was found against it.',
      ),
    absolute: z
      .strictObject({
        window: duration
          .refine((ms) => ms >= 1_000, 'must be at least 1s')
          .prefault('5m')
          .describe('A sliding window.'),
        minRequests: z
          .int()
          .min(1)
          .default(100)
          .describe('Fewer canary requests in the window decide nothing.'),
        errorRate: percent.optional().describe('The most failures: 5%.'),
        p95: timeout.optional().describe('The longest p95 of whole answers.'),
        p99: timeout.optional().describe('The longest p99 of whole answers.'),
      })
      .optional()
      .describe(
        'Plain thresholds on the canary alone, besides the statistics. They know no control: docs/benchmarks/judge.md says how often they are wrong.',
      ),
  })
  .describe('What rolls it back. A plan without a guard has this one, with every default.')

const probe = z
  .strictObject({
    prompt: z.string().min(1).max(2_000).default('Reply with the single word: ok'),
    model: z
      .string()
      .min(1)
      .optional()
      .describe('The model asked; the one whose requests failed unless given.'),
    path: z
      .enum(SPLITTABLE_PATHS)
      .optional()
      .describe('The endpoint asked; the one whose requests failed unless given.'),
    interval: timeout.prefault('5s').describe('Between two probes of one process.'),
    timeout: timeout.prefault('30s').describe('What takes longer has failed.'),
  })
  .prefault({})
  .describe(
    'While a rollout is suspended both arms are asked this now and then, and the answers decide: back, or rolled back.',
  )

const budget = z
  .strictObject({
    day: z.number().gt(0).optional().describe('Dollars a day, UTC.'),
    month: z.number().gt(0).optional().describe('Dollars a month, UTC.'),
    alerts: z
      .array(percent)
      .min(1)
      .default([8_000, 10_000])
      .describe('How much of it is told of, in the audit log, by webhooks and in the log.'),
    stop: z
      .boolean()
      .default(false)
      .describe(
        'Once it is spent control answers what would be drawn for the canary, until the day or month is over (reason `capped`).',
      ),
  })
  .refine(
    ({ day, month }) => day !== undefined || month !== undefined,
    'must have day, month or both',
  )
  .describe('What the canary may cost, probes and shadows included. Needs its price.')

const INTEGRITY_ACTIONS = ['note', 'hold', 'suspend', 'roll_back'] as const

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp
  } catch {
    return false
  }
}

const shadow = z
  .strictObject({
    rate: percent
      .prefault('1%')
      .describe('How many of the requests that control answers are asked of the canary too.'),
    both: z
      .boolean()
      .default(false)
      .describe('Asks control too what the canary answers, at the same rate.'),
    probes: percent
      .prefault('1%')
      .describe(
        'How much of what the canary answers, callers and shadows alike, becomes a probe of meaning: control is asked twice, and the judge hears whose answer is the odd one of three.',
      ),
    concurrency: z
      .int()
      .min(1)
      .max(1_000)
      .default(4)
      .describe('Shadows at once, in one process; more are dropped, and counted.'),
    timeout: timeout
      .prefault('60s')
      .describe('What takes longer is cut, and says nothing of its arm; on Workers 25s at most.'),
    maxBody: bytes
      .refine((size) => size <= 4_194_304, 'must be at most 4MiB')
      .prefault('256KiB')
      .describe('Requests with a larger body have no shadow.'),
    budget: z
      .strictObject({
        requests: z.int().min(1).default(1_000).describe('Requests of its own.'),
        bytes: bytes.prefault('256MB').describe('Sent and received.'),
        tokens: z.int().min(1).default(1_000_000).describe('In and out.'),
        usd: z.number().gt(0).default(5).describe('Dollars; needs the prices of both arms.'),
      })
      .prefault({})
      .describe(
        'What shadows may come to in any hour, in one process; beyond it they are dropped.',
      ),
    equivalent: z
      .strictObject({
        at: z
          .number()
          .min(0)
          .max(1)
          .optional()
          .describe(
            'From which similarity on other words may say the same; 1 is the same words. 0.45 of a lexical one and 0.7 of vectors, unless given.',
          ),
        share: percent
          .prefault('95%')
          .describe(
            'How many of the pairs should be the same or equivalent: shown beside the share that is.',
          ),
      })
      .prefault({})
      .describe('A plain threshold, with no error rate of its own; probes have one.'),
    integrity: z
      .partialRecord(
        z.enum(FINDING_KINDS),
        z.union([
          z.enum(INTEGRITY_ACTIONS),
          z.strictObject({
            action: z.enum(INTEGRITY_ACTIONS),
            after: z
              .int()
              .min(1)
              .max(1_000_000)
              .default(1)
              .describe('From the how many-th in an epoch on.'),
          }),
        ]),
      )
      .default({})
      .describe(
        'What comes of what a canary is caught at: `note` shows it, `hold` keeps the rollout from climbing, `suspend` takes it to 0 % until probes are clean, `roll_back` latches it. `note` unless given.',
      ),
    pairs: z
      .strictObject({
        keep: z.int().min(1).max(1_000_000).default(10_000).describe('The newest so many.'),
        retention: duration.prefault('14d').describe('None longer than this.'),
      })
      .prefault({})
      .describe('What is kept of each comparison: outcomes, scores, hashes and lengths; no text.'),
    content: z
      .strictObject({
        capture: z.boolean().default(false).describe('Keep questions and answers as well.'),
        retention: duration
          .prefault('7d')
          .describe('Text is let go after this; the rest of a pair stays.'),
        redact: z
          .array(z.string().min(1).max(500).refine(isPattern, 'must be a regular expression'))
          .max(50)
          .default([])
          .describe('Regular expressions; what they match is taken out before anything is kept.'),
      })
      .prefault({})
      .describe('Texts of pairs; off unless asked for.'),
  })
  .describe(
    'A copy of some requests to the other arm, once the caller has its answer, to compare the two. Only of requests that leave nothing behind. Off unless it is here.',
  )

const rollout = z.strictObject({
  match,
  exclude,
  control: name.describe('The upstream that is trusted.'),
  canary: name.describe('The upstream that is tried.'),
  flag: z.string().min(1).describe('The flag whose percentage is the ceiling of the share.'),
  kill: z
    .string()
    .min(1)
    .default('headgate-kill')
    .describe('The flag that means 0 % while it is enabled.'),
  groupId: z
    .string()
    .min(1)
    .optional()
    .describe(
      "What makes two rollouts draw apart; the flag's name unless given. Keep it for the rollout's life.",
    ),
  unit: z
    .strictObject({
      header: z.boolean().default(true).describe('`x-headgate-unit`.'),
      body: z.boolean().default(true).describe("The body's own identity, such as `user`."),
      conversation: z.boolean().default(true).describe("The conversation's fingerprint."),
      request: z.boolean().default(true).describe('One draw a request.'),
    })
    .prefault({})
    .describe('Where the unit may come from, tried in this order.'),
  failover: z
    .boolean()
    .default(true)
    .describe("Control answers when the canary fails before the caller's first byte."),
  cooldown: z
    .boolean()
    .default(false)
    .describe(
      'A canary that answers 429 or 529, or 503 with `retry-after`, takes no draws for as long as it asks (at most 5m), else for 1s to 1m; meanwhile nothing drawn is evidence.',
    ),
  force: z
    .boolean()
    .default(false)
    .describe('Callers may force the canary with `x-headgate-arm`. Anyone may force control.'),
  responses: z
    .strictObject({ stored: z.enum(['pin', 'follow']).default('pin') })
    .prefault({})
    .describe(
      '`follow` remembers which arm made a stored response, and sends what refers to it there.',
    ),
  plan: plan.optional(),
  guard: guard.optional(),
  budget: budget.optional(),
  probe,
  shadow: shadow.optional(),
})

const caller = z.strictObject({
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
})

const webhook = z.strictObject({
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

const embeddings = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/, error: 'must be an https: URL such as https://api.openai.com/v1' })
    .describe('What `/embeddings` is put behind. `http:` only on loopback.'),
  model: z.string().min(1).max(200).describe('That makes the vectors.'),
  key: secret.optional().describe('Sent as `authorization: Bearer …`; without it no key is sent.'),
  dimensions: z
    .int()
    .min(1)
    .max(8_192)
    .optional()
    .describe('Where the model can shorten its vectors.'),
  timeout: timeout.prefault('10s').describe('Of one call; past it the pair is compared lexically.'),
})

export const configSchema = z
  .strictObject({
    $schema: z.string().optional(),
    version: z.literal(1),
    server,
    control: controlPlane
      .optional()
      .describe('The control plane. Absent, it is on only where HEADGATE_TOKEN is set.'),
    state,
    upstreams: z
      .record(name, upstream)
      .refine((all) => Object.keys(all).length > 0, 'must name at least one upstream')
      .describe('Places requests are sent, by name.'),
    default: z
      .strictObject({ openai: name.optional(), anthropic: name.optional() })
      .prefault({})
      .describe('Where requests go that no rollout matches; the control of the first rollout.'),
    classes: classes.prefault({}).describe('Timeouts by class, for every upstream.'),
    flags: flagSource.optional(),
    rollouts: z.record(name, rollout).prefault({}),
    callers: z.array(caller).default([]).describe('Who may use the data plane.'),
    prices: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A file of official prices that go before the built-in ones, YAML or JSON; seen from the folder of this file.',
      ),
    embeddings: embeddings
      .optional()
      .describe(
        'Who makes vectors of what both arms answered, in OpenAI’s format: it gets these texts. Without it similarity is lexical.',
      ),
    webhooks: z.array(webhook).default([]).describe('Who is told when a rollout changes.'),
  })
  .meta({ title: 'headgate.yaml', description: 'Configuration of Headgate, version 1.' })

/** The configuration with every default filled in, durations in ms, sizes in bytes, shares in basis points. */
export type Config = z.output<typeof configSchema>
export type UpstreamConfig = Config['upstreams'][string]
export type RolloutConfig = Config['rollouts'][string]
export type EmbeddingsConfig = NonNullable<Config['embeddings']>
export type ShadowConfig = NonNullable<RolloutConfig['shadow']>
