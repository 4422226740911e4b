import type { SpanAttributes, SpanRecord } from '../ports.ts'
import type { Ask } from '../proxy/ask.ts'
import { refusalOf } from '../proxy/dialect.ts'
import type { Attempted } from '../proxy/observe.ts'
import { checkOf } from '../proxy/outcome.ts'
import { memberOf, membersOf, stringOf } from '../proxy/scan.ts'
import type { Ended, TurnedDown } from '../proxy/telemetry.ts'
import type { Trace } from '../proxy/trace.ts'
import type { Role } from '../types.ts'
import type { AttemptCost } from './attempt-cost.ts'
import { errorTypeOf, methodOf, operationOf, placeOf, routeOf, serverErrorOf } from './facts.ts'
import type { Kept } from './kept.ts'
import { SPAN_EVENTS, spanAttributesOf } from './names.ts'

/** A request that is over, as spans: the caller's request, the call of the model, each attempt. Made only where they are kept. */

/** What only the composition knows. */
export interface SpanContext {
  readonly newSpanId: () => string
  readonly flagVersion: string | null
  readonly flagProvider: string | null
  /** SHA-256 of the unit, its first digits; null without a unit. */
  readonly unitHash: string | null
  readonly role: Role
  readonly kept: Kept
  /** Null where nobody knows. */
  readonly costOf: (ended: Ended, attempted: Attempted) => AttemptCost | null
}

/** A caller's word is cut here. */
const MOST_CHARACTERS = 256

/** A caller's request. @returns the server span first */
export function requestSpansOf(
  ended: Ended,
  trace: Trace,
  context: SpanContext,
): readonly SpanRecord[] {
  const { caller, identity, draw, answered, attempts, startedAt } = ended
  const { endpoint, target, requestId } = identity
  const last = attempts.at(-1)
  const atOf = (ms: number): number => startedAt + (ms - draw.startedMs)
  const endAt = last === undefined ? startedAt : atOf(endOf(last))
  const errorType = serverErrorOf(answered, last)
  const called = endpoint.wire !== null && last !== undefined
  const server = record(trace, context.newSpanId(), {
    name: `${methodOf(caller.method)} ${routeOf(endpoint.name)}`,
    kind: 'server',
    parent: trace.parent === null ? null : { spanId: trace.parent.spanId, remote: true },
    startAt: startedAt,
    endAt,
    failed: errorType !== null,
    attributes: [
      ...spanAttributesOf({
        method: methodOf(caller.method),
        route: routeOf(endpoint.name),
        path: cut(target.path),
        scheme: 'http',
        status: answered,
        errorType,
        requestId,
        role: called ? 'live' : null,
        kept: context.kept,
      }),
      // Without a call of a model there is no other span to say it.
      ...(called ? [] : placedOf(ended, last, context)),
    ],
  })
  if (last === undefined) return [server]
  if (!called) return [server, ...attemptSpansOf(ended, trace, server.spanId, context, atOf)]
  const call = callSpanOf(ended, trace, context, server.spanId, atOf)
  return [server, call, ...attemptSpansOf(ended, trace, call.spanId, context, atOf)]
}

/** What Headgate asked by itself: a trace of its own. @param link what it was asked because of */
export function ownSpansOf(
  ended: Ended,
  trace: Trace,
  context: SpanContext,
  link: SpanRecord['links'][number] | null,
): readonly SpanRecord[] {
  const { draw, startedAt, attempts } = ended
  if (attempts.length === 0) return []
  const atOf = (ms: number): number => startedAt + (ms - draw.startedMs)
  const call = callSpanOf(ended, trace, context, null, atOf)
  const linked = link === null ? call : { ...call, links: [link] }
  return [linked, ...attemptSpansOf(ended, trace, call.spanId, context, atOf)]
}

/** A request that went nowhere. */
export function refusedSpanOf(
  { method, requestId, refused, endpoint, startedAt, ms }: TurnedDown,
  trace: Trace,
  { newSpanId, kept }: SpanContext,
): SpanRecord {
  const { status } = refusalOf(refused)
  const errorType = serverErrorOf(status, undefined)
  const route = routeOf(endpoint.name)
  const known = methodOf(method)
  return record(trace, newSpanId(), {
    name: `${known} ${route}`,
    kind: 'server',
    parent: trace.parent === null ? null : { spanId: trace.parent.spanId, remote: true },
    startAt: startedAt,
    endAt: startedAt + ms,
    failed: errorType !== null,
    attributes: spanAttributesOf({
      method: known,
      route,
      scheme: 'http',
      status,
      errorType,
      requestId,
      role: 'live',
      kept,
    }),
  })
}

