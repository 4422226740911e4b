import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** CPU time as the kernel accounts for it. Ticks are of `TICK_US` microseconds. */

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
export const TICK_US = 1_000_000 / TICKS_PER_SECOND

/** User and system time of these processes, all threads, in ticks (proc(5), `/proc/pid/stat`, fields 14 and 15). */
export function ticksOf(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name before it may hold blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks
}

export interface MachineTicks {
  /** Every process of this machine. */
  readonly busy: number
  /** Taken by other guests of the same host. */
  readonly steal: number
}

/** proc(5), `/proc/stat`. Interrupts are left out: they are ours, mostly, and are in no process's time. */
export function machineTicks(): MachineTicks {
  const fields = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]?.trim().split(/\s+/) ?? []
  const at = (index: number): number => Number(fields[index] ?? 0)
  return { busy: at(1) + at(2) + at(3), steal: at(8) }
}

/** The processes a process has started and that run still. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

/** The cores this process may run on. */
export function allowedCores(): number[] {
  const status = readFileSync('/proc/self/status', 'latin1')
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? ''
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}
