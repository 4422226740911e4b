import { expect, test } from 'vitest'
import { configOf, faultsOf, small } from './read.ts'

const of = (url: string): string =>
  small(`control: { token: { env: T }, traceUrl: ${JSON.stringify(url)} }`)

test.each([
  'https://jaeger.example/trace/{traceId}',
  'http://localhost:3000/explore?panes={"t":{"queries":[{"query":"{traceId}"}]}}&orgId=1',
])('%s is kept as it is written', (url) => {
  expect(configOf(of(url)).control?.traceUrl).toBe(url)
})

test.each([
  ['https://jaeger.example/trace/', 'must say {traceId} where the id of a trace goes'],
  [
    'javascript:alert("{traceId}")',
    'must be an http: or https: URL such as https://jaeger.example/trace/{traceId}',
  ],
  ['https://me:planted@jaeger.example/{traceId}', 'must not hold credentials: it is shown'],
])('%s is refused, and not quoted', (url, message) => {
  const faults = faultsOf(of(url)).map(String)
  expect(faults).toHaveLength(1)
  expect(faults[0]).toContain(`control.traceUrl ${message}`)
  expect(faults[0]).not.toContain('planted')
})
