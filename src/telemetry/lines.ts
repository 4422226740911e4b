import type { Log, LogRecord } from '../ports.ts'

/**
 * Log lines as JSON, one a line, in the words of `log.ts`, for where its library would be a twentieth of all there is. JSON
 * escapes control characters, so that nothing a caller or an upstream says can forge a line.
 */

const LEVELS = ['debug', 'info', 'warning', 'error'] as const
type Level = (typeof LEVELS)[number]

/** @param level the lowest level written; `HEADGATE_LOG_LEVEL`, by default `info` @param wallMs milliseconds since the epoch */
export function logLines(write: (line: string) => void, level: unknown, wallMs: () => number): Log {
  const lowest = lowestOf(level)
  const lineOf =
    (of: Level) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      if (LEVELS.indexOf(of) < lowest) return
      const at = new Date(wallMs()).toISOString()
      const line = { '@timestamp': at, level: words(of), message, logger: 'headgate' }
      write(JSON.stringify({ ...line, properties: fields }))
    }
  return { info: lineOf('info'), warn: lineOf('warning'), error: lineOf('error') }
}

/** Lines go to both, those for a backend by the same level. @param wallMs milliseconds since the epoch */
export function logToBoth(
  log: Log,
  also: (record: LogRecord) => void,
  level: unknown,
  wallMs: () => number,
): Log {
  const both =
    (of: LogRecord['level']): Log['info'] =>
    (message, fields = {}) => {
      log[of](message, fields)
      if (isWritten(of, level)) also({ at: wallMs(), level: of, message, fields })
    }
  return { info: both('info'), warn: both('warn'), error: both('error') }
}

/** @returns whether lines of this level are written @param level as `logLines` takes it */
function isWritten(of: LogRecord['level'], level: unknown): boolean {
  return LEVELS.indexOf(of === 'warn' ? 'warning' : of) >= lowestOf(level)
}

function lowestOf(level: unknown): number {
  const named = level === 'warn' ? 'warning' : level
  return Math.max(0, LEVELS.indexOf(LEVELS.find((one) => one === named) ?? 'info'))
}

function words(level: Level): string {
  return level === 'warning' ? 'WARN' : level.toUpperCase()
}
