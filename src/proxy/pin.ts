import type { Endpoint } from './endpoint.ts'
import { isNull, isTrue, type Marks, type Member, memberOf } from './scan.ts'

/**
 * Requests that carry or make state bound to one upstream stay with control: the other arm does not know the
 * conversation, the file or the stored response they refer to.
 * @param follows stored responses are followed to the arm that made them, so making one binds nothing
 */
export function isBound(
  endpoint: Endpoint,
  body: Uint8Array,
  members: readonly Member[],
  marks: Marks,
  follows: boolean,
): boolean {
  if (marks.fileId || marks.encryptedContent) return true
  if (!isNull(body, memberOf(members, 'previous_response_id'))) return true
  if (isTrue(body, memberOf(members, 'background'))) return true
  if (endpoint.wire === 'responses') {
    if (!isNull(body, memberOf(members, 'conversation'))) return true
    return !follows && !isFalse(body, memberOf(members, 'store'))
  }
  if (endpoint.wire === 'chat') return isTrue(body, memberOf(members, 'store'))
  if (endpoint.wire === 'messages') return !isNull(body, memberOf(members, 'container'))
  return false
}

function isFalse(body: Uint8Array, member: Member | null): boolean {
  return member !== null && body[member.valueStart] === 0x66
}
