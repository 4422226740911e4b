/** Every cell of hg-bench-1. */
import type { Cell } from './cells.ts'
import { DETECTION, ELSEWHERE, FALSE_ROLLBACKS, LATE, SHARED_INCIDENTS } from './errors.ts'
import { GATE_FALSE, GATE_NEEDS, GATE_P95 } from './gates.ts'
import {
  LATENCY_DETECTION,
  LATENCY_EDGES,
  LATENCY_LATE,
  LATENCY_NULL,
  LATENCY_SILENT,
} from './latency.ts'
import { MEANING } from './meaning.ts'
import { PLAIN } from './plain.ts'
import { ROLLOUTS } from './rollout.ts'
import { SHARES } from './shares.ts'
import { RAMP, STICKY } from './sticky.ts'
import { CONTRAST, DEAD, PAIRED, PAIRED_DETECTION } from './trips.ts'

export const CELLS: readonly Cell[] = [
  ...FALSE_ROLLBACKS,
  ...ELSEWHERE,
  ...SHARED_INCIDENTS,
  ...DETECTION,
  ...LATE,
  ...CONTRAST,
  ...DEAD,
  ...PAIRED,
  ...PAIRED_DETECTION,
  ...LATENCY_NULL,
  ...LATENCY_EDGES,
  ...LATENCY_DETECTION,
  ...LATENCY_LATE,
  ...LATENCY_SILENT,
  ...MEANING,
  ...STICKY,
  ...RAMP,
  ...GATE_NEEDS,
  ...GATE_FALSE,
  ...GATE_P95,
  ...SHARES,
  ...PLAIN,
  ...ROLLOUTS,
]
