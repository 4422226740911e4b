import { configureSync, getJsonLinesFormatter, getLogger, type LogLevel } from '@logtape/logtape'
import type { Log } from '../ports.ts'

/**
 * Log lines as JSON, one a line: control characters are escaped by the format, so that nothing a caller or an upstream
 * says can forge a line. A process sets it up once.
 * @param level the lowest level written; `HEADGATE_LOG_LEVEL`, by default `info`
 */
export function logTo(write: (line: string) => void, level: string | undefined): Log {
  const format = getJsonLinesFormatter()
  configureSync({
    reset: true,
    sinks: { out: (record) => write(escaped(format(record))) },
    loggers: [
      { category: 'headgate', lowestLevel: levelOf(level), sinks: ['out'] },
      { category: ['logtape', 'meta'], lowestLevel: 'error', sinks: ['out'] },
    ],
  })
  const logger = getLogger('headgate')
  return {
    info: (message, fields) => logger.info(message, { ...fields }),
    warn: (message, fields) => logger.warn(message, { ...fields }),
    error: (message, fields) => logger.error(message, { ...fields }),
  }
}

/** JSON lets DEL, the C1 controls and the line ends of Unicode stand: terminals and readers of lines do not. */
const CONTROLS = /[\u007f-\u009f\u2028\u2029]/g

function escaped(line: string): string {
  return line.replace(
    CONTROLS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function levelOf(level: string | undefined): LogLevel {
  switch (level) {
    case 'debug':
    case 'warning':
    case 'error':
      return level
    case 'warn':
      return 'warning'
    default:
      return 'info'
  }
}
