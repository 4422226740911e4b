import type { Context } from './command.ts'
import { spanText } from './format.ts'

/** How far it is: one line that is drawn again, on a terminal; a line each tenth elsewhere. On stderr, since it is no answer. */

export interface Progress {
  /** One more is done. */
  step(): void
  /** Leaves the line behind. */
  end(): void
}

const WIDTH = 20

/** @param done how many were done before: they say nothing of how long the rest takes */
export function progressOf(
  { stderr, env, output }: Context,
  label: string,
  total: number,
  done: number,
): Progress {
  const drawn = stderr.isTTY === true && env['TERM'] !== 'dumb' && !output.json
  const startedAtMs = performance.now()
  let count = done
  let tenth = Math.floor((done / total) * 10)
  const draw = (): void => {
    const part = total === 0 ? 1 : count / total
    const bar = '#'.repeat(Math.round(part * WIDTH)).padEnd(WIDTH, '.')
    const each = (performance.now() - startedAtMs) / Math.max(1, count - done)
    const left =
      count === total || count === done ? '' : `, about ${spanText(each * (total - count))} left`
    stderr.write(`\r\x1b[K${label} [${bar}] ${count} of ${total}${left}`)
  }
  if (drawn) draw()
  return {
    step() {
      count++
      if (drawn) return draw()
      const now = Math.floor((count / total) * 10)
      if (now > tenth) output.say(`${label} ${count} of ${total}`)
      tenth = now
    },
    end() {
      if (drawn) stderr.write('\r\x1b[K')
    },
  }
}
