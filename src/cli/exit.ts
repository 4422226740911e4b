/** What the process ends with: fixed, since scripts branch on it. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** Config or flags invalid. */
  invalid: 3,
  /** Control plane unreachable or unauthorised. */
  unreachable: 4,
  rolledBack: 5,
  timedOut: 6,
  /** Latched, or a version conflict. */
  refused: 7,
  notEnoughData: 8,
  interrupted: 130,
} as const
