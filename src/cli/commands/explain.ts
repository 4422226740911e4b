import type { RequestView } from '../../api/views/request.ts'
import type { Action } from '../command.ts'
import { type ConnectOptions, connect } from '../connect.ts'
import { EXIT } from '../exit.ts'
import { millisText, oneLine, percentText, timeText } from '../format.ts'

/** `headgate explain`: why one request went where it went, and what it added to the evidence. */

export interface ExplainOptions extends ConnectOptions {
  readonly id: string
}

export const run: Action<ExplainOptions> = async (options, context) => {
  const { output } = context
  const request = await connect(options, context).request(options.id)
  output.document({ ok: true, request })
  for (const line of linesOf(request)) output.line(line)
  return EXIT.ok
}

function linesOf(request: RequestView): string[] {
  const { id, at, endpoint, model, stream, caller, rollout, split, assigned, reason } = request
  const asked = [
    oneLine(endpoint),
    ...(model === null ? [] : [`model ${oneLine(model)}`]),
    stream ? 'streamed' : 'not streamed',
    ...(caller === null ? [] : [`caller ${oneLine(caller)}`]),
  ]
  const stood = [
    split.state ?? 'no state',
    `epoch ${split.epoch}`,
    ...(split.version === null ? [] : [`version ${split.version}`]),
    ...(split.step === null ? [] : [`step ${split.step + 1}`]),
  ]
  return [
    row('request', `${oneLine(id)}, ${timeText(at)}`),
    row('asked', asked.join(', ')),
    row('rollout', `${oneLine(rollout)}: ${stood.join(', ')}`),
    row('unit', unitText(request)),
    row('share', shareText(request)),
    row('went to', `${assigned}, because: ${reason} (${REASONS[reason] ?? 'see the reference'})`),
    ...attemptRows(request),
    row(
      'evidence',
      `${request.evidence.counted ? 'counted' : 'not counted'}: ${oneLine(request.evidence.words)}`,
    ),
    ...traceRows(request),
  ]
}

function row(label: string, text: string): string {
  return `${label.padEnd(9)} ${text}`
}

const SOURCES = {
  header: 'the header x-headgate-unit',
  caller: "the caller's name",
  body: "the body's own identity, such as user",
  conversation: "the conversation's fingerprint",
  request: 'the request itself: one draw a request',
} as const

function unitText({ unit: { source, position } }: RequestView): string {
  const from = source === null ? 'none' : `from ${SOURCES[source]}`
  return position === null
    ? `${from}; nothing was drawn`
    : `${from}; position ${percentText(position)}`
}

function shareText({ split, unit: { position } }: RequestView): string {
  const { share, flag, height } = split
  const drawn = `${percentText(share)}: flag ${percentText(flag)}, height ${percentText(height)}`
  if (position === null) return drawn
  const side = position < share ? 'below it, so canary' : 'not below it, so control'
  return `${drawn}; ${percentText(position)} is ${side}, where nothing else decides`
}

function attemptRows({ attempts }: RequestView): string[] {
  if (attempts.length === 0) return [row('attempts', 'none')]
  return attempts.map((attempt, at) => {
    const { arm, upstream, outcome, status, firstByteMs, durationMs, model } = attempt
    const parts = [
      `${at + 1}. ${arm} (${oneLine(upstream)}): ${oneLine(outcome)}`,
      status === null ? 'no status' : `status ${status}`,
      firstByteMs === null ? 'no first byte' : `first byte ${millisText(firstByteMs)} ms`,
      `${millisText(durationMs)} ms in all`,
      ...(model === null ? [] : [`answered by ${oneLine(model)}`]),
    ]
    return row(at === 0 ? 'attempts' : '', parts.join(', '))
  })
}

function traceRows({ trace }: RequestView): string[] {
  if (trace === null) return []
  const { id, kept, url } = trace
  if (!kept) return [row('trace', `${id}, not sampled: kept should a rollback follow`)]
  return [row('trace', url === null ? id : oneLine(url))]
}

const REASONS: Readonly<Record<string, string>> = {
  split: 'it was drawn',
  no_unit: 'it has no unit to draw by',
  flag_off: 'the flag is off for it',
  killed: 'the kill flag is on',
  latched: 'the rollout is rolled back',
  suspended: 'the rollout is suspended',
  stale: 'the split was not known to be true any more',
  pinned: 'it is bound to control',
  forced: 'the caller forced the arm',
  failover: 'the canary failed before its first byte, and control answered',
  unmatched: 'no rollout matches it',
  idle: 'the rollout was not started',
  excluded: 'config keeps it from the canary',
  cooldown: 'the canary was left alone for a while after failures',
  capped: 'the canary has as much as it may have',
}
