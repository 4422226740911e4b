import { describe, expect, it } from 'vitest'
import {
  delayOf,
  endpointOf,
  exportersOf,
  headersOf,
  namesService,
  numberOf,
  protocolOf,
  resourceOf,
  timeoutOf,
  wantsLatestNames,
} from '../../src/telemetry/environment.ts'

const ENDPOINT = 'http://127.0.0.1:4318'

describe('what the environment asks for', () => {
  it.each([
    ['nothing', {}, [], []],
    ['an endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, ['otlp'], ['otlp']],
    ['an empty endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, [], []],
    ['one for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ENDPOINT }, ['otlp'], []],
    ['one for metrics', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: ENDPOINT }, [], ['otlp']],
    ['exporters by name', { OTEL_TRACES_EXPORTER: 'otlp, console' }, ['otlp', 'console'], []],
    [
      'none of one signal',
      { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_METRICS_EXPORTER: 'none' },
      ['otlp'],
      [],
    ],
    ['no SDK', { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, [], []],
  ])('%s', (_, env, traces, metrics) => {
    expect(exportersOf(env, 'TRACES')).toEqual(traces)
    expect(exportersOf(env, 'METRICS')).toEqual(metrics)
  })

  it('of a protocol is the signal’s own, else the general, else protobuf', () => {
    const general = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }
    const own = { ...general, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' }
    expect(protocolOf({}, 'TRACES')).toBe('http/protobuf')
    expect(protocolOf(own, 'TRACES')).toBe('http/json')
    expect(protocolOf(own, 'METRICS')).toBe('grpc')
  })

  it.each(['', 'x', '0', '-1', 'Infinity'])(
    'of a number is the default where it says %j',
    (text) => {
      expect(numberOf({ SIZE: text }, 'SIZE', 7)).toBe(7)
      expect(numberOf({ SIZE: ' 12 ' }, 'SIZE', 7)).toBe(12)
    },
  )

  it.each([
    ['0', 0],
    [' 12 ', 12],
    ['', 7],
    ['x', 7],
    ['-1', 7],
  ])('of a delay that says %j is %j', (text, delay) => {
    expect(delayOf({ DELAY: text }, 'DELAY', 7)).toBe(delay)
  })

  it('of names is a word among others', () => {
    const words = 'http/dup, gen_ai_latest_experimental'
    expect(wantsLatestNames({ OTEL_SEMCONV_STABILITY_OPT_IN: words })).toBe(true)
    expect(wantsLatestNames({ OTEL_SEMCONV_STABILITY_OPT_IN: 'http' })).toBe(false)
  })

  it.each([
    [{}, false],
    [{ OTEL_SERVICE_NAME: 'gate' }, true],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'a=b, service.name=gate' }, true],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'service.name.more=gate' }, false],
  ])('of a service’s name: %o', (env, named) => {
    expect(namesService(env)).toBe(named)
  })

  it('of an address: the common one gets a path, a signal’s own is as it is', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `${ENDPOINT}/` }
    expect(endpointOf(env, 'LOGS')).toBe(`${ENDPOINT}/v1/logs`)
    expect(
      endpointOf({ ...env, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://x/t' }, 'TRACES'),
    ).toBe('https://x/t')
    expect(endpointOf({}, 'METRICS')).toBe('http://localhost:4318/v1/metrics')
  })

  it('of header fields: decoded, a signal’s own go before, and what is no pair is none', () => {
    const env = {
      OTEL_EXPORTER_OTLP_HEADERS:
        'Authorization=Bearer%20a%3Db, x-tenant = one,,=x,broken,bad=%E0%A4%A',
      OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'x-tenant=two=2',
    }
    expect(headersOf(env, 'LOGS')).toEqual({ authorization: 'Bearer a=b', 'x-tenant': 'two=2' })
  })

  it('of a resource: the name that is given by itself goes first', () => {
    const env = { OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,team=b%20c' }
    expect(resourceOf({})).toEqual({ 'service.name': 'headgate' })
    expect(resourceOf(env)).toEqual({ 'service.name': 'a', team: 'b c' })
    expect(resourceOf({ ...env, OTEL_SERVICE_NAME: 'd' })).toMatchObject({ 'service.name': 'd' })
  })

  it('of time: a signal’s own before the common one before ten seconds', () => {
    const env = { OTEL_EXPORTER_OTLP_TIMEOUT: '5', OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: '7' }
    expect([timeoutOf({}, 'LOGS'), timeoutOf(env, 'TRACES'), timeoutOf(env, 'LOGS')]).toEqual([
      10_000, 5, 7,
    ])
  })
})