/** The whole call: it failed only if nobody answered it well. */
function callSpanOf(
  ended: Ended,
  trace: Trace,
  context: SpanContext,
  parentId: string | null,
  atOf: (ms: number) => number,
): SpanRecord {
  const { identity, attempts } = ended
  const { endpoint, ask, requestId } = identity
  const first = attempts[0] as Attempted
  const last = attempts.at(-1) as Attempted
  const model = ask?.model ?? null
  const operation = endpoint.wire === null ? null : operationOf(endpoint.wire)
  const errorType = errorTypeOf(last)
  const { address: server, port } = placeOf(originOf(ended, last))
  const streamed = ask?.stream === true && last.firstByteMs !== null
  return {
    ...record(trace, context.newSpanId(), {
      name: cut(`${operation ?? methodOf(ended.caller.method)} ${model ?? ''}`.trimEnd()),
      kind: 'client',
      parent: parentId === null ? null : { spanId: parentId, remote: false },
      startAt: atOf(first.sentMs),
      endAt: atOf(endOf(last)),
      failed: errorType !== null,
      attributes: [
        ...spanAttributesOf({
          operation,
          provider: endpoint.dialect,
          apiType: endpoint.wire === 'responses' ? 'responses' : null,
          modelAsked: model === null ? null : cut(model),
          modelAnswered: last.modelAnswered === null ? null : cut(last.modelAnswered),
          server,
          port,
          errorType,
          stream: ask?.stream === true ? true : null,
          responseId: last.responseId === null ? null : cut(last.responseId),
          finishReasons: last.finishReason === null ? null : [cut(last.finishReason)],
          firstChunk: streamed
            ? (last.sentMs - first.sentMs + (last.firstByteMs ?? 0)) / 1_000
            : null,
          inputTokens: last.usage?.inputTokens ?? null,
          outputTokens: last.usage?.outputTokens ?? null,
          cacheRead: last.usage?.cachedInputTokens ?? null,
          cacheCreation: last.usage?.cacheWriteTokens ?? null,
          reasoning: last.usage?.reasoningTokens ?? null,
          requestId,
          kept: context.kept,
        }),
        ...paramsOf(ask),
        ...placedOf(ended, last, context),
        ...flagOf(ended, context),
      ],
    }),
    events: evaluationOf(ended, context),
  }
}

function attemptSpansOf(
  ended: Ended,
  trace: Trace,
  parentId: string,
  { costOf }: SpanContext,
  atOf: (ms: number) => number,
): readonly SpanRecord[] {
  const { caller, identity, attempts, assignment } = ended
  const method = methodOf(caller.method)
  return attempts.flatMap((attempted, index) => {
    const { spanId, arm, status, outcome, upstream } = attempted
    if (spanId === null) return []
    const origin = originOf(ended, attempted)
    const { address: server, port } = placeOf(origin)
    const errorType = errorTypeOf(attempted)
    const cost = costOf(ended, attempted)
    const before = attempts.slice(0, index).filter((each) => each.upstream === upstream).length
    const { basePath } = upstreamOf(ended, attempted)
    return [
      record(trace, spanId, {
        name: method,
        kind: 'client',
        parent: { spanId: parentId, remote: false },
        startAt: atOf(attempted.sentMs),
        endAt: atOf(endOf(attempted)),
        failed: errorType !== null,
        attributes: spanAttributesOf({
          method,
          url: cut(origin + basePath + identity.target.path.slice('/v1'.length)),
          server,
          port,
          status,
          errorType,
          resends: before === 0 ? null : before,
          arm,
          reason: arm === assignment.arm ? assignment.reason : 'failover',
          outcome,
          check: checkOf(outcome),
          upstream,
          cost: cost?.usd ?? null,
          costEstimated: cost?.estimated ? true : null,
          rollout: identity.rollout?.name ?? null,
          requestId: identity.requestId,
        }),
      }),
    ]
  })
}

