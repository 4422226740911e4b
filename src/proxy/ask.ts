import type { Endpoint } from './endpoint.ts'
import { isNull, isTrue, type Marks, type Member, memberOf, membersOf, stringOf } from './scan.ts'

/** What one request asks for, read from the top of its body without parsing the rest. */
export interface Ask {
  readonly body: Uint8Array
  readonly members: readonly Member[]
  readonly marks: Marks
  readonly model: string | null
  readonly stream: boolean
  /** It offers tools to the model. */
  readonly tools: boolean
}

/** @returns null when the body is not a JSON object */
export function askOf(endpoint: Endpoint, body: Uint8Array): Ask | null {
  const marks: Marks = { fileId: false, encryptedContent: false, image: false }
  const members = membersOf(body, 0, body.length, marks)
  if (members === null) return null
  const model = memberOf(members, 'model')
  const streams = endpoint.wire !== 'embeddings' && endpoint.wire !== 'count_tokens'
  return {
    body,
    members,
    marks,
    model: model === null ? null : stringOf(body, model.valueStart, model.valueEnd),
    stream: streams && isTrue(body, memberOf(members, 'stream')),
    tools: offers(body, memberOf(members, 'tools')) || offers(body, memberOf(members, 'functions')),
  }
}

/** The body's own word on who is asking: the first of these that is a string with something in it. */
export function bodyUnitOf(ask: Ask): string | null {
  for (const name of ['safety_identifier', 'user']) {
    const found = textOf(ask.body, memberOf(ask.members, name))
    if (found !== null) return found
  }
  const user = inner(ask, 'metadata', 'user_id')
  if (user !== null) return user
  const cacheKey = textOf(ask.body, memberOf(ask.members, 'prompt_cache_key'))
  if (cacheKey !== null) return cacheKey
  return textOf(ask.body, memberOf(ask.members, 'conversation')) ?? inner(ask, 'conversation', 'id')
}

function inner(ask: Ask, outer: string, name: string): string | null {
  const holder = memberOf(ask.members, outer)
  if (holder === null || ask.body[holder.valueStart] !== 0x7b) return null
  const members = membersOf(ask.body, holder.valueStart, holder.valueEnd)
  return members === null ? null : textOf(ask.body, memberOf(members, name))
}

function textOf(body: Uint8Array, member: Member | null): string | null {
  if (member === null) return null
  const text = stringOf(body, member.valueStart, member.valueEnd)
  return text === null || text === '' ? null : text
}

/** A list with at least one element: `[]` is three bytes at most in any client's hand. */
function offers(body: Uint8Array, member: Member | null): boolean {
  return !isNull(body, member) && member !== null && member.valueEnd - member.valueStart > 2
}
