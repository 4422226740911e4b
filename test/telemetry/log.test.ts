import { expect, it } from 'vitest'
import { logTo } from '../../src/telemetry/log.ts'
import { isWellMade, NAUGHTY } from './naughty.ts'

it.each(NAUGHTY)('H5: %j is a value in one line, and comes back as it was', (text) => {
  const lines: string[] = []
  const log = logTo((line) => lines.push(line), undefined)
  log.warn('said', { text, nested: { list: [text] }, [text]: 1 })

  expect(lines).toHaveLength(1)
  const line = lines[0] ?? ''
  expect(line.endsWith('\n')).toBe(true)
  expect(isWellMade(line.slice(0, -1))).toBe(true)
  const { message, level, properties } = JSON.parse(line)
  expect({ message, level }).toEqual({ message: 'said', level: 'WARN' })
  expect(properties).toEqual({ text, nested: { list: [text] }, [text]: 1 })
})
