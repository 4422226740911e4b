import type { Calendar } from '../headgate/parts.ts'
import type { Log } from '../ports.ts'
import type { RolloutEvent } from '../types.ts'

/** What `headgate demo` may be told. */

/** Where the demo writes; `process.stdout` fits. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** Starts a Headgate from a configuration file; `startNode` fits. */
export type Start = (options: {
  readonly configFile: string
  readonly env: Readonly<Record<string, string>>
  readonly log: Log
  readonly calendar: Calendar
  readonly turnMs: number
  readonly onEvent: (event: RolloutEvent) => void
}) => Promise<{
  readonly dataUrl: string
  readonly controlUrl: string | null
  close(): Promise<void>
}>

export interface DemoOptions {
  readonly start: Start
  /** Prints the story without a page, and exits, for CI. */
  readonly headless: boolean
  /** NDJSON in place of lines; means headless. */
  readonly json: boolean
  /** Decides the traffic and what the upstreams say; 1 unless given. */
  readonly seed?: number | string | undefined
  /**
   * The data plane's port, with the control plane on the next one; 0 for free ones. Unless given: free ones when
   * headless, else 8787, or free ones when that is taken.
   */
  readonly port?: number | undefined
  readonly stdout: Output
  readonly stderr: Output
}
