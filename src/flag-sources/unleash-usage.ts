import { EventEmitter } from 'node:events'
import { Unleash } from 'unleash-client'
import { getDefaultAgent } from 'unleash-client/lib/request.js'
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

/**
 * unleash-client stops reporting for good after a 401 or 403, and without a word after a status that it does not expect. When
 * nothing came of what was counted for so many intervals, its longest wait between two tries, another one takes its place.
 */
const SILENT_INTERVALS = 12
/** Processes that start together do not report together: up to this part of an interval more. */
const JITTER = 0.1

/** How long one report may take. The last one is waited for at the end of the process. */
const REPORT_MS = 5_000

/** Counts in memory, and reports every interval. Nothing waits for it, and what cannot be reported is lost, not kept. */
export function unleashUsage(options: UsageOptions): {
  count(use: FlagUse): void
  close(): Promise<void>
} {
  const { intervalMs, clock, log } = options
  let client = start()
  let watch: unknown = null
  /** Something was counted, and no report has gone out since. */
  let waits = false
  let heardMs = clock.monotonicMs()
  /** What the library said last. It may name the URL, and never the token. */
  let fault: string | null = null
  lookAgain()

  function start(): Unleash {
    const started = clientOf(options)
    started.on('sent', () => {
      waits = false
      fault = null
      heardMs = clock.monotonicMs()
    })
    started.on('error', note)
    started.on('warn', note)
    return started
  }

  /** Each distinct fault once. */
  function note(said: unknown): void {
    const words = said instanceof Error ? said.message : String(said)
    if (words !== fault) log.warn('usage of flags not reported', { fault: words })
    fault = words
  }

  function lookAgain(): void {
    watch = clock.setTimer(() => {
      const silentMs = clock.monotonicMs() - heardMs
      if (waits && silentMs >= SILENT_INTERVALS * intervalMs) {
        client.destroy()
        client = start()
        heardMs = clock.monotonicMs()
      }
      lookAgain()
    }, intervalMs)
  }

  return {
    count({ flag, kill, arm, killed }) {
      if (!waits) {
        waits = true
        heardMs = clock.monotonicMs()
      }
      client.count(flag, arm === 'canary')
      client.countVariant(flag, arm)
      client.count(kill, killed)
    },
    async close() {
      clock.clearTimer(watch)
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
    timeout: REPORT_MS,
    httpOptions: { agent: (asked: URL) => agentOf(asked, new URL(url).origin) },
    customHeadersFunction: async () => ({ authorization: token.reveal() }),
    repository: new NoRepository(),
    skipInstanceCountWarning: true,
    sdkFlavor: 'headgate',
    sdkFlavorVersion: version,
  })
}

/** unleash-client follows redirects, and takes the token along to any port and scheme of the same host. */
function agentOf(asked: URL, origin: string): ReturnType<typeof getDefaultAgent> {
  if (asked.origin === origin) return getDefaultAgent(asked)
  throw new Error('answered a redirect to another origin: redirects are not followed')
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
