import { expect, it } from 'vitest'
import { endpointOf } from '../../src/proxy/endpoint.ts'
import { isSame, nameOf, type RowKey } from '../../src/telemetry/row-key.ts'

const KEY: RowKey = {
  method: 'POST',
  endpoint: endpointOf('POST', '/v1/chat/completions', false),
  answered: 200,
  rollout: 'relay',
  arm: 'control',
  assigned: 'control',
  reason: 'split',
  upstream: 'official',
  status: 200,
  outcome: 'ok',
  asked: 'gpt-5.2',
  modelAnswered: 'gpt-5.2-2026-01-01',
}

const OTHER: RowKey = {
  method: 'GET',
  endpoint: endpointOf('POST', '/v1/messages', false),
  answered: null,
  rollout: undefined,
  arm: 'canary',
  assigned: 'canary',
  reason: 'forced',
  upstream: 'relay',
  status: 500,
  outcome: 'upstream_error',
  asked: null,
  modelAnswered: null,
}

it.each(Object.keys(KEY) as (keyof RowKey)[])('tells keys apart by their %s', (field) => {
  const other = { ...KEY, [field]: OTHER[field] }
  expect(isSame(KEY, { ...KEY })).toBe(true)
  expect(isSame(KEY, other)).toBe(false)
  expect(nameOf(KEY)).toBe(nameOf({ ...KEY }))
  expect(nameOf(KEY)).not.toBe(nameOf(other))
})
