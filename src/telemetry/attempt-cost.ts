import { dayText, ratesIn } from '../cost/books.ts'
import { chargeOf } from '../cost/charge.ts'
import { usdOf } from '../cost/price.ts'
import type { Pricing } from '../cost/pricing.ts'
import type { Attempted } from '../proxy/observe.ts'
import type { Ended } from '../proxy/telemetry.ts'

/** What one attempt cost, as its span says it: as the ledger has it. */

export interface AttemptCost {
  readonly usd: number
  /** Its tokens were guessed from bytes. */
  readonly estimated: boolean
}

/** Null where nobody knows. */
export function attemptCostOf(
  pricing: Pricing,
  { identity: { endpoint, ask }, startedAt }: Ended,
  attempted: Attempted,
): AttemptCost | null {
  const { upstream } = attempted
  const rates = ratesIn(pricing.get(upstream), ask?.model ?? null, dayText(startedAt))
  const asked = {
    endpoint: endpoint.name,
    stream: ask?.stream ?? false,
    bytesOut: ask?.body.length ?? 0,
  }
  const { pico, estimated } = chargeOf({ ...attempted, ...asked }, rates)
  return pico === null ? null : { usd: usdOf(pico), estimated }
}
