import { stripVTControlCharacters } from 'node:util'
import type { Context } from './command.ts'

/** A page that is drawn again in place, on a terminal's other screen. */

const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const HOME = '\x1b[H'
const CLEAR_LINE = '\x1b[K'
const CLEAR_REST = '\x1b[J'

export interface Screen {
  /** In place of what was there; what does not fit is cut. */
  draw(lines: readonly string[]): void
  readonly columns: number
  readonly rows: number
  /** Called whenever the terminal has another size. */
  onResize(listener: () => void): void
  /** Back to the screen before. */
  leave(): void
}

/** Null where nothing can be drawn in place: then it is one line a change. */
export function screenOf({ stdout, env, output }: Context): Screen | null {
  if (output.json || stdout.isTTY !== true || env['TERM'] === 'dumb') return null
  stdout.write(ENTER)
  const listeners: (() => void)[] = []
  return {
    get columns() {
      return stdout.columns ?? 80
    },
    get rows() {
      return stdout.rows ?? 24
    },
    onResize(listener) {
      listeners.push(listener)
      stdout.on('resize', listener)
    },
    draw(lines) {
      const { columns = 80, rows = 24 } = stdout
      const shown = lines.slice(0, rows).map((line) => `${cut(line, columns)}${CLEAR_LINE}`)
      stdout.write(`${HOME}${shown.join('\r\n')}${CLEAR_REST}`)
    },
    leave() {
      for (const listener of listeners) stdout.off('resize', listener)
      stdout.write(LEAVE)
    },
  }
}

/** A line that is too long loses its colours with its end. */
function cut(line: string, columns: number): string {
  const bare = stripVTControlCharacters(line)
  return bare.length <= columns ? line : bare.slice(0, columns)
}
