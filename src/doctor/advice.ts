import { OWN_PROPERTIES } from '../config/schema/flags.ts'
import type { Config } from '../config/schema.ts'
import { deadLimits, priceGaps } from '../cost/coverage.ts'
import type { PriceFile } from '../cost/price-list.ts'
import { adviseOn } from '../flag/check.ts'
import type { FlagDocument } from '../flag/document.ts'
import type { DoctorParts } from './parts.ts'

/** What `check` says of flags and prices too. At the edge it was said before the build, and is not built in. */
export function adviceOn(config: Config, prices: PriceFile | null): DoctorParts['advise'] {
  return {
    flags: (document) => flagAdvice(config, document),
    prices: (day) => [...priceGaps(config, prices, day), ...deadLimits(config, prices)],
  }
}

function flagAdvice(config: Config, document: FlagDocument): readonly string[] {
  const { flags } = config
  const mapped = flags === undefined || 'openFeature' in flags ? null : Object.keys(flags.context)
  const properties =
    mapped === null
      ? undefined
      : new Set(['userId', 'sessionId', 'currentTime', ...OWN_PROPERTIES, ...mapped])
  return Object.values(config.rollouts).flatMap(({ flag, kill, groupId }) =>
    adviseOn(document, { flag, kill, groupId: groupId ?? flag, properties }),
  )
}
