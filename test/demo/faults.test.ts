import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Faults } from '../../src/demo/faults.ts'
import { type SimulatedUpstream, startUpstream } from '../../src/demo/upstreams.ts'

let upstream: SimulatedUpstream

beforeAll(async () => {
  upstream = await startUpstream({ name: 'relay', seed: 3 })
})
afterEach(async () => upstream.setFault(null))
afterAll(async () => upstream.close())

const CHAT = { model: 'gpt-5.2', messages: [{ role: 'user', content: 'hello' }] }
const STREAM = { ...CHAT, stream: true }

function requestOf(body: unknown, path = '/v1/chat/completions', more = ''): string {
  const text = JSON.stringify(body)
  return `POST ${path} HTTP/1.1\r\nhost: sim\r\ncontent-type: application/json\r\nconnection: close\r\n${more}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}

interface Heard {
  readonly text: string
  readonly head: string
  /** The body, with chunked framing taken off. */
  readonly body: string
  /** The body ended as its framing says it should. */
  readonly whole: boolean
  readonly reset: boolean
}

/** Everything one raw connection hears until it closes. */
async function hear(request: string, from = upstream): Promise<Heard> {
  const socket = connect(from.port, '127.0.0.1')
  const parts: Buffer[] = []
  let reset = false
  socket.on('data', (part) => parts.push(part))
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reset = error.code === 'ECONNRESET'
  })
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.write(request)
  await closed
  const text = Buffer.concat(parts).toString('latin1')
  const final = text.replace(/^(HTTP\/1\.1 1\d\d[^\r]*\r\n(?:[^\r]+\r\n)*\r\n)+/, '')
  const split = final.indexOf('\r\n\r\n')
  const head = final.slice(0, split).toLowerCase()
  const { body, whole } = unframed(head, final.slice(split + 4))
  return { text, head, body, whole, reset }
}

function unframed(head: string, rest: string): { body: string; whole: boolean } {
  const declared = /content-length: (\d+)/.exec(head)?.[1]
  if (declared !== undefined) return { body: rest, whole: rest.length === Number(declared) }
  let body = ''
  for (let left = rest; ; ) {
    const line = left.indexOf('\r\n')
    const size = Number.parseInt(left.slice(0, line), 16)
    if (line < 0 || Number.isNaN(size)) return { body, whole: false }
    if (size === 0) return { body, whole: true }
    body += left.slice(line + 2, line + 2 + size)
    left = left.slice(line + 2 + size + 2)
  }
}

async function hearUnder(fault: Faults, request = requestOf(STREAM)): Promise<Heard> {
  await upstream.setFault(fault)
  return hear(request)
}

const eventsIn = (body: string) => body.split(/\r\n\r\n|\n\n|\r\r/).filter((part) => part !== '')

/** Opens a request that will not end by itself and waits until `ready` holds for what was heard. */
async function hold(
  request: string,
  ready: (text: string) => boolean,
): Promise<{ socket: Socket; text: () => string }> {
  const socket = connect(upstream.port, '127.0.0.1')
  let text = ''
  socket.on('error', () => {})
  const heard = new Promise<void>((resolve) => {
    socket.on('data', (part) => {
      text += part.toString('latin1')
      if (ready(text)) resolve()
    })
  })
  socket.write(request)
  if (!ready('')) await heard
  return { socket, text: () => text }
}

describe('a simulated upstream without a fault', () => {
  it('ends a stream with [DONE] and an answer with its length', async () => {
    const stream = await hear(requestOf(STREAM))
    expect(stream.whole).toBe(true)
    expect(stream.head).toContain('content-type: text/event-stream')
    expect(stream.body.endsWith('data: [DONE]\n\n')).toBe(true)
    const whole = await hear(requestOf(CHAT))
    expect(whole.whole).toBe(true)
    expect(JSON.parse(Buffer.from(whole.body, 'latin1').toString()).object).toBe('chat.completion')
  })

  it('keeps what it was sent: method, path, raw headers, bytes', async () => {
    const arrival = upstream.requests.next()
    await hear(requestOf(CHAT, '/v1/chat/completions?a=1', 'X-Odd: Value\r\n'))
    const entry = await arrival
    await entry.received
    expect(entry).toMatchObject({
      method: 'POST',
      target: '/v1/chat/completions?a=1',
      path: '/v1/chat/completions',
      status: 200,
    })
    expect(entry.rawHeaders).toContain('X-Odd')
    expect(entry.header('x-odd')).toBe('Value')
    expect(Buffer.from(entry.body).toString()).toBe(JSON.stringify(CHAT))
    expect(await entry.ended).toBe('sent')
    expect(entry.abortedAt).toBeNull()
    expect(entry.bytesSent).toBeGreaterThan(100)
  })

  it('keeps a bounded journal and counts past it', async () => {
    const small = await startUpstream({ name: 'small', seed: 1, journalLimit: 2 })
    for (let sent = 0; sent < 4; sent++) await hear(requestOf(CHAT), small)
    expect(small.requests.length).toBe(2)
    expect(small.requests.total).toBe(4)
    expect([...small.requests].map(({ index }) => index)).toEqual([2, 3])
    await small.close()
  })

  it('answers a malformed body in dialect', async () => {
    const openai = await hear(requestOf('not an object'))
    expect(openai.head).toMatch(/^http\/1\.1 400/)
    expect(JSON.parse(openai.body).error.type).toBe('invalid_request_error')
    const anthropic = await hear(requestOf('not an object', '/v1/messages'))
    expect(JSON.parse(anthropic.body).error.type).toBe('invalid_request_error')
    expect(JSON.parse(anthropic.body).type).toBe('error')
  })
})

describe('a caller who leaves', () => {
  it('is noticed while the upstream waits, and mid-stream', async () => {
    for (const fault of [
      { kind: 'hang' },
      { kind: 'hang_after_headers' },
      { kind: 'hang_after_chunks', chunks: 3 },
      { kind: 'slow_first_byte', ms: 60_000 },
      { kind: 'slow_drip', ms: 60_000 },
    ] as const) {
      await upstream.setFault(fault)
      const arrival = upstream.requests.next()
      const { socket } = await hold(
        requestOf(STREAM),
        (text) =>
          fault.kind === 'hang' ||
          fault.kind === 'slow_first_byte' ||
          text.includes(fault.kind === 'hang_after_headers' ? '\r\n\r\n' : '\n\n\r\n'),
      )
      const entry = await arrival
      await entry.received
      const left = upstream.requests.nextAborted()
      socket.destroy()
      expect(await left).toBe(entry)
      await entry.aborted
      expect(await entry.ended).toBe('aborted')
      expect(entry.abortedAt).toBeGreaterThanOrEqual(entry.arrivedAt)
    }
  })

  it('is noticed when it leaves before its body was whole', async () => {
    const arrival = upstream.requests.next()
    const socket = connect(upstream.port, '127.0.0.1')
    socket.write('POST /v1/files HTTP/1.1\r\nhost: sim\r\ncontent-length: 1000\r\n\r\npart')
    const entry = await arrival
    socket.destroy()
    expect(await entry.ended).toBe('aborted')
  })

  it('that does not read is waited for', async () => {
    await upstream.setFault({ kind: 'big', bytes: 200_000_000 })
    const arrival = upstream.requests.next()
    const { socket } = await hold(requestOf(STREAM), (text) => text.length > 0)
    socket.pause()
    const entry = await arrival
    // Whoever reads has as much meanwhile as who does not would have had long since.
    await upstream.setFault({ kind: 'big', bytes: 50_000_000 })
    expect((await hear(requestOf(STREAM))).body.length).toBeGreaterThan(50_000_000)
    expect(entry.bytesSent).toBeLessThan(24_000_000)
    socket.destroy()
    await entry.aborted
  })
})

describe('each fault does what it says', () => {
  it('refuse: the port is closed, running answers finish, and it opens again', async () => {
    await upstream.setFault([{ kind: 'slow_drip', ms: 10 }])
    const arrival = upstream.requests.next()
    const running = hear(requestOf(STREAM))
    await (await arrival).received
    await upstream.setFault({ kind: 'refuse' })
    const socket = connect(upstream.port, '127.0.0.1')
    const [error] = await once(socket, 'error')
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNREFUSED')
    expect((await running).body).toContain('[DONE]')
    await upstream.setFault(null)
    expect((await hear(requestOf(CHAT))).whole).toBe(true)
    await expect(upstream.setFault({ kind: 'refuse' }, () => true)).rejects.toThrow(RangeError)
  })

  it('refuse closes idle connections', async () => {
    const { socket } = await hold(requestOf(CHAT).replace('connection: close\r\n', ''), (text) =>
      text.includes('chat.completion'),
    )
    const closed = once(socket, 'close')
    await upstream.setFault({ kind: 'refuse' })
    await closed
  })

  it('hang_after_headers: a head and nothing else', async () => {
    await upstream.setFault({ kind: 'hang_after_headers' })
    const { socket, text } = await hold(requestOf(STREAM), (heard) => heard.includes('\r\n\r\n'))
    expect(text()).toMatch(/^HTTP\/1\.1 200/)
    expect(text()).not.toContain('data:')
    socket.destroy()
  })

  it('reset_before_headers and reset_after_chunks', async () => {
    const before = await hearUnder({ kind: 'reset_before_headers' })
    expect(before).toMatchObject({ text: '', reset: true })
    const after = await hearUnder({ kind: 'reset_after_chunks', chunks: 3 })
    expect(after.reset).toBe(true)
    expect(after.whole).toBe(false)
    expect(eventsIn(after.body)).toHaveLength(3)
    const whole = await hearUnder({ kind: 'reset_after_chunks', chunks: 1 }, requestOf(CHAT))
    expect(whole.reset).toBe(true)
    expect(whole.body.length).toBeGreaterThan(50)
    expect(await upstream.requests.at(-1)?.ended).toBe('broken')
  })

  it('end_after_chunks: a clean end without [DONE] or message_stop', async () => {
    const openai = await hearUnder({ kind: 'end_after_chunks', chunks: 4 })
    expect(openai.whole).toBe(true)
    expect(eventsIn(openai.body)).toHaveLength(4)
    expect(openai.body).not.toContain('[DONE]')
    const anthropic = await hear(requestOf({ ...STREAM, max_tokens: 100 }, '/v1/messages'))
    expect(anthropic.whole).toBe(true)
    expect(anthropic.body).toContain('message_start')
    expect(anthropic.body).not.toContain('message_stop')
    const json = await hear(requestOf(CHAT))
    expect(json.whole).toBe(true)
    expect(() => JSON.parse(json.body)).toThrow(SyntaxError)
  })

  it('short_content_length: less than was declared', async () => {
    for (const body of [CHAT, STREAM]) {
      const heard = await hearUnder({ kind: 'short_content_length' }, requestOf(body))
      expect(heard.whole).toBe(false)
      expect(heard.reset).toBe(false)
      expect(heard.body.length).toBeGreaterThan(50)
    }
  })

  it('garbage, html, an empty body', async () => {
    const garbage = await hearUnder({ kind: 'garbage' }, requestOf(CHAT))
    expect(garbage.head).toMatch(/^http\/1\.1 200/)
    expect(() => JSON.parse(garbage.body)).toThrow(SyntaxError)
    const html = await hearUnder({ kind: 'html' })
    expect(html.head).toMatch(/^http\/1\.1 200[\s\S]*text\/html/)
    expect(html.body).toContain('<html>')
    const empty = await hearUnder({ kind: 'empty', of: 'body' })
    expect(empty.head).toMatch(/^http\/1\.1 200[\s\S]*content-length: 0/)
  })

  it('empty: well formed, in each dialect, with nothing said', async () => {
    const openai = await hearUnder({ kind: 'empty' })
    expect(openai.body).toContain('"finish_reason":"stop"')
    expect(openai.body).toContain('[DONE]')
    expect(openai.body).not.toMatch(/"content":"[^"]/)
    const responses = await hear(
      requestOf({ model: 'gpt-5.2', input: 'hi', stream: true }, '/v1/responses'),
    )
    expect(responses.body).toContain('response.completed')
    expect(responses.body).not.toContain('output_text.delta')
  })

  it('error_first and error_after_chunks, in each dialect', async () => {
    const first = await hearUnder({ kind: 'error_first' })
    expect(first.head).toMatch(/^http\/1\.1 200/)
    expect(eventsIn(first.body)).toHaveLength(1)
    expect(JSON.parse(first.body.slice(6)).error.type).toBe('server_error')
    const anthropic = await hear(requestOf({ ...STREAM, max_tokens: 9 }, '/v1/messages'))
    expect(anthropic.body).toMatch(/^event: error\ndata: \{"type":"error"/)
    const json = await hear(requestOf(CHAT))
    expect(json.head).toMatch(/^http\/1\.1 200/)
    expect(JSON.parse(json.body)).toHaveProperty('error')
    const later = await hearUnder({ kind: 'error_after_chunks', chunks: 3 })
    expect(eventsIn(later.body)).toHaveLength(4)
    expect(later.body).not.toContain('[DONE]')
  })

  it('status: with retry-after, without, and before the body was read', async () => {
    const limited = await hearUnder({ kind: 'status', status: 429, retryAfter: 7 })
    expect(limited.head).toMatch(/^http\/1\.1 429[\s\S]*retry-after: 7/)
    const bare = await hearUnder({ kind: 'status', status: 429, retryAfter: null })
    expect(bare.head).not.toContain('retry-after')
    await upstream.setFault({ kind: 'status', status: 413, beforeBody: true })
    const early = await hold(
      'POST /v1/files HTTP/1.1\r\nhost: sim\r\ncontent-length: 1000\r\n\r\npart',
      (text) => text.includes('HTTP/1.1 413'),
    )
    early.socket.destroy()
  })

  it('wrong_model, no_usage, ignore_stream', async () => {
    const other = await hearUnder({ kind: 'wrong_model', model: 'tiny' }, requestOf(CHAT))
    expect(JSON.parse(other.body).model).toBe('tiny')
    const asked = { ...STREAM, stream_options: { include_usage: true } }
    const unused = await hearUnder({ kind: 'no_usage' }, requestOf(asked))
    expect(unused.body).not.toContain('usage')
    const deaf = await hearUnder({ kind: 'ignore_stream' })
    expect(deaf.head).toContain('content-type: application/json')
    expect(JSON.parse(deaf.body).object).toBe('chat.completion')
  })

  it('slow_first_byte and slow_drip take their time', async () => {
    const since = performance.now()
    await hearUnder({ kind: 'slow_first_byte', ms: 80 })
    expect(performance.now() - since).toBeGreaterThanOrEqual(79)
    const plain = eventsIn((await hearUnder([])).body).length
    const start = performance.now()
    await hearUnder({ kind: 'slow_drip', ms: 2 })
    expect(performance.now() - start).toBeGreaterThanOrEqual((plain - 1) * 2 - 1)
  })

  it('big: as long as asked, streamed or whole', async () => {
    const whole = await hearUnder({ kind: 'big', bytes: 1_000_000 }, requestOf(CHAT))
    expect(JSON.parse(whole.body).choices[0].message.content).toHaveLength(1_000_000)
    const one = await hearUnder({ kind: 'big', bytes: 500_000, chunkBytes: 500_000 })
    expect(eventsIn(one.body).some((event) => event.length > 500_000)).toBe(true)
  })

  it('gzip: compressed though nobody asked', async () => {
    for (const body of [CHAT, STREAM]) {
      const heard = await hearUnder({ kind: 'gzip' }, requestOf(body))
      expect(heard.head).toContain('content-encoding: gzip')
      const text = gunzipSync(Buffer.from(heard.body, 'latin1')).toString()
      expect(text).toContain('chat.completion')
    }
  })

  it('redirect, interim, trailers, hostile headers', async () => {
    const moved = await hearUnder({ kind: 'redirect', location: 'http://127.0.0.1:1/x' })
    expect(moved.head).toMatch(/^http\/1\.1 307[\s\S]*location: http:\/\/127\.0\.0\.1:1\/x/)
    const interim = await hearUnder({ kind: 'interim' })
    expect(interim.text).toMatch(/^HTTP\/1\.1 102 [\s\S]*HTTP\/1\.1 103 [\s\S]*HTTP\/1\.1 200 /)
    expect(interim.body).toContain('[DONE]')
    const trailed = await hearUnder({ kind: 'trailers' }, requestOf(CHAT))
    expect(trailed.text).toContain('x-simulated-trailer: end')
    // Its own `connection: keep-alive` outdoes the caller's `close`.
    await upstream.setFault({ kind: 'hostile_headers' })
    const hostile = await hold(requestOf(STREAM), (text) => text.includes('[DONE]'))
    expect(hostile.text().match(/set-cookie:/g)).toHaveLength(2)
    for (const name of ['x-hop:', 'proxy-authenticate:', 'alt-svc:', 'x-headgate-arm: forged']) {
      expect(hostile.text()).toContain(name)
    }
    hostile.socket.destroy()
  })

  it('malformed_sse, in each way', async () => {
    const parsed = (body: string) =>
      eventsIn(body).map((event) => {
        const data = event.replace(/^data: /, '')
        try {
          return data === '[DONE]' || JSON.parse(data) !== null
        } catch {
          return false
        }
      })
    const good = parsed((await hearUnder([])).body)
    expect(good.every(Boolean)).toBe(true)
    const json = parsed((await hearUnder({ kind: 'malformed_sse' })).body)
    expect(json.filter((fine) => !fine)).toHaveLength(1)
    const joined = parsed((await hearUnder({ kind: 'malformed_sse', how: 'no_newline' })).body)
    expect(joined).toHaveLength(good.length - 1)
    const nul = await hearUnder({ kind: 'malformed_sse', how: 'nul' })
    expect(nul.body).toContain('\0')
    const utf8 = await hearUnder({ kind: 'malformed_sse', how: 'utf8' })
    expect(utf8.body).toContain('\u00ff')
  })

  it('line endings, noise and single bytes change no event', async () => {
    const datas = (body: string) =>
      body.split(/\r\n|\n|\r/).flatMap((line) => (line.startsWith('data: ') ? [line.length] : []))
    const plain = datas((await hearUnder([])).body)
    const crlf = await hearUnder({ kind: 'line_endings', ending: 'crlf' })
    expect(crlf.body.replaceAll('\r\n', '')).not.toContain('\n')
    expect(datas(crlf.body)).toEqual(plain)
    const cr = await hearUnder({ kind: 'line_endings', ending: 'cr' })
    expect(cr.body).not.toContain('\n')
    expect(datas(cr.body)).toEqual(plain)
    const noisy = await hearUnder({ kind: 'sse_noise' })
    expect(noisy.body.startsWith('\u00ef\u00bb\u00bf: noise')).toBe(true)
    expect(datas(noisy.body)).toEqual(plain)
    const single = await hearUnder([{ kind: 'one_byte' }, { kind: 'line_endings', ending: 'crlf' }])
    expect(single.text).toContain('\r\n1\r\nd\r\n1\r\na\r\n')
    expect(datas(single.body)).toEqual(plain)
  })

  it.each([CHAT, STREAM])(
    'bandwidth: no faster than it says, and nothing is lost: %j',
    async (ask) => {
      const plain = await hearUnder([], requestOf(ask))
      const since = performance.now()
      const slow = await hearUnder({ kind: 'bandwidth', bytesPerSecond: 20_000 }, requestOf(ask))
      const tookMs = performance.now() - since
      expect(slow.whole).toBe(true)
      expect(slow.body.length).toBe(plain.body.length)
      expect(tookMs).toBeGreaterThanOrEqual((slow.body.length / 20_000) * 1_000 - 25)
    },
  )

  it('slow_close: the last byte of the body, and the end of it later', async () => {
    await upstream.setFault({ kind: 'slow_close', ms: 80 })
    const { socket, text } = await hold(requestOf(STREAM), (heard) => heard.includes('[DONE]'))
    const since = performance.now()
    expect(text()).not.toMatch(/\r\n0\r\n/)
    await once(socket, 'close')
    expect(performance.now() - since).toBeGreaterThanOrEqual(60)
    expect(text()).toMatch(/\r\n0\r\n/)
  })

  it.each(['reset', 'end'] as const)(
    'cut_after_bytes: so many bytes of the body and a %s, streamed or whole',
    async (how) => {
      for (const body of [CHAT, STREAM]) {
        const fault = { kind: 'cut_after_bytes', bytes: 101, how } as const
        const heard = await hearUnder([fault, { kind: 'one_byte' }], requestOf(body))
        expect(heard).toMatchObject({ whole: false, reset: how === 'reset' })
        expect(heard.body).toHaveLength(101)
        expect((await hearUnder(fault, requestOf(body))).body).toHaveLength(101)
        expect(await upstream.requests.at(-1)?.ended).toBe('broken')
      }
    },
  )

  it('cut_after_bytes beyond the end cuts nothing', async () => {
    const heard = await hearUnder({ kind: 'cut_after_bytes', bytes: 1_000_000 })
    expect(heard.whole).toBe(true)
    expect(heard.body).toContain('[DONE]')
  })

  it('raw and stray bytes', async () => {
    const raw = await hearUnder({ kind: 'raw', text: 'SMTP ready\r\n', close: true })
    expect(raw.text).toBe('SMTP ready\r\n')
    await upstream.setFault({ kind: 'stray_bytes', text: 'HTTP/1.1 200 OK\r\n\r\n' })
    const { socket, text } = await hold(
      requestOf(CHAT).replace('connection: close\r\n', ''),
      (heard) => heard.endsWith('HTTP/1.1 200 OK\r\n\r\n'),
    )
    expect(text()).toContain('chat.completion')
    socket.destroy()
  })
})

describe('when a fault acts', () => {
  it('by predicate, and back to none', async () => {
    await upstream.setFault({ kind: 'status', status: 503 }, (request) =>
      Buffer.from(request.body).toString().includes('"stream":true'),
    )
    expect((await hear(requestOf(STREAM))).head).toMatch(/^http\/1\.1 503/)
    expect((await hear(requestOf(CHAT))).head).toMatch(/^http\/1\.1 200/)
    await upstream.setFault(null)
    expect((await hear(requestOf(STREAM))).head).toMatch(/^http\/1\.1 200/)
  })

  it('by schedule: request numbers, rates, time; a set fault goes first', async () => {
    const scheduled = await startUpstream({
      name: 'scheduled',
      seed: 5,
      faults: [
        { fault: { kind: 'status', status: 401 }, fromRequest: 1, untilRequest: 2 },
        { fault: { kind: 'status', status: 500 }, fromRequest: 3, rate: 0.5 },
        { fault: { kind: 'status', status: 418 }, fromMs: 3_600_000 },
      ],
    })
    const status = async () => /1\.1 (\d+)/.exec((await hear(requestOf(CHAT), scheduled)).head)?.[1]
    expect([await status(), await status(), await status()]).toEqual(['200', '401', '200'])
    const drawn = []
    for (let sent = 0; sent < 40; sent++) drawn.push(await status())
    const failed = drawn.filter((seen) => seen === '500').length
    expect(failed).toBeGreaterThan(8)
    expect(failed).toBeLessThan(32)
    await scheduled.setFault({ kind: 'status', status: 404 })
    expect(await status()).toBe('404')
    await scheduled.close()
  })

  it('by time alone: how bytes travel is scheduled like all else', async () => {
    const scheduled = await startUpstream({
      name: 'scheduled',
      seed: 5,
      faults: [
        { fault: { kind: 'cut_after_bytes', bytes: 7 }, untilMs: 3_600_000 },
        { fault: { kind: 'slow_close', ms: 1 }, fromMs: 3_600_000 },
      ],
    })
    expect((await hear(requestOf(CHAT), scheduled)).body).toHaveLength(7)
    await scheduled.close()
  })

  it('by error rate, drawn from the seed', async () => {
    const statuses = async () => {
      const shaky = await startUpstream({ name: 'shaky', seed: 9, errorRate: 0.3 })
      const seen = []
      for (let sent = 0; sent < 20; sent++) {
        seen.push(/1\.1 (\d+)/.exec((await hear(requestOf(CHAT), shaky)).head)?.[1])
      }
      await shaky.close()
      return seen
    }
    const once = await statuses()
    expect(once).toContain('500')
    expect(once).toContain('200')
    expect(await statuses()).toEqual(once)
  })

  it('closing frees the port at once, whatever hangs', async () => {
    const doomed = await startUpstream({ name: 'doomed', seed: 1 })
    await doomed.setFault({ kind: 'hang' })
    const arrival = doomed.requests.next()
    const heard = hear(requestOf(CHAT), doomed)
    const entry = await arrival
    await entry.received
    expect(doomed.connections()).toBe(1)
    await doomed.close()
    expect(doomed.connections()).toBe(0)
    await heard
    expect(await entry.ended).toBe('broken')
  })
})