/** Which arm, why, and how it ended. */
function placedOf(
  ended: Ended,
  last: Attempted | undefined,
  { role }: SpanContext,
): SpanAttributes {
  const { assignment, identity, draw, attempts } = ended
  const { bucket, shareBp, reason } = assignment
  return spanAttributesOf({
    arm: last?.arm ?? assignment.arm,
    assigned: assignment.arm,
    reason,
    bucket,
    drawnShare: bucket === null ? null : shareBp / 10_000,
    upstream: last?.upstream ?? null,
    outcome: last?.outcome ?? null,
    attempts: attempts.length,
    rollout: identity.rollout?.name ?? null,
    state: draw.split?.state ?? null,
    step: draw.split?.step ?? null,
    epoch: draw.split?.epoch ?? null,
    version: draw.split?.version ?? null,
    role,
  })
}

function flagOf(ended: Ended, { flagVersion, flagProvider }: SpanContext): SpanAttributes {
  const { identity, assignment, draw } = ended
  if (identity.rollout === null || draw.split === null) return []
  return spanAttributesOf({
    flag: identity.rollout.config.flag,
    variant: assignment.arm,
    flagVersion,
    flagProvider,
  })
}

/** How the flag decided, where it was asked. */
function evaluationOf(ended: Ended, context: SpanContext): SpanRecord['events'] {
  const { identity, assignment, startedAt } = ended
  const attributes = flagOf(ended, context)
  if (identity.rollout === null || attributes.length === 0) return []
  const more = spanAttributesOf({
    flagReason: flagReasonOf(assignment.reason),
    flagContext: context.unitHash,
  })
  const { name } = SPAN_EVENTS.evaluation
  return [{ name, at: startedAt, attributes: [...attributes, ...more] }]
}

/** The conventions' own word where they have one. */
function flagReasonOf(reason: string): string {
  switch (reason) {
    case 'flag_off':
    case 'killed':
      return 'disabled'
    default:
      return reason
  }
}

const NUMBERS = [
  ['max_tokens', 'maxTokens'],
  ['max_completion_tokens', 'maxTokens'],
  ['max_output_tokens', 'maxTokens'],
  ['temperature', 'temperature'],
  ['top_p', 'topP'],
  ['top_k', 'topK'],
  ['frequency_penalty', 'frequencyPenalty'],
  ['presence_penalty', 'presencePenalty'],
  ['seed', 'seed'],
  ['n', 'choices'],
] as const

/** Numbers that were asked for, and the format. Stop sequences are a caller's text, and stay out. */
function paramsOf(ask: Ask | null): SpanAttributes {
  if (ask === null) return []
  const { body, members } = ask
  const values: Partial<Record<(typeof NUMBERS)[number][1], number>> = {}
  for (const [key, label] of NUMBERS) {
    const member = memberOf(members, key)
    if (member === null || member.valueEnd - member.valueStart > 24) continue
    const value = Number(decoder.decode(body.subarray(member.valueStart, member.valueEnd)))
    if (Number.isFinite(value) && !(label === 'choices' && value === 1)) values[label] = value
  }
  return spanAttributesOf({ ...values, outputType: outputTypeOf(ask) })
}

function outputTypeOf({ body, members }: Ask): string | null {
  const format = memberOf(members, 'response_format')
  if (format === null) return null
  const inside = membersOf(body, format.valueStart, format.valueEnd)
  const type = inside === null ? null : memberOf(inside, 'type')
  const word = type === null ? null : stringOf(body, type.valueStart, type.valueEnd)
  if (word === 'text') return 'text'
  return word === 'json_object' || word === 'json_schema' ? 'json' : null
}

const decoder = new TextDecoder()

function record(
  { traceId }: Trace,
  spanId: string,
  span: Omit<SpanRecord, 'traceId' | 'spanId' | 'links' | 'events'>,
): SpanRecord {
  return { ...span, traceId, spanId, links: [], events: [] }
}

function endOf({ sentMs, durationMs }: Attempted): number {
  return sentMs + durationMs
}

function upstreamOf({ identity }: Ended, { upstream }: Attempted) {
  return identity.routes.upstreams.get(upstream) ?? identity.control
}

function originOf(ended: Ended, attempted: Attempted): string {
  return upstreamOf(ended, attempted).origin
}

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? text.slice(0, MOST_CHARACTERS) : text
}
