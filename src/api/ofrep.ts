import type { Context, Hono } from 'hono'
import * as z from 'zod'
import type { Reason } from '../types.ts'
import { limited, notJson } from './body.ts'
import { described } from './openapi.ts'
import type { ArmAnswer, ArmQuestion, ControlPlane } from './plane.ts'

/**
 * Which arm a unit is in, as OFREP 0.3.0 asks it (OpenFeature Remote Evaluation Protocol): a rollout is a flag, the
 * targeting key its unit, true the canary. So every language's own OFREP provider is a client. It writes nothing: it is
 * routed before what only operators may do.
 */

const SINGLE = '/-/ofrep/v1/evaluate/flags/:key'
const BULK = '/-/ofrep/v1/evaluate/flags'

export function ofrepRoutes(app: Hono, plane: ControlPlane): void {
  app.post(
    SINGLE,
    described({
      summary: 'Which arm a unit is in, of one rollout',
      description: 'OFREP 0.3.0. `key` is the name of the rollout.',
      takes: evaluationRequest,
      asks: true,
      answer: evaluation,
      refuses: [400, 404, 413, 415],
      refusesWith: { 400: failureOf(BAD_CODES, true), 404: failureOf(['FLAG_NOT_FOUND'], true) },
    }),
    limited,
    async (context) => {
      const key = context.req.param('key')
      const read = await questionOf(context)
      if ('no' in read) return read.no
      if ('errorCode' in read) return context.json({ key, ...read }, 400)
      const answer = plane.arm(key, read)
      if (answer !== null) return context.json(evaluationOf(key, answer))
      const errorDetails = 'There is no rollout of this name.'
      return context.json({ key, errorCode: 'FLAG_NOT_FOUND', errorDetails }, 404)
    },
  )
  app.post(
    BULK,
    described({
      summary: 'Which arm a unit is in, of every rollout',
      description: 'OFREP 0.3.0. The `etag` is of the answers: send it back as `if-none-match`.',
      takes: evaluationRequest,
      asks: true,
      answer: z.object({ flags: z.array(evaluation) }).meta({ id: 'BulkEvaluation' }),
      revalidates: true,
      refuses: [400, 413, 415],
      refusesWith: { 400: failureOf(BAD_CODES, false) },
      parameters: [
        {
          in: 'header',
          name: 'If-None-Match',
          description: 'The `etag` of the answers that are known: 304 while they hold.',
          schema: { type: 'string' },
        },
      ],
    }),
    limited,
    async (context) => {
      const read = await questionOf(context)
      if ('no' in read) return read.no
      if ('errorCode' in read) return context.json(read, 400)
      const flags = plane.names().flatMap((name) => {
        const answer = plane.arm(name, read)
        return answer === null ? [] : [evaluationOf(name, answer)]
      })
      const body = JSON.stringify({ flags })
      const etag = await etagOf(body)
      context.header('etag', etag)
      if (isKnown(etag, context.req.header('if-none-match'))) return context.body(null, 304)
      return context.body(body, 200, { 'content-type': 'application/json' })
    },
  )
}

const BAD_CODES = ['PARSE_ERROR', 'INVALID_CONTEXT', 'TARGETING_KEY_MISSING'] as const

const evaluationRequest = z
  .object({
    context: z
      .looseObject({ targetingKey: z.string().describe('The unit, as callers send it.') })
      .describe(
        'Besides, what flags may ask: `model`, `path`, `caller`, `stream` and what config maps.',
      ),
  })
  .meta({ id: 'EvaluationRequest' })

const evaluation = z
  .object({
    key: z.string(),
    value: z.boolean().describe('True where it is the canary’s.'),
    variant: z.enum(['control', 'canary']),
    reason: z.enum(['SPLIT', 'DISABLED', 'TARGETING_MATCH', 'UNKNOWN']),
    metadata: z.object({
      reason: z.string().describe('As `x-headgate-reason` has it.'),
      bucket: z.int().optional().describe('0..9,999; absent when nothing was drawn.'),
      share: z.number().describe('What it was drawn at, in percent.'),
      epoch: z.int().optional(),
      version: z.int().optional(),
    }),
  })
  .meta({ id: 'Evaluation' })

function failureOf(codes: readonly string[], keyed: boolean) {
  const failure = z.object({ errorCode: z.enum(codes), errorDetails: z.string() })
  return keyed ? failure.extend({ key: z.string() }) : failure
}

interface Failure {
  readonly errorCode: (typeof BAD_CODES)[number]
  readonly errorDetails: string
}

async function questionOf(
  context: Context,
): Promise<ArmQuestion | Failure | { readonly no: Response }> {
  const no = notJson(context)
  if (no !== null) return { no }
  let body: unknown
  try {
    body = JSON.parse(await context.req.text())
  } catch {
    return { errorCode: 'PARSE_ERROR', errorDetails: 'the body must be JSON' }
  }
  const given = isObject(body) ? body['context'] : undefined
  if (!isObject(given)) {
    return { errorCode: 'INVALID_CONTEXT', errorDetails: 'context must be an object' }
  }
  const { targetingKey: unit, ...fields } = given
  if (unit === undefined || unit === null || unit === '') {
    const errorDetails = 'context.targetingKey must be the unit that is asked about'
    return { errorCode: 'TARGETING_KEY_MISSING', errorDetails }
  }
  if (typeof unit !== 'string') {
    return { errorCode: 'INVALID_CONTEXT', errorDetails: 'context.targetingKey must be text' }
  }
  return { unit, properties: textsIn(fields) }
}

/** A flag asks about text; lists and objects mean nothing to it. */
function textsIn(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (['string', 'number', 'boolean'].includes(typeof value)) texts[name] = String(value)
  }
  return texts
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function evaluationOf(
  key: string,
  { arm, reason, bucket, shareBp, split }: ArmAnswer,
): z.output<typeof evaluation> {
  return {
    key,
    value: arm === 'canary',
    variant: arm,
    reason: openFeatureReasonOf(reason),
    metadata: {
      reason,
      ...(bucket === null ? {} : { bucket }),
      share: shareBp / 100,
      ...split,
    },
  }
}

/** OpenFeature's own words are fewer; ours is in the metadata. */
function openFeatureReasonOf(reason: Reason): z.output<typeof evaluation>['reason'] {
  switch (reason) {
    case 'split':
      return 'SPLIT'
    case 'flag_off':
    case 'killed':
    case 'latched':
    case 'suspended':
    case 'idle':
      return 'DISABLED'
    case 'unmatched':
    case 'excluded':
    case 'pinned':
    case 'forced':
      return 'TARGETING_MATCH'
    case 'stale':
    case 'cooldown':
    case 'capped':
    case 'no_unit':
    case 'failover':
      return 'UNKNOWN'
  }
}

async function etagOf(body: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body))
  const bytes = [...new Uint8Array(digest, 0, 16)]
  return `"${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}"`
}

/** RFC 9110, section 13.1.2. */
function isKnown(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some((one) => ['*', etag, `W/${etag}`].includes(one.trim()))
}
