import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDocument } from '../../src/flag/document.ts'
import { killedBy, ruleOf } from '../../src/flag/evaluate.ts'
import { handle } from '../../src/proxy/handle.ts'
import { PRODUCT, read, small } from '../config/read.ts'
import { TALKING } from '../fakes/asks.ts'
import { bench, MemoryCaller, settled } from '../proxy/memory.ts'
import { expectDialect } from './talk.ts'

/** The request path and the two documents under what nobody would write, in memory, from one seed. */

const SEED = 20_261_126
const runs = (numRuns: number) => ({ numRuns, seed: SEED })

const CANONICAL = /^\/v1(\/[A-Za-z0-9\-._~!$&'()*+,=:@%]+)*\/?(\?[!-~]*)?$/
const NOT_SECOND = /%(2[eEfF5]|5[cC]|3[bB]|[01]|7[fF])|\/\.{1,2}(\/|\?|$)|\/\//

const piece = fc.constantFrom(
  ...[
    '/',
    '//',
    '\\',
    '.',
    '..',
    '%2e',
    '%2f',
    '%5c',
    '%00',
    '%25',
    '%',
    ';',
    ':',
    '@',
    '?',
    '#',
    '&',
    '=',
  ],
  ...[
    'v1',
    'V1',
    'chat',
    'completions',
    'messages',
    'models',
    'http:',
    'evil.example',
    '\u0000',
    '\r\n',
    ' ',
    'é',
    '用',
  ],
)
const target = fc.oneof(
  fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
  fc.array(piece, { maxLength: 8 }).map((parts) => `/v1/${parts.join('')}`),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => `/v1/${text}`),
)

const name = fc.oneof(
  fc.constantFrom(
    ...[
      'authorization',
      'Authorization',
      'x-api-key',
      'connection',
      'Connection',
      'host',
      'content-length',
    ],
    ...[
      'transfer-encoding',
      'te',
      'expect',
      'cookie',
      'x-headgate-arm',
      'x-headgate-unit',
      'x-headgate-class',
    ],
    ...[
      'content-encoding',
      'accept-encoding',
      'upgrade',
      'anthropic-version',
      'x_api_key',
      'proxy-authorization',
      'x',
    ],
  ),
  fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}$/),
)
const value = fc.oneof(
  fc.constantFrom(
    '',
    'authorization',
    'close',
    'keep-alive, authorization',
    'Bearer x',
    'canary',
    'gzip',
    'identity',
    '0',
    '-1',
  ),
  fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,24}$/),
)
const fields = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((pairs) => pairs.flat())

const json = fc.oneof(
  fc.json(),
  fc.json().map((text) => `{"model":"m","messages":[],"x":${text}}`),
)
const body = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  json.map((text) => Buffer.from(text)),
  fc.tuple(json, fc.nat(), fc.uint8Array({ maxLength: 3 })).map(([text, at, bytes]) => {
    const whole = Buffer.from(text)
    const cut = whole.length === 0 ? 0 : at % whole.length
    return Buffer.concat([whole.subarray(0, cut), bytes, whole.subarray(cut + 1)])
  }),
)

const method = fc.constantFrom(
  'POST',
  'POST',
  'POST',
  'GET',
  'HEAD',
  'PUT',
  'DELETE',
  'OPTIONS',
  'FOO',
  'get',
  '',
)

const relay = { auth: { bearer: { env: 'RELAY' } } }

