import * as z from 'zod'
import { FINDING_KINDS } from '../../types.ts'
import { bytes, duration, percent, secret, timeout } from './values.ts'

/** Copies of requests, what they may cost, and what comes of what they find; who makes vectors. */

const ACTIONS = ['note', 'hold', 'suspend', 'roll_back'] as const

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp
  } catch {
    return false
  }
}

/** Of one rollout; off where it is absent. */
export const shadow = z
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
        action: z
          .enum(ACTIONS)
          .default('note')
          .describe(
            'What comes of a smaller share: `note` shows it, `hold` keeps the rollout from climbing until so many pairs were compared and the share is met, `suspend` looks at every so-manieth pair and takes it to 0 % until probes are clean, `roll_back` latches it.',
          ),
        after: z
          .int()
          .min(1)
          .max(1_000_000)
          .default(100)
          .describe('Pairs of an epoch before which nothing is decided.'),
      })
      .prefault({})
      .describe('A plain threshold, with no error rate of its own; probes have one.'),
    integrity: z
      .partialRecord(
        z.enum(FINDING_KINDS),
        z.union([
          z.enum(ACTIONS),
          z.strictObject({
            action: z.enum(ACTIONS),
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
    questions: z
      .strictObject({
        interval: duration
          .refine((ms) => ms >= 10_000, 'must be at least 10s')
          .prefault('5m')
          .describe(
            'Between two of them; one is asked of both arms, and costs two small requests.',
          ),
      })
      .optional()
      .describe(
        'Small questions, a closed list, that models answer in proportions of their own: they tell another model behind the name. They are in the budget of shadows, and booked apart; `probe.model` and `probe.path` say what to ask. Off unless it is here.',
      ),
    planted: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'must be 1..32 lower-case letters, digits, _ or -')
            .describe('As findings name it: no part of the key.'),
          secret: secret.describe('A key that opens nothing, and that only this canary has seen.'),
        }),
      )
      .max(16)
      .default([])
      .describe(
        'Keys put where only the canary reads them: in an answer to a request that did not hold it, or at a door of Headgate’s own, one is a finding.',
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

const embeddingTimeout = timeout
  .prefault('10s')
  .describe('Of one call; past it the pair is compared lexically.')

/** Over HTTP, in OpenAI’s format. */
const embeddingsApi = z.strictObject({
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
  timeout: embeddingTimeout,
})

/** Over a binding, on Workers alone. */
const workersAi = z.strictObject({
  workersAi: z
    .strictObject({
      binding: z
        .string()
        .regex(/^[A-Za-z_]\w{0,99}$/, 'must be a name such as AI')
        .default('AI')
        .describe('As wrangler.toml names it: `[ai] binding = "AI"`.'),
      model: z
        .string()
        .min(1)
        .max(200)
        .default('@cf/baai/bge-m3')
        .describe('One of its models for text embeddings.'),
    })
    .describe('Cloudflare’s Workers AI makes the vectors; on Workers only.'),
  timeout: embeddingTimeout,
})

/** Who makes vectors of what both arms answered. */
export const embeddings = z.union([embeddingsApi, workersAi])
