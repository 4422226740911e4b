import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerHeaders, presentedToken, requestHeaders } from '../../src/proxy/headers.ts'

const tail = ['authorization', 'Bearer upstream-key']
const rules = {
  arm: 'canary',
  tail,
  tailNames: new Set(['authorization']),
  passthrough: false,
  identity: true,
  trace: null,
  contentLength: 7,
} as const

function seen(raw: string[], changed = {}): Record<string, string> {
  const flat = requestHeaders(raw, { ...rules, ...changed })
  const record: Record<string, string> = {}
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string
    expect(record[name]).toBeUndefined()
    record[name] = flat[index + 1] as string
  }
  return record
}

const OURS = {
  'accept-encoding': 'identity',
  'content-length': '7',
  authorization: 'Bearer upstream-key',
}

describe('what an upstream gets to see', () => {
  it('keeps what the protocol needs', () => {
    const kept = {
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'x',
      'idempotency-key': 'k',
      traceparent: '00-1',
      'user-agent': 'OpenAI/JS',
      'x-stainless-lang': 'js',
    }
    expect(seen(Object.entries(kept).flat())).toEqual({ ...kept, ...OURS })
  })

  it.each([
    'Authorization',
    'X-Api-Key',
    'api-key',
    'X-Goog-Api-Key',
    'Cookie',
    'Proxy-Authorization',
    'OpenAI-Organization',
    'openai-project',
    'x-headgate-unit',
    'X-Headgate-Arm',
    'x-headgate-anything',
    'X-Forwarded-For',
    'x-forwarded-host',
    'Forwarded',
    'X-Real-IP',
    'cf-connecting-ip',
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'TE',
    'Trailer',
    'Upgrade',
    'Expect',
    'Keep-Alive',
    'Accept-Encoding',
    'baggage',
    'tracestate',
  ])('leaves out the caller’s %s', (name) => {
    expect(seen([name, 'planted'])).toEqual(OURS)
  })

  it('drops what Connection names, and cannot be made to drop our key', () => {
    expect(seen(['Connection', 'close, X-Secret, authorization', 'X-Secret', 'planted'])).toEqual(
      OURS,
    )
  })

  it('lets control have the trace state, and passthrough the caller’s key', () => {
    expect(seen(['tracestate', 't'], { arm: 'control' })).toEqual({ tracestate: 't', ...OURS })
    const own = seen(['Authorization', 'Bearer mine'], {
      passthrough: true,
      tail: [],
      tailNames: new Set(),
    })
    expect(own['authorization']).toBe('Bearer mine')
  })

  it('keeps the length of a body that is passed as a stream', () => {
    const streamed = seen(['Content-Length', '12'], { contentLength: null, identity: false })
    expect(streamed).toEqual({ 'content-length': '12', authorization: 'Bearer upstream-key' })
  })

  it('C8: has our key once and last, whatever the caller sends', () => {
    const name = fc.constantFrom(
      'authorization',
      'Authorization',
      'AUTHORIZATION',
      'x',
      'connection',
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, fc.constantFrom('authorization', 'planted'))),
        (pairs) => {
          const flat = requestHeaders(pairs.flat(), rules)
          const at = flat.flatMap((part, index) =>
            index % 2 === 0 && part === 'authorization' ? [index] : [],
          )
          expect(at).toEqual([flat.length - 2])
          expect(flat.at(-1)).toBe('Bearer upstream-key')
        },
      ),
    )
  })
})

describe('names without end', () => {
  it('change nothing of what is dropped, whatever was seen before', () => {
    for (let index = 0; index < 2_000; index++) {
      seen([`x-name-${index}`, 'v'])
      answerHeaders({ [`x-name-${index}`]: 'v' }, false)
    }
    expect(seen(['X_Api_Key', 'k', 'X-Headgate-Late', 'v', 'X-Late', 'v'])).toEqual({
      'x-late': 'v',
      ...OURS,
    })
    const answered = { 'x-headgate-late': 'v', 'access-control-late': 'v', 'x-late': 'v' }
    expect(answerHeaders(answered, false)).toEqual(['x-late', 'v'])
  })
})

describe('what a caller gets to see', () => {
  it('keeps the names that SDKs read, and drops what is between two hops or would set state', () => {
    const kept = {
      'content-type': 'application/json',
      'retry-after': '3',
      'retry-after-ms': '3000',
      'x-ratelimit-remaining-tokens': '1',
      'openai-processing-ms': '5',
      'anthropic-ratelimit-requests-limit': '9',
      'request-id': 'req_1',
      'x-request-id': 'req_2',
      'content-length': '4',
    }
    const dropped = {
      connection: 'keep-alive, x-internal',
      'x-internal': 'planted',
      'keep-alive': 'timeout=5',
      'transfer-encoding': 'chunked',
      'set-cookie': ['a=b', 'c=d'],
      'strict-transport-security': 'max-age=1',
      'alt-svc': 'h3',
      'access-control-allow-origin': '*',
      'x-headgate-arm': 'planted',
      trailer: 'x',
    }
    expect(answerHeaders({ ...dropped, ...kept }, false)).toEqual(Object.entries(kept).flat())
  })

  it('drops the length of a body that is changed, and keeps repeated fields apart', () => {
    expect(answerHeaders({ 'content-length': '4', link: ['a', 'b'] }, true)).toEqual([
      'link',
      'a',
      'link',
      'b',
    ])
  })
})

describe('the token a caller presents', () => {
  it.each([
    [['Authorization', 'Bearer abc'], 'abc'],
    [['authorization', 'bearer  abc '], 'abc'],
    [['X-Api-Key', 'abc'], 'abc'],
    [['Authorization', 'Basic abc'], null],
    [['Authorization', 'Bearer'], null],
    [[], null],
  ])('%j is %j', (headers, token) => {
    expect(presentedToken(headers)).toBe(token)
  })
})
