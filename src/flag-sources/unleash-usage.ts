import { EventEmitter } from 'node:events'
import { Unleash } from 'unleash-client'
import type { Clock, FlagUse, Log, Sealed } from '../ports.ts'

/**
 * Tells Unleash how requests were decided, through unleash-client: a flag's page there shows `yes` for the canary, `no` for
 * control, and both as variants. Documents do not come this way. Node only.
 */

export interface UsageOptions {
  readonly url: string
  readonly token: Sealed
  readonly appName: string
  readonly environment: string
  readonly instanceId: string
  readonly version: string
  /** Between two reports, in ms. */
  readonly intervalMs: number
  readonly clock: Clock
  readonly log: Log
}

/** unleash-client stops reporting for good after one 401 or 403: another one takes its place so many intervals later. */
const REST_INTERVALS = 5
/** Processes that start together do not report together: up to this part of an interval more. */
const JITTER = 0.1

/** Counts in memory, and reports every interval. Nothing waits for it, and what cannot be reported is lost, not kept. */
export function unleashUsage(options: UsageOptions): {
  count(use: FlagUse): void
  close(): Promise<void>
} {
  const { intervalMs, clock, log } = options
  let closed = false
  let resting: unknown = null
  let client = start()

  function start(): Unleash {
    const started = clientOf(options)
    started.on('error', (error: Error) => log.warn('usage of flags not reported', faultOf(error)))
    started.on('warn', (warning: unknown) => {
      if (started !== client || resting !== null) return
      log.warn('usage of flags not reported', faultOf(warning))
      if (!/stopping metrics/.test(String(warning))) return
      resting = clock.setTimer(() => {
        resting = null
        started.destroy()
        if (!closed) client = start()
      }, REST_INTERVALS * intervalMs)
    })
    return started
  }

  return {
    count({ flag, kill, arm, killed }) {
      client.count(flag, arm === 'canary')
      client.countVariant(flag, arm)
      client.count(kill, killed)
    },
    async close() {
      closed = true
      clock.clearTimer(resting)
      await client.destroyWithFlush().catch(() => undefined)
    },
  }
}

function clientOf(options: UsageOptions): Unleash {
  const { url, token, appName, environment, instanceId, version, intervalMs } = options
  return new Unleash({
    url,
    appName,
    environment,
    instanceId,
    metricsInterval: intervalMs,
    metricsJitter: Math.round(intervalMs * JITTER),
    customHeadersFunction: async () => ({ authorization: token.reveal() }),
    repository: new NoRepository(),
    skipInstanceCountWarning: true,
    sdkFlavor: 'headgate',
    sdkFlavorVersion: version,
  })
}

/** Documents are asked for elsewhere. */
class NoRepository extends EventEmitter {
  getToggle(): undefined {}
  getToggles(): [] {
    return []
  }
  getTogglesWithSegmentData(): [] {
    return []
  }
  getSegment(): undefined {}
  async start(): Promise<void> {}
  stop(): void {}
}

/** What the library says holds the URL, and never the token. */
function faultOf(said: unknown): { fault: string } {
  return { fault: said instanceof Error ? said.message : String(said) }
}
