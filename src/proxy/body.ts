import type { Wire } from '../types.ts'
import type { Ask } from './ask.ts'
import type { Upstream } from './routes.ts'
import { type Member, memberOf, membersOf } from './scan.ts'
import { type Edit, splice } from './splice.ts'

/** The body as one upstream gets it. With nothing to change it is the caller's own bytes. */
export interface OutboundBody {
  readonly bytes: Uint8Array
  /** The model as this upstream was asked for it. */
  readonly model: string | null
  /** Headgate asked for usage where the caller did not: the extra chunk is the caller's no more. */
  readonly usageAsked: boolean
}

export function outboundBody(ask: Ask, wire: Wire, upstream: Upstream): OutboundBody {
  const model = ask.model === null ? null : (upstream.models?.get(ask.model) ?? ask.model)
  const edits: Edit[] = []
  if (model !== ask.model && model !== null) {
    for (const member of ask.members) {
      if (member.key !== 'model') continue
      edits.push({ start: member.valueStart, end: member.valueEnd, text: JSON.stringify(model) })
    }
  }
  const usage = upstream.asksUsage ? usageEdit(ask, wire) : null
  if (usage !== null) edits.push(usage)
  const bytes = splice(ask.body, edits)
  return {
    bytes: upstream.params === null ? bytes : withParams(bytes, upstream.params),
    model,
    usageAsked: usage !== null,
  }
}

/** OpenAI API reference, `stream_options.include_usage`. An explicit false is the caller's wish. */
function usageEdit(ask: Ask, wire: Wire): Edit | null {
  if (!ask.stream || (wire !== 'chat' && wire !== 'completions')) return null
  const options = memberOf(ask.members, 'stream_options')
  const last = ask.members.at(-1)
  if (options === null) {
    if (last === undefined) return null
    return {
      start: last.valueEnd,
      end: last.valueEnd,
      text: ',"stream_options":{"include_usage":true}',
    }
  }
  if (ask.body[options.valueStart] === 0x6e) {
    return { start: options.valueStart, end: options.valueEnd, text: '{"include_usage":true}' }
  }
  const inner = membersOf(ask.body, options.valueStart, options.valueEnd)
  if (inner === null || memberOf(inner, 'include_usage') !== null) return null
  const comma = inner.length > 0 ? ',' : ''
  const at = options.valueStart + 1
  return { start: at, end: at, text: `"include_usage":true${comma}` }
}

/** Rename, drop, default, in this order. A renamed member gives way to one that has the new name already. */
function withParams(body: Uint8Array, params: NonNullable<Upstream['params']>): Uint8Array {
  const members = membersOf(body)
  if (members === null) return body
  const decoder = new TextDecoder()
  const present = new Set(members.map((member) => member.key))
  const parts: string[] = []
  const names = new Set<string>()
  for (const member of members) {
    const name = renamed(member, params.rename, present)
    if (name === null || params.drop.includes(name)) continue
    names.add(name)
    const value = decoder.decode(body.subarray(member.valueStart, member.valueEnd))
    parts.push(`${JSON.stringify(name)}:${value}`)
  }
  for (const [name, value] of Object.entries(params.default)) {
    if (!names.has(name)) parts.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`)
  }
  return new TextEncoder().encode(`{${parts.join(',')}}`)
}

function renamed(
  member: Member,
  rename: Readonly<Record<string, string>>,
  present: ReadonlySet<string>,
): string | null {
  const to = Object.hasOwn(rename, member.key) ? rename[member.key] : undefined
  if (to === undefined) return member.key
  return present.has(to) ? null : to
}
