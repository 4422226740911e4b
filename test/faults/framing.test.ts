import { describe, expect, it } from 'vitest'
import { ask, CHAT, TALKING } from '../fakes/asks.ts'
import { rawCall, statusOf, valuesOf } from '../fakes/caller.ts'
import { TRANSPORTS } from '../fakes/gateway.ts'
import { start } from '../runtime/start.ts'
import { LIVEZ, statusesOf, talk, upstreamTotal } from './talk.ts'

/** Requests that two readers could take apart differently: refused whole, or one request upstream and no second one. */

const BODY = JSON.stringify(CHAT.body())
const CHUNKED = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`
const HIDDEN = 'POST /v1/hidden HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n'
const HEAD = `POST ${CHAT.path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`

/** The ways in which one reader may take `Transfer-Encoding` for itself and another may not. */
const SPELLINGS = [
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: x',
  'Transfer-Encoding: x\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding:\tchunked',
  ' Transfer-Encoding: chunked',
  'X: X\nTransfer-Encoding: chunked',
  'Transfer-Encoding\r\n: chunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding: \x0bchunked',
  'Transfer-Encoding: chunked\x0b',
  'tRaNsFeR-eNcOdInG: CHUNKED',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding: chunked\0',
  'Transfer_Encoding: chunked',
  'Transfer-Encoding:\r\n chunked',
]

describe.each(TRANSPORTS)('framing over %s', (transport) => {
  it.each(SPELLINGS)('B12: %j alone is one request, or none', async (spelling) => {
    const gateway = await start({ transport })
    const text = await talk(gateway.url, `${HEAD}${spelling}\r\n\r\n${CHUNKED}${LIVEZ}`)
    const [first] = statusesOf(text)
    if (first === 200) {
      expect(gateway.official.requests.total).toBe(1)
      expect(Buffer.from(gateway.official.requests.at(0)?.body ?? []).toString()).toBe(BODY)
      expect(text.endsWith('{"live":true}')).toBe(true)
    } else {
      expect(first).toBe(400)
      expect(upstreamTotal(gateway)).toBe(0)
    }
    for (const { rawHeaders } of gateway.official.requests) {
      expect(rawHeaders.join().toLowerCase()).not.toMatch(/transfer.encoding/)
      expect(valuesOf(rawHeaders, 'content-length')).toEqual([String(BODY.length)])
    }
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })

  it.each(SPELLINGS)('B12: %j beside a length hides no second request', async (spelling) => {
    const gateway = await start({ transport })
    const inside = `0\r\n\r\n${HIDDEN}`
    const fields = `content-length: ${inside.length}\r\n${spelling}`
    const text = await talk(gateway.url, `${HEAD}${fields}\r\n\r\n${inside}${LIVEZ}`)
    expect(statusesOf(text)[0]).toBe(400)
    expect(upstreamTotal(gateway)).toBe(0)
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })

  it('B12: what only looks like framing to a server behind CGI goes no further', async () => {
    const gateway = await start({ transport })
    const fields = 'Transfer_Encoding: chunked\r\nContent_Length: 0\r\n'
    const length = `content-length: ${BODY.length}\r\n`
    const text = await talk(gateway.url, `${HEAD}${fields}${length}\r\n${BODY}${LIVEZ}`)
    expect(statusesOf(text)).toEqual([200, 200])
    const entry = gateway.official.requests.at(0)
    expect(entry?.rawHeaders.join()).not.toMatch(/transfer.encoding|content_length/i)
    expect(Buffer.from(entry?.body ?? []).toString()).toBe(BODY)
  })

  it.each([
    ['twice the same', ['5', '5']],
    ['twice, differing', ['5', '6']],
    ['a list', ['5,5']],
    ['signed', ['+5']],
    ['negative', ['-5']],
    ['hexadecimal', ['0x5']],
    ['a fraction', ['5.0']],
    ['an exponent', ['5e0']],
    ['with a blank inside', ['5 5']],
    ['empty', ['']],
    ['a word', ['five']],
    ['past 64 bits', ['99999999999999999999999']],
    ['quoted', ['"5"']],
  ])('B12: a length that is %s is refused', async (_, lengths) => {
    const gateway = await start({ transport })
    const fields = lengths.map((value) => `content-length: ${value}\r\n`).join('')
    const text = await talk(gateway.url, `${HEAD}${fields}\r\nhello${HIDDEN}${LIVEZ}`)
    expect(statusesOf(text)).toEqual([400])
    expect(upstreamTotal(gateway)).toBe(0)
  })

  it.each([
    ['a bare LF behind the request line', `POST ${CHAT.path} HTTP/1.1\nhost: x\r\n`],
    ['a bare LF behind a field', `${HEAD}x-a: 1\nx-b: 2\r\n`],
    ['a bare CR in a field', `${HEAD}x-a: 1\rx-b: 2\r\n`],
    ['a CR before the colon', `${HEAD}x-a\r: 1\r\n`],
    ['NUL in a name', `${HEAD}x\0a: 1\r\n`],
    ['NUL in a value', `${HEAD}x-a: 1\0\r\n`],
    ['a folded value', `${HEAD}x-a: 1\r\n 2\r\n`],
    ['a folded value with a tab', `${HEAD}x-a: 1\r\n\t2\r\n`],
    ['a name with a blank', `${HEAD}x a: 1\r\n`],
    ['a line without a colon', `${HEAD}x-a\r\n`],
    ['a name that is empty', `${HEAD}: 1\r\n`],
    ['a version of its own', `POST ${CHAT.path} HTTP/9.9\r\nhost: x\r\n`],
    ['no version', `POST ${CHAT.path}\r\nhost: x\r\n`],
    ['a control character in the path', `POST ${CHAT.path}\x01 HTTP/1.1\r\nhost: x\r\n`],
  ])('B12: %s is refused', async (_, head) => {
    const gateway = await start({ transport })
    const text = await talk(
      gateway.url,
      `${head}content-length: ${BODY.length}\r\n\r\n${BODY}${LIVEZ}`,
    )
    expect([400, 505]).toContain(statusesOf(text)[0])
    expect(upstreamTotal(gateway)).toBe(0)
  })

  it.each([
    ['a size that is no number', 'zz\r\nhello\r\n0\r\n\r\n'],
    ['a size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
    ['a size past 64 bits', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
    ['a bare LF behind the size', '5\nhello\r\n0\r\n\r\n'],
    ['a bare CR behind the size', '5\rhello\r\n0\r\n\r\n'],
    ['no line end behind the chunk', '5\r\nhello0\r\n\r\n'],
    ['more than the size says', '2\r\nhello\r\n0\r\n\r\n'],
    ['a NUL in an extension', '5;a=\0\r\nhello\r\n0\r\n\r\n'],
  ])('B12: in chunks, %s is refused', async (_, body) => {
    const gateway = await start({ transport })
    const text = await talk(gateway.url, `${HEAD}transfer-encoding: chunked\r\n\r\n${body}${LIVEZ}`)
    expect(statusesOf(text)[0]).toBe(400)
    expect(upstreamTotal(gateway)).toBe(0)
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })

  it.each([
    ['trailers', '0\r\nauthorization: Bearer PRIVATE\r\nx-trailer: PRIVATE\r\n\r\n', ''],
    ['a chunk extension', '0;x=PRIVATE\r\n\r\n', ';x=PRIVATE'],
  ])('B12: %s end here', async (_, last, extension) => {
    const gateway = await start({ transport })
    const chunk = `${BODY.length.toString(16)}${extension}\r\n${BODY}\r\n`
    const fields = 'transfer-encoding: chunked\r\ntrailer: x-trailer\r\n\r\n'
    const text = await talk(gateway.url, `${HEAD}${fields}${chunk}${last}${LIVEZ}`)
    expect(statusesOf(text)).toEqual([200, 200])
    const entry = gateway.official.requests.at(0)
    expect(entry?.rawHeaders.join()).not.toContain('PRIVATE')
    expect(entry?.header('trailer')).toBeNull()
    expect(Buffer.from(entry?.body ?? []).toString()).toBe(BODY)
  })

  it('B12: an upload in chunks with trailers is one upload, framed in one way, without them', async () => {
    const gateway = await start({ transport })
    const text = await talk(
      gateway.url,
      'POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n' +
        `transfer-encoding: chunked\r\n\r\n5\r\n--b--\r\n0\r\nx-trailer: PRIVATE\r\n\r\n${LIVEZ}`,
    )
    expect(statusesOf(text).at(-1)).toBe(200)
    const entry = gateway.official.requests.at(0)
    expect(gateway.official.requests.total).toBe(1)
    expect(entry?.rawHeaders.join()).not.toContain('PRIVATE')
    const framed = ['content-length', 'transfer-encoding'].filter((name) => entry?.header(name))
    expect(framed).toHaveLength(1)
    expect(Buffer.from(entry?.body ?? []).toString()).toBe('--b--')
  })

  it.each([
    ['5,000 fields of four bytes', 'a:\r\n'.repeat(5_000)],
    ['5,000 fields of one name', 'x-many: 1\r\n'.repeat(5_000)],
    ['5,000 names', Array.from({ length: 5_000 }, (_, at) => `x-${at}: 1\r\n`).join('')],
    ['one field of 100 KB', `x-big: ${'a'.repeat(100_000)}\r\n`],
    ['one name of 100 KB', `${'a'.repeat(100_000)}: 1\r\n`],
  ])('B5: %s are refused, and the next caller is served', async (_, fields) => {
    const gateway = await start({ transport })
    const raw = await rawCall(
      gateway.url,
      `${HEAD}connection: close\r\n${fields}content-length: ${BODY.length}\r\n\r\n${BODY}`,
    )
    expect([400, 431]).toContain(statusOf(raw))
    expect(upstreamTotal(gateway)).toBe(0)
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })

  it.each(['/v1/', '/v1/models?after=', '/v1/models/'])(
    'B5: 100 KB behind %s are refused',
    async (path) => {
      const gateway = await start({ transport })
      const raw = await rawCall(
        gateway.url,
        `GET ${path}${'a'.repeat(100_000)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
      )
      expect([400, 414, 431]).toContain(statusOf(raw))
      expect(upstreamTotal(gateway)).toBe(0)
    },
  )

  it.each(['200-ok', '100 continue', 'x'.repeat(2_000), ''])(
    'B11: expect: %s reaches no upstream',
    async (value) => {
      const gateway = await start({ transport })
      for (const { path } of TALKING) {
        const raw = await rawCall(
          gateway.url,
          `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: ${value}\r\n` +
            `content-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
        )
        // A field that says nothing asks for nothing.
        if (value !== '') expect(statusOf(raw)).toBe(417)
      }
      if (value !== '') expect(upstreamTotal(gateway)).toBe(0)
      for (const entry of gateway.official.requests) expect(entry.header('expect')).toBeNull()
    },
  )

  it('B11: whoever waits for 100-continue with a wrong key is told so without sending its body', async () => {
    const callers = [{ name: 'team-a', sha256: 'a'.repeat(64) }]
    const gateway = await start({ transport, config: { callers } })
    const raw = await rawCall(
      gateway.url,
      `${HEAD}expect: 100-continue\r\nauthorization: Bearer wrong\r\ncontent-length: 1000000\r\n\r\n`,
    )
    expect(statusesOf(raw).at(-1)).toBe(401)
    expect(upstreamTotal(gateway)).toBe(0)
  })
})
