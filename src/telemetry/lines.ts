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

/** @returns whether lines of this level are written @param level as `logLines` takes it */
export function isWritten(of: LogRecord['level'], level: unknown): boolean {
  return LEVELS.indexOf(of === 'warn' ? 'warning' : of) >= lowestOf(level)
}

function lowestOf(level: unknown): number {
  const named = level === 'warn' ? 'warning' : level
  return Math.max(0, LEVELS.indexOf(LEVELS.find((one) => one === named) ?? 'info'))
}

function words(level: Level): string {
  return level === 'warning' ? 'WARN' : level.toUpperCase()
}
