import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import fc from 'fast-check'
import { PbfWriter } from 'pbf'
import { describe, expect, it } from 'vitest'
import type { SpanAttributes, SpanRecord } from '../../src/ports.ts'
import { readableSpanOf, type Source } from '../../src/telemetry/readable.ts'
import { writeSpan, writeSpansRequest } from '../../src/telemetry/span-bytes.ts'

/** OpenTelemetry's own serializer says what is right. */

const text = fc.string({ unit: 'grapheme', maxLength: 300 })
const value = fc.oneof(
  text,
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.array(text, { maxLength: 3 }),
)
const attributes: fc.Arbitrary<SpanAttributes> = fc
  .dictionary(text, value, { maxKeys: 40, noNullPrototype: true })
  .map((named) => Object.entries(named))
const idOf = (digits: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: digits / 2, maxLength: digits / 2 })
    .map((bytes) => Buffer.from(bytes).toString('hex'))
const [traceId, spanId] = [idOf(32), idOf(16)]
const at = fc.double({ min: 0, max: 4_102_444_800_000, noNaN: true })

const span: fc.Arbitrary<SpanRecord> = fc.record({
  name: text,
  kind: fc.constantFrom('server', 'client', 'internal'),
  traceId,
  spanId,
  parent: fc.option(fc.record({ spanId, remote: fc.boolean() })),
  startAt: at,
  endAt: at,
  attributes,
  failed: fc.boolean(),
  links: fc.array(fc.record({ traceId, spanId }), { maxLength: 2 }),
  events: fc.array(fc.record({ name: text, at, attributes }), { maxLength: 3 }),
})
const source: fc.Arbitrary<Source> = fc.record({
  resource: fc.record({
    attributes: attributes.map((pairs) => Object.fromEntries(pairs) as never),
  }),
  scope: fc.record({ name: text }),
})

function requestOf(spans: readonly SpanRecord[], from: Source): Uint8Array {
  const bytes = spans.map((each) => {
    const to = new PbfWriter()
    writeSpan(each, to)
    return to.finish()
  })
  const to = new PbfWriter()
  writeSpansRequest(bytes, from, to)
  return to.finish()
}

function expectedOf(spans: readonly SpanRecord[], from: Source): Uint8Array | undefined {
  return ProtobufTraceSerializer.serializeRequest(spans.map((each) => readableSpanOf(each, from)))
}

const SPAN: SpanRecord = {
  name: 'POST /v1/chat/completions',
  kind: 'server',
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parent: null,
  startAt: 1_764_277_475_123.456,
  endAt: 1_764_277_475_999,
  attributes: [],
  failed: false,
  links: [],
  events: [],
}
const SOURCE: Source = {
  resource: { attributes: { 'service.name': 'headgate' } },
  scope: { name: 'headgate' },
}

describe('spans as bytes', () => {
  it('are those of OpenTelemetry’s serializer, whatever they say', () => {
    const any = fc.array(span, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(any, source, (spans, from) => {
        expect(Buffer.from(requestOf(spans, from))).toEqual(
          Buffer.from(expectedOf(spans, from) ?? []),
        )
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['lengths of one byte and of two', 'x'.repeat(127), 'x'.repeat(128)],
    ['lengths of three', 'é'.repeat(9_000), 'x'.repeat(20_000)],
    ['numbers at the edges of their form', 0, -1, 127, 128, 2 ** 28, 2 ** 31, 2 ** 32, -(2 ** 53)],
    ['doubles', 0.1, -0.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY],
    ['characters of every plane', 'é', '猫', '😀', '𠀀', '\u{10ffff}'],
    ['half a pair of surrogates', '\ud83d', 'a\udc00b'],
  ])('are the same with %s', (_, ...values) => {
    const named = values.map((each, index) => [`a.${index}`, each] as const)
    const spans = [{ ...SPAN, attributes: named }]
    expect(Buffer.from(requestOf(spans, SOURCE))).toEqual(
      Buffer.from(expectedOf(spans, SOURCE) ?? []),
    )
  })
})
