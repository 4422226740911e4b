import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Candidate, type Surroundings, startBare, startHeadgate } from './candidates.ts'
import type { Sample } from './load.ts'
import { ask } from './processes.ts'
import type { Workload } from './workloads.ts'

/** Where the time of one candidate goes, by V8's sampler, once it is warm. */

/** Long enough for V8 to compile what is hot. */
const WARM_MS = 30_000
const WINDOW_MS = 10_000
const INTERVAL_US = 200
const FUNCTIONS = 60
const FILES = 30

/** What of a `.cpuprofile` is used (Chrome DevTools protocol, `Profiler.Profile`). */
interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
    }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** @param sampleOf puts one candidate under load */
export async function printProfiles(
  surroundings: Surroundings,
  name: 'headgate' | 'bare',
  workloads: readonly Workload[],
  sampleOf: (candidate: Candidate, workload: Workload, windowMs: number) => Promise<Sample>,
): Promise<void> {
  const nodeOptions = ['--import', join(import.meta.dirname, 'profile-preload.ts')]
  const start = name === 'bare' ? startBare : startHeadgate
  for (const workload of workloads) {
    const candidate = await start(surroundings, nodeOptions)
    await sampleOf(candidate, workload, WARM_MS)
    await ask(candidate.child, { profile: INTERVAL_US })
    const sample = await sampleOf(candidate, workload, WINDOW_MS)
    const profile = await ask<Profile>(candidate.child, { profile: 'stop' })
    await candidate.stop()
    const us = sample.cpuUsPerRequest.toFixed(1)
    console.log(`\n${name}, ${workload}: ${us} CPU µs a request while profiled\n`)
    console.log(tableOf(profile, sample))
  }
}

function tableOf(profile: Profile, sample: Sample): string {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const byFunction = new Map<string, number>()
  const byFile = new Map<string, number>()
  let busyUs = 0
  for (const [index, id] of profile.samples.entries()) {
    const frame = frames.get(id)
    const us = profile.timeDeltas[index] ?? 0
    if (frame === undefined || frame.functionName === '(idle)' || us < 0) continue
    busyUs += us
    const file = fileOf(frame.url)
    const where = frame.url === '' ? '' : `  ${file}:${frame.lineNumber + 1}`
    add(byFunction, `${frame.functionName || '(anonymous)'}${where}`, us)
    add(byFile, file, us)
  }
  // Parts of the whole are sound; times are those parts of what the kernel counted.
  const line = ([what, us]: [string, number]): string => {
    const part = us / busyUs
    return `${(part * 100).toFixed(1).padStart(5)} %  ${(part * sample.cpuUsPerRequest).toFixed(2).padStart(7)} µs  ${what}`
  }
  const top = (of: Map<string, number>, count: number): string =>
    [...of]
      .sort((a, b) => b[1] - a[1])
      .slice(0, count)
      .map(line)
      .join('\n')
  return `by file, self time\n${top(byFile, FILES)}\n\nby function, self time\n${top(byFunction, FUNCTIONS)}`
}

function add(to: Map<string, number>, key: string, us: number): void {
  to.set(key, (to.get(key) ?? 0) + us)
}

function fileOf(url: string): string {
  if (url === '') return '(native, gc, kernel)'
  return url.startsWith('file:') ? relative(process.cwd(), fileURLToPath(url)) : url
}
