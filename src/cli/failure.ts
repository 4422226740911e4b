/** What else a failure tells a script, in its JSON document. */
export interface FailureDetails {
  /** The control plane's own word, such as `latched`. */
  readonly code?: string | undefined
  /** The version there is now. */
  readonly version?: number | undefined
}

/** What ends a command early and is no surprise: a message, what to do, and the exit code. `program.ts` says it, once. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exit: number
  readonly fix: string
  readonly details: FailureDetails

  constructor(exit: number, message: string, fix: string, details: FailureDetails = {}) {
    super(message)
    this.exit = exit
    this.fix = fix
    this.details = details
  }
}