describe('the request path, fuzzed', () => {
  it('C1, B14: any target, method and fields are refused in the dialect, or go out on a canonical path with one key', async () => {
    await fc.assert(
      fc.asyncProperty(target, method, fields, fc.boolean(), async (path, verb, raw, canary) => {
        const { gate, calls } = bench({ canary, relay })
        const caller = new MemoryCaller(path, { model: 'm', messages: [] }, raw, verb)
        const handled = handle(caller, gate)
        await settled()
        if (calls.length === 0) {
          await handled
          expect(caller.status).toBeGreaterThanOrEqual(400)
          expect(caller.status).toBeLessThan(500)
          const anthropic = caller.text.startsWith('{"type"')
          const [chat, , messages] = TALKING
          expectDialect((anthropic ? messages : chat) as (typeof TALKING)[number], caller.text)
          return
        }
        const [call] = calls
        expect(call?.request.path).toMatch(CANONICAL)
        expect(call?.request.path.split('?')[0]).not.toMatch(NOT_SECOND)
        expect(['https://official.test', 'https://relay.test']).toContain(call?.to.origin)
        const headers = call?.request.headers ?? []
        const names = headers.filter((_, at) => at % 2 === 0)
        for (const gone of [
          'host',
          'connection',
          'transfer-encoding',
          'te',
          'expect',
          'cookie',
          'upgrade',
          'x-api-key',
          'x_api_key',
        ]) {
          expect(names).not.toContain(gone)
        }
        expect(names.filter((each) => each.startsWith('x-headgate-'))).toEqual([])
        const keys = names.filter((each) => each === 'authorization').length
        expect(keys).toBe(call?.arm === 'canary' ? 1 : 0)
        caller.leave()
        await handled
      }),
      runs(500),
    )
  })

  it('B8: any body is refused in the dialect, or goes out byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.constantFrom(...TALKING), async (bytes, endpoint) => {
        const { gate, calls } = bench({ canary: true, relay: { usage: { ask: false } } })
        const caller = new MemoryCaller(endpoint.path, bytes, [])
        const handled = handle(caller, gate)
        await settled()
        const [call] = calls
        if (call === undefined) {
          await handled
          expect(caller.status).toBe(400)
          expectDialect(endpoint, caller.text)
          expect(() => {
            const read: unknown = JSON.parse(bytes.toString())
            if (typeof read === 'object' && read !== null && !Array.isArray(read)) return
            throw new Error('no object')
          }).toThrow()
          return
        }
        expect(Buffer.from(call.request.body as Uint8Array).equals(bytes)).toBe(true)
        caller.leave()
        await handled
      }),
      runs(500),
    )
  })

  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom(
        ...[
          '\n',
          '\r',
          '\r\n',
          '\n\n',
          'data:',
          'data: ',
          ': x\n\n',
          'event: error\n',
          'data: [DONE]\n\n',
          '\ufeff',
          '\0',
        ],
        ...[
          'data: {"choices":[{"delta":{"content":"x"}}]}\n\n',
          'data: {"error":{"message":"x"}}\n\n',
          'data: null\n\n',
        ],
        ...[
          'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
          'data: {"usage":{"prompt_tokens":-1}}\n\n',
        ],
        ...[
          'event: message_stop\ndata: {"type":"message_stop"}\n\n',
          'data: {"type":"response.completed"}\n\n',
        ],
        ...[
          'data: {"type":"content_block_delta","delta":{"text":"x"}}\n\n',
          'data: {"choices":7}\n\n',
          'data: [[]]\n\n',
        ],
      )
      .map((text) => Buffer.from(text)),
  )
  const ending = fc.constantFrom('end', 'error', 'leave', 'time')

  it.each([false, true])(
    'A9: any stream, ended in any way, is passed on in its own bytes and comes to one end (canary: %s)',
    async (canary) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(frame, { maxLength: 14 }),
          ending,
          fc.constantFrom(...TALKING),
          async (chunks, how, endpoint) => {
            const upstream = { usage: { ask: false } }
            const { gate, calls, clock, observations } = bench({
              canary,
              relay: upstream,
            })
            const caller = new MemoryCaller(
              endpoint.path,
              endpoint.body({ stream: true, stream_options: { include_usage: true } }),
            )
            const handled = handle(caller, gate)
            await settled()
            const [call] = calls
            if (call === undefined) throw new Error('nobody was asked')
            const { handler } = call
            handler.onRequestStart(call)
            handler.onResponseStart(call, 200, { 'content-type': 'text/event-stream' })
            for (const chunk of chunks) handler.onResponseData(call, chunk)
            if (how === 'end') handler.onResponseEnd(call)
            else if (how === 'error') handler.onResponseError(call, new Error('reset'))
            else if (how === 'leave') caller.leave()
            else clock.advance(3_600_000)
            await settled()
            const [, second] = calls
            second?.accept()
            second?.fail(new Error('reset'))
            await handled
            expect(observations).toHaveLength(calls.length)
            expect(clock.pending).toBe(0)
            const sent = Buffer.concat(chunks)
            const got = Buffer.concat(caller.chunks)
            if (caller.status === 200) {
              const shared = Math.min(sent.length, got.length)
              expect(got.subarray(0, shared).equals(sent.subarray(0, shared))).toBe(true)
              // What comes behind is the error event, and nothing that looks like a good end.
              expect(got.subarray(shared).toString()).not.toMatch(
                /\[DONE\]|message_stop|response\.completed/,
              )
            } else if (caller.status !== null) {
              expectDialect(endpoint, caller.text)
            }
            if (how !== 'leave') expect(caller.ended).not.toBeNull()
          },
        ),
        runs(250),
      )
    },
  )
})

