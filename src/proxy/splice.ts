/** Changes to a body by position, so that every byte that is not changed stays as the caller wrote it. */

/** Replaces `start..end` with `text`; an insertion has `start === end`. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

const encoder = new TextEncoder()

/**
 * @param edits in any order, not overlapping
 * @returns the body itself when there is nothing to change
 */
export function splice(body: Uint8Array, edits: readonly Edit[]): Uint8Array {
  if (edits.length === 0) return body
  const inOrder = edits.map((edit) => ({ ...edit, bytes: encoder.encode(edit.text) }))
  inOrder.sort((a, b) => a.start - b.start || a.end - b.end)
  let length = body.length
  for (const edit of inOrder) length += edit.bytes.length - (edit.end - edit.start)
  const spliced = new Uint8Array(length)
  let from = 0
  let to = 0
  for (const edit of inOrder) {
    spliced.set(body.subarray(from, edit.start), to)
    to += edit.start - from
    spliced.set(edit.bytes, to)
    to += edit.bytes.length
    from = edit.end
  }
  spliced.set(body.subarray(from), to)
  return spliced
}
