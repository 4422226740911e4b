/** The closed list of faults that leave a module as an exception. What is expected is a value, not one of these. */
export type ErrorCode =
  | 'config_invalid'
  | 'flags_invalid'
  | 'secret_missing'
  | 'listen_failed'
  | 'control_unreachable'
  | 'control_unauthorised'
  | 'store_unavailable'
  | 'store_corrupt'
  | 'store_newer'

/** A fault with a code to branch on and a message for a person: the thing, the bound, what was got, what to do. */
export class HeadgateError extends Error {
  override readonly name = 'HeadgateError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** Where a defect sits, without its message: that may quote what a caller sent. */
export function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return `${error.name}${error.stack?.split('\n').find((line) => line.includes(' at ')) ?? ''}`
}