describe('the documents, fuzzed', () => {
  const yaml = fc.constantFrom(
    ...[
      '\n',
      ' ',
      '  ',
      '\t',
      ':',
      ': ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      "'",
      '|',
      '>',
      '&a',
      '*a',
      '!!js/function',
      '#',
    ],
    ...[
      '<<: *a',
      '---',
      '...',
      '%YAML 9.9',
      '? ',
      '~',
      'null',
      '1e999',
      '-0',
      '.nan',
      '0x7f',
      '\u0024{X}',
      '\u0024{X:-',
      '\u0024{',
      '\u0024\u0024',
    ],
    ...[
      '__proto__: {a: 1}',
      'constructor: 1',
      'version: 2',
      'upstreams:',
      'rollouts: 7',
      'flags: []',
      '\u0000',
      '\ufeff',
      '用',
    ],
  )

  /** Takes a piece of a good text out and puts others in. */
  const broken = (text: string) =>
    fc
      .tuple(fc.nat(text.length), fc.nat(30), fc.array(yaml, { maxLength: 4 }))
      .map(([at, length, parts]) => text.slice(0, at) + parts.join('') + text.slice(at + length))

  it('C11: any configuration is read, or refused with faults that have a place; none throws or pollutes', () => {
    fc.assert(
      fc.property(
        fc.oneof(broken(small()), broken(PRODUCT), fc.string({ maxLength: 60 })),
        (text) => {
          const parsed = read(text, { X: 'x' })
          if (!parsed.ok) {
            expect(parsed.faults.length).toBeGreaterThan(0)
            for (const fault of parsed.faults)
              expect(String(fault)).toMatch(/^headgate\.yaml(:\d+:\d+)? /)
          }
          expect(({} as { a?: unknown }).a).toBeUndefined()
        },
      ),
      runs(300),
    )
  })

  it('C11: an alias bomb is a fault, and quick', () => {
    const lines = ['version: 1', 'a: &a [x,x,x,x,x,x,x,x,x]']
    for (let at = 1; at < 12; at++) {
      const before = String.fromCharCode(96 + at)
      const own = String.fromCharCode(97 + at)
      lines.push(`${own}: &${own} [${Array(9).fill(`*${before}`).join(',')}]`)
    }
    expect(read(lines.join('\n')).ok).toBe(false)
  })

  const FLAGS = JSON.stringify({
    version: 2,
    features: [
      {
        name: 'headgate-relay',
        enabled: true,
        strategies: [
          {
            name: 'flexibleRollout',
            parameters: { rollout: '5', stickiness: 'default', groupId: 'g' },
            constraints: [{ contextName: 'model', operator: 'IN', values: ['m'], inverted: false }],
          },
        ],
      },
    ],
    segments: [],
  })
  const bits = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      'null',
      'true',
      '-1',
      '1e9',
      '"NaN"',
      '""',
      '"101"',
      '[]',
      '{}',
      '\\u0000',
    ],
    ...[
      '"__proto__":{"a":1},',
      '"operator":"X",',
      '"enabled":"yes",',
      '"rollout":"1e9",',
      '"values":"m",',
      '"version":99,',
    ],
  )
  const document = fc.oneof(
    fc
      .tuple(fc.nat(FLAGS.length), fc.nat(25), fc.array(bits, { maxLength: 3 }))
      .map(([at, length, parts]) => FLAGS.slice(0, at) + parts.join('') + FLAGS.slice(at + length)),
    fc.json(),
    fc.string({ maxLength: 40 }),
  )

  it('E4: any flag document is read, or refused with reasons, and what is read can be asked', () => {
    fc.assert(
      fc.property(document, (text) => {
        const parsed = parseDocument(text)
        if (!parsed.ok) {
          expect(parsed.faults.length).toBeGreaterThan(0)
          return
        }
        expect(Array.isArray(parsed.document.features)).toBe(true)
        for (const flag of ['headgate-relay', '__proto__']) {
          expect(typeof killedBy(parsed.document, flag)).toBe('boolean')
          const rule = ruleOf(parsed.document, flag, 'g')
          expect(['off', 'ceiling', 'context']).toContain(rule.kind)
          if (rule.kind === 'ceiling') {
            expect(rule.shareBp).toBeGreaterThanOrEqual(0)
            expect(rule.shareBp).toBeLessThanOrEqual(10_000)
          }
        }
        expect(({} as { a?: unknown }).a).toBeUndefined()
      }),
      runs(500),
    )
  })
})
