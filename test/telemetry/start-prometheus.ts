import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../fakes/free-port.ts'

/** A real Prometheus that scrapes one target ten times a second. It ends with the test. */

export interface PromSeries {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

export interface Prometheus {
  /** An instant query. A scrape that a busy machine was late for leaves a gap: nothing is found in it. @throws with what Prometheus says when it is none */
  query(expression: string): Promise<readonly PromSeries[]>
  /** Asks until the answer is good. */
  until(
    expression: string,
    good: (series: readonly PromSeries[]) => boolean,
  ): Promise<readonly PromSeries[]>
  /** Trace ids of the exemplars of this series, once there are some. */
  exemplars(series: string): Promise<readonly string[]>
  /** What it says of its target: `up`, or what went wrong. */
  target(): Promise<{ readonly health: string; readonly lastError: string }>
  close(): Promise<void>
}

export interface PrometheusSetup {
  /** `HOST:PORT`. */
  readonly target: string
  readonly token: string
  /** Files of rules. */
  readonly rules?: readonly string[]
}

const BOOT_MS = 30_000

export async function startPrometheus(setup: PrometheusSetup): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-prometheus-'))
  const file = join(folder, 'prometheus.yml')
  writeFileSync(file, configOf(setup))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
      '--enable-feature=exemplar-storage',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', () => {
      reject(new Error('there is no prometheus: run node scripts/test-parts.ts'))
    })
  })
  failed.catch(() => {})
  const end = Date.now() + BOOT_MS
  while (!(await Promise.race([isReady(url), failed]))) {
    if (child.exitCode !== null || Date.now() > end) {
      throw new Error(`prometheus did not come up:\n${said}`)
    }
    await tick()
  }

  async function query(expression: string): Promise<readonly PromSeries[]> {
    const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`)
    const { status, data, error } = (await answer.json()) as {
      status: string
      error?: string
      data?: { result: { metric: Record<string, string>; value: [number, string] }[] }
    }
    if (status !== 'success' || data === undefined) throw new Error(`${expression}: ${error}`)
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
  }

  return {
    query,
    async until(expression, good) {
      for (;;) {
        const series = await query(expression)
        if (good(series)) return series
        await tick()
      }
    },
    async exemplars(series) {
      for (;;) {
        const to = Date.now() / 1_000
        const range = `query=${series}&start=${to - 600}&end=${to + 600}`
        const answer = await fetch(`${url}/api/v1/query_exemplars?${range}`)
        const { data } = (await answer.json()) as {
          data: { exemplars: { labels: { trace_id: string } }[] }[]
        }
        const ids = data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id))
        if (ids.length > 0) return ids
        await tick()
      }
    },
    async target() {
      for (;;) {
        const answer = await fetch(`${url}/api/v1/targets`)
        const { data } = (await answer.json()) as {
          data: { activeTargets: { health: string; lastError: string }[] }
        }
        const [first] = data.activeTargets
        // On a busy machine a scrape is not in time: that says nothing of its target.
        const late = first?.lastError.includes('context deadline exceeded') === true
        if (first !== undefined && first.health !== 'unknown' && !late) return first
        await tick()
      }
    },
    async close() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      rmSync(folder, { recursive: true })
    },
  }
}

function configOf({ target, token, rules = [] }: PrometheusSetup): string {
  return `global: { scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 100ms }
rule_files: ${JSON.stringify(rules)}
scrape_configs:
  - job_name: headgate
    metrics_path: /-/metrics
    authorization: { credentials: ${JSON.stringify(token)} }
    static_configs: [{ targets: [${JSON.stringify(target)}] }]
`
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok
  } catch {
    return false
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50))
}
