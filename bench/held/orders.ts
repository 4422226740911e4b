/** What the load is told to do, and what it says it saw. */

export type Order =
  /** Whole answers, begun when they are due, whether others are back or not. Answers with the time of each. */
  | {
      readonly do: 'ask'
      readonly port: number
      readonly perSecond: number
      readonly forMs: number
    }
  /** Streams, one after the other. Answers with the time to each one's first byte. */
  | { readonly do: 'begin'; readonly port: number; readonly times: number }
  /** Streams whose caller leaves while they are silent. Answers with the time until the upstream's connection was gone. */
  | { readonly do: 'leave'; readonly port: number; readonly times: number }
  /** Opens streams, and answers when each has said what it says and is silent. */
  | { readonly do: 'hold'; readonly port: number; readonly streams: number }
  | { readonly do: 'let go' }
  /** One long stream to a caller who reads 64 KB of it 20 times a second. Answers after `forMs`. */
  | { readonly do: 'dawdle'; readonly port: number; readonly bytes: number; readonly forMs: number }
  /** The same caller reads on, as fast as it goes. Answers when all of it is there. */
  | { readonly do: 'hurry' }

/** Times in ms. */
export type Seen = { readonly ms: readonly number[] } | { readonly failed: string }
