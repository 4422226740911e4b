import { describe, expect, test } from 'vitest'
import { applyOverrides } from '../../src/config/overrides.ts'
import { configOf, small } from './read.ts'

const bare = configOf(small())
const controlled = configOf(small('control: { port: 9100, token: { env: MY_TOKEN } }'))

describe('ports', () => {
  test('the environment wins over the file', () => {
    const { config, faults } = applyOverrides(controlled, {
      HEADGATE_PORT: '9001',
      HEADGATE_CONTROL_PORT: '0',
    })
    expect(faults).toEqual([])
    expect([config.server.port, config.control?.port]).toEqual([9001, 0])
    expect([controlled.server.port, controlled.control?.port]).toEqual([8787, 9100])
  })

  test('unset and empty change nothing', () => {
    expect(applyOverrides(controlled, { HEADGATE_PORT: '' }).config).toEqual(controlled)
  })

  test.each(['-1', '65536', '80a', '8080.5', '0x50', ' 80', '1e3'])('%j is a fault', (port) => {
    for (const [variable, plane] of [
      ['HEADGATE_PORT', 'server'],
      ['HEADGATE_CONTROL_PORT', 'control'],
    ] as const) {
      const { faults, config } = applyOverrides(controlled, { [variable]: port })
      expect(faults).toEqual([
        {
          path: [plane, 'port'],
          message: `comes from ${variable}, which must be a whole number in 0..65535, got ${JSON.stringify(port)}`,
          suggestion: `unset ${variable}, or set it to a port`,
        },
      ])
      expect(config.server.port).toBe(8787)
    }
  })

  test('what Kubernetes sets for a service of that name is explained', () => {
    const { faults } = applyOverrides(bare, { HEADGATE_PORT: 'tcp://10.0.0.1:8787' })
    expect(faults[0]?.suggestion).toContain('enableServiceLinks: false')
  })

  test('both planes on one port are a fault, on port 0 or on other hosts they are not', () => {
    const both = (env: Record<string, string>, control = '{}') =>
      applyOverrides(configOf(small(`control: ${control}`)), env).faults
    expect(both({ HEADGATE_PORT: '8788' })).toEqual([
      { path: ['control', 'port'], message: 'must differ from server.port, got 8788 for both' },
    ])
    expect(both({ HEADGATE_CONTROL_PORT: '8787' }, '{ host: 0.0.0.0 }')).toHaveLength(1)
    expect(both({ HEADGATE_CONTROL_PORT: '8787' }, '{ host: 127.0.0.2 }')).toEqual([])
    expect(both({ HEADGATE_PORT: '0', HEADGATE_CONTROL_PORT: '0' })).toEqual([])
  })
})

describe('the control plane', () => {
  test('without control in the file it is on where HEADGATE_TOKEN is set', () => {
    expect(applyOverrides(bare, { HEADGATE_TOKEN: 't' }).config.control).toEqual({
      host: '127.0.0.1',
      port: 8788,
      token: { env: 'HEADGATE_TOKEN' },
    })
    const ported = applyOverrides(bare, { HEADGATE_TOKEN: 't', HEADGATE_CONTROL_PORT: '9100' })
    expect(ported.config.control?.port).toBe(9100)
  })

  test.each([{}, { HEADGATE_TOKEN: '' }])('with %j it is off', (env) => {
    expect(applyOverrides(bare, env)).toEqual({ config: bare, faults: [], notes: [] })
  })

  test('a port for a control plane that is off is noted', () => {
    const { notes, faults } = applyOverrides(bare, { HEADGATE_CONTROL_PORT: '9100' })
    expect(faults).toEqual([])
    expect(notes).toHaveLength(1)
  })

  test('control in the file keeps its own token', () => {
    const { config } = applyOverrides(controlled, { HEADGATE_TOKEN: 't' })
    expect(config.control?.token).toEqual({ env: 'MY_TOKEN' })
  })
})
