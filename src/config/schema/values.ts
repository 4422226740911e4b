import * as z from 'zod'

/** Words, numbers and secrets that stand in many places of `headgate.yaml`. */

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
export const secret = z
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
export const keys = z.union([secret, z.array(secret).min(1)])

/** Where a secret is kept: exactly one of `env`, `file`, `binding`. */
export type SecretRef = z.output<typeof secret>

/** 0 takes any free one. */
export const port = z.int().min(0).max(65_535)

/** Digits alone are refused: an object puts such keys first, and the order of rollouts matters. */
export const name = z
  .string()
  .regex(
    /^(?!\d+$)[a-z0-9][a-z0-9_-]{0,62}$/,
    'must be 1..63 lower-case letters, digits, - or _, and not digits alone',
  )

/** In lower case, as RFC 9110 section 5.1 spells one. */
export const headerName = z
  .string()
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'must be a lower-case header name')

/** In any 60 s. */
export const perMinute = z.int().min(1).max(1_000_000_000)

/** At once. */
export const concurrency = z.int().min(1).max(1_000_000)
