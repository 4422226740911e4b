// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config file's own ${…}, as text.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { schemaText } from '../../scripts/schema.ts'
import { configText, TEMPLATES } from '../../src/cli/starter.ts'
import { bytes, duration, margin, percent, timeout } from '../../src/config/schema/values.ts'
import { PRODUCT, small } from './read.ts'

describe('what is written with a unit', () => {
  const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
  const unit = fc.constantFrom(...(Object.keys(UNITS) as (keyof typeof UNITS)[]))

  test('a duration is its number of whole milliseconds', () => {
    fc.assert(
      fc.property(fc.nat(366), unit, (count, name) => {
        expect(duration.parse(`${count}${name}`)).toBe(count * UNITS[name])
        expect(duration.parse(`${count}.0${name}`)).toBe(count * UNITS[name])
      }),
    )
    expect(duration.parse('1.5s')).toBe(1_500)
    expect(duration.parse('0.1s')).toBe(100)
    expect(Number.isInteger(duration.parse('1.1m'))).toBe(true)
  })

  test.each(['', '1', 's', '1 s', '-1s', '1S', '1w', '.5s', '1.s', '1e3s', '1s ', '1s2ms'])(
    '%j is no duration',
    (text) => {
      expect(duration.safeParse(text).success).toBe(false)
    },
  )

  test('a duration has an end, and a timer a nearer one', () => {
    expect(duration.safeParse('366d').success).toBe(true)
    expect(duration.safeParse('367d').success).toBe(false)
    expect(duration.safeParse(`${'9'.repeat(400)}d`).success).toBe(false)
    expect(['1ms', '24h', '0.6ms'].map((text) => timeout.safeParse(text).success)).toEqual(
      Array(3).fill(true),
    )
    expect(['0s', '0.4ms', '25h'].map((text) => timeout.safeParse(text).success)).toEqual(
      Array(3).fill(false),
    )
  })

  test('a percentage is its basis points, for each of the 10,001', () => {
    for (let bp = 0; bp <= 10_000; bp++) {
      const exact = percent.parse(`${(bp / 100).toFixed(2)}%`)
      const short = percent.parse(`${bp / 100}%`)
      if (exact !== bp || short !== bp) expect([exact, short]).toEqual([bp, bp])
    }
  })

  test.each(['100.01%', '101%', '120%', '-1%', '0.001%', '1', '1 %', '1e1%', '%', '1pp'])(
    '%j is no percentage',
    (text) => {
      expect(percent.safeParse(text).success).toBe(false)
    },
  )

  test('a size is its bytes', () => {
    const sizes = ['1B', '2KB', '3MB', '4KiB', '5MiB'].map((text) => bytes.parse(text))
    expect(sizes).toEqual([1, 2_000, 3_000_000, 4_096, 5_242_880])
    expect(bytes.safeParse('1.5MB').success).toBe(false)
    expect(bytes.safeParse('2000000MB').success).toBe(false)
  })

  test('a margin is absolute or relative, and stays as written', () => {
    expect(['0.1pp', '10%', '0pp'].map((text) => margin.parse(text))).toEqual([
      '0.1pp',
      '10%',
      '0pp',
    ])
    expect(margin.safeParse('0.1').success).toBe(false)
  })
})

describe('the JSON Schema', () => {
  const file = join(import.meta.dirname, '../../schema/headgate.v1.json')
  const json = JSON.parse(schemaText())
  const schema = z.fromJSONSchema(json)
  const accepts = (text: string) => schema.safeParse(parse(text)).success

  test('is draft 7, and the file in the tree is the one the code makes', () => {
    expect(json.$schema).toBe('http://json-schema.org/draft-07/schema#')
    expect(readFileSync(file, 'utf8')).toBe(schemaText())
  })

  test('takes the example of the product page, and what init writes', () => {
    expect(accepts(PRODUCT)).toBe(true)
    const answers = {
      official: 'both' as const,
      relayUrl: 'https://relay.example/v1',
      models: [{ asked: 'a', there: 'b' }],
    }
    for (const template of TEMPLATES) {
      const place = { template, schemaPath: './schema/headgate.v1.json' }
      expect(accepts(configText(answers, { ...place, callerSha256: 'a'.repeat(64) }))).toBe(true)
    }
  })

  test('takes a variable where a number, a boolean or a duration belongs', () => {
    const text = small('server: { port: "${P}", open: "${O:-true}", drainTimeout: "${D}" }')
    expect(accepts(text)).toBe(true)
    expect(accepts(small('server: { port: "80a" }'))).toBe(false)
  })

  test.each([
    ['an unknown key', small('sever: {}')],
    ['a number beyond its bound', small('server: { port: 70000 }')],
    ['a literal secret', small().replace('{ env: RELAY_API_KEY }', 'hunter2')],
    ['a secret from a variable', small().replace('{ env: RELAY_API_KEY }', '"${RELAY_API_KEY}"')],
    ['a word that is not on the list', small().replace('"/v1/chat/completions"', '"/v1/chat"')],
    ['a missing key', small().replace('control: official, ', '')],
  ])('refuses %s', (_, text) => {
    expect(accepts(text)).toBe(false)
  })

  test('has a default in the words of the file, not in milliseconds', () => {
    expect(json.properties.server.properties.drainTimeout.default).toBe('30s')
  })

  describe('its check', () => {
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [join(import.meta.dirname, '../../scripts/schema.ts'), ...args], {
        encoding: 'utf8',
      })

    test('passes on what is in the tree', () => {
      const { status, stdout } = run('--check')
      expect([status, stdout]).toEqual([0, 'schema: up to date\n'])
    })

    test('fails on a file that differs or is not there, says how to mend it, and writes nothing', () => {
      const folder = mkdtempSync(join(tmpdir(), 'headgate-schema-'))
      const other = join(folder, 'other.json')
      for (const before of [null, schemaText().replace('8787', '8788')]) {
        if (before !== null) writeFileSync(other, before)
        const { status, stdout, stderr } = run('--check', other)
        expect([status, stdout]).toEqual([1, `schema: ${other} is not what the code makes\n`])
        expect(stderr).toContain('npm run schema')
        expect(existsSync(other) ? readFileSync(other, 'utf8') : null).toBe(before)
      }
      expect(run(other).status).toBe(0)
      expect(run('--check', other).status).toBe(0)
    })
  })
})
