import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, createGzip, gzipSync } from 'node:zlib'
import { type Fault, faultOf } from './faults.ts'
import type { OpenEntry } from './journal.ts'
import type { Answer, Frame, Headers } from './wire.ts'

/** Puts an answer on the connection at its pace, with whatever is wrong with the way it travels. */

/** One request being answered. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly log: OpenEntry
  /** True once the connection is gone, whoever broke it. */
  readonly gone: boolean
  /** Waits; at once when the connection is gone. */
  pause(ms: number): Promise<void>
  /** Resolves when the connection is gone. */
  readonly left: Promise<void>
  /** Breaks the connection: with a reset, or with a plain end. */
  breakOff(how: 'reset' | 'end'): void
}

/** How fast an answer comes. */
export interface Pace {
  readonly firstByteMs: number
  /** Drawn anew for each chunk. */
  perChunkMs(): number
}

const HOSTILE: readonly (readonly [string, string | readonly string[]])[] = [
  ['set-cookie', ['session=simulated; Path=/', 'track=1; Domain=example.com']],
  ['connection', 'keep-alive, x-hop'],
  ['x-hop', 'for the next hop only'],
  ['keep-alive', 'timeout=5, max=1000'],
  ['proxy-authenticate', 'Basic realm="simulated"'],
  ['upgrade', 'h2c'],
  ['strict-transport-security', 'max-age=31536000'],
  ['alt-svc', 'h3=":443"; ma=86400'],
  ['access-control-allow-origin', '*'],
  ['server', 'simulated'],
  ['via', '1.1 simulated'],
  ['x-headgate-arm', 'forged'],
  ['x-headgate-reason', 'forged'],
]

/** Sends an answer; returns when it has ended or broken. Never rejects. */
export async function deliver(
  exchange: Exchange,
  answer: Answer,
  pace: Pace,
  faults: readonly Fault[],
): Promise<void> {
  const { response } = exchange
  await exchange.pause(pace.firstByteMs + (faultOf(faults, 'slow_first_byte')?.ms ?? 0))
  if (exchange.gone) return

  if (faultOf(faults, 'reset_before_headers')) return exchange.breakOff('reset')
  const raw = faultOf(faults, 'raw')
  if (raw !== undefined) {
    response.socket?.write(Buffer.from(raw.text, 'latin1'))
    if (raw.close) exchange.breakOff('end')
    return exchange.left
  }
  if (faultOf(faults, 'interim')) {
    response.writeProcessing()
    response.writeEarlyHints({ link: '</simulated.css>; rel=preload; as=style' })
  }

  const headers: Headers = { ...answer.headers }
  if (faultOf(faults, 'hostile_headers')) {
    for (const [name, value] of HOSTILE) headers[name] = value as string | string[]
  }
  if (faultOf(faults, 'trailers')) headers.trailer = 'x-simulated-trailer'
  if (faultOf(faults, 'gzip')) headers['content-encoding'] = 'gzip'

  if (faultOf(faults, 'short_content_length')) {
    const body = wholeBody(answer, faults)
    start(exchange, answer.status, { ...headers, 'content-length': String(body.byteLength) })
    await writePart(exchange, body.subarray(0, body.byteLength >> 1))
    return exchange.breakOff('end')
  }
  if (faultOf(faults, 'hang_after_headers')) {
    start(exchange, answer.status, headers)
    return exchange.left
  }

  if (answer.kind === 'whole') await deliverWhole(exchange, answer, headers, faults)
  else await deliverStream(exchange, answer, headers, pace, faults)
}

async function deliverWhole(
  exchange: Exchange,
  answer: Extract<Answer, { kind: 'whole' }>,
  headers: Headers,
  faults: readonly Fault[],
): Promise<void> {
  const body = wholeBody(answer, faults)
  const cut = cutOf(faults)
  const drip = faultOf(faults, 'slow_drip')
  const send = sendOf(exchange, faults)
  // A clean end before the declared length would not be clean, and trailers need chunks.
  const chunked = cut?.how === 'end' || faultOf(faults, 'trailers') !== undefined
  start(
    exchange,
    answer.status,
    chunked ? headers : { ...headers, 'content-length': String(body.byteLength) },
  )
  const parts = cut !== null ? cut.chunks + 1 : drip !== undefined ? 8 : 1
  const length = Math.max(1, Math.ceil(body.byteLength / parts))
  let sent = 0
  for (let at = 0; at < body.byteLength && !exchange.gone; at += length) {
    if (cut !== null && sent === cut.chunks) return endCut(exchange, cut.how)
    if (sent > 0) await exchange.pause(drip?.ms ?? 0)
    await send(body.subarray(at, at + length))
    sent += 1
  }
  await finish(exchange, faults)
}

async function deliverStream(
  exchange: Exchange,
  answer: Extract<Answer, { kind: 'stream' }>,
  headers: Headers,
  pace: Pace,
  faults: readonly Fault[],
): Promise<void> {
  const cut = cutOf(faults)
  const errorAt = faultOf(faults, 'error_first')
    ? 0
    : (faultOf(faults, 'error_after_chunks')?.chunks ?? null)
  const dripMs = faultOf(faults, 'slow_drip')?.ms ?? 0
  const encode = faultOf(faults, 'gzip') ? gzipEncoder() : null
  const sendRaw = sendOf(exchange, faults)
  const send = async (bytes: Uint8Array): Promise<void> =>
    sendRaw(encode === null ? bytes : await encode.push(bytes))

  start(exchange, answer.status, headers)
  let sent = 0
  let before: Frame['at'] = 'head'
  for (const { at, bytes } of framesOf(answer, faults)) {
    if (exchange.gone) return
    if (cut !== null && sent === cut.chunks) return endCut(exchange, cut.how)
    if (sent === errorAt) break
    if (sent > 0) {
      const paced = at === 'content' && before === 'content' ? pace.perChunkMs() : 0
      if (paced + dripMs > 0) await exchange.pause(paced + dripMs)
    }
    before = at
    await send(bytes)
    sent += 1
  }
  if (exchange.gone) return
  if (cut !== null) return endCut(exchange, cut.how)
  if (errorAt !== null) await send(Buffer.from(answer.errorFrame(sent)))
  if (encode !== null) await sendRaw(await encode.end())
  await finish(exchange, faults)
}

type CutEnd = 'reset' | 'end' | 'close' | 'hang'

function cutOf(faults: readonly Fault[]): { readonly how: CutEnd; readonly chunks: number } | null {
  const reset = faultOf(faults, 'reset_after_chunks')
  if (reset !== undefined) return { how: 'reset', chunks: reset.chunks }
  const end = faultOf(faults, 'end_after_chunks')
  if (end !== undefined) return { how: 'end', chunks: end.chunks }
  const hang = faultOf(faults, 'hang_after_chunks')
  return hang === undefined ? null : { how: 'hang', chunks: hang.chunks }
}

async function endCut(exchange: Exchange, how: CutEnd): Promise<void> {
  switch (how) {
    case 'hang':
      return exchange.left
    case 'end':
      exchange.response.end()
      return
    case 'close':
      return exchange.breakOff('end')
    case 'reset': {
      // A reset drops what the peer has not read yet, so let the bytes before it arrive.
      await exchange.pause(20)
      exchange.breakOff('reset')
    }
  }
}

/** Events as bytes, with what faults do to them. */
function* framesOf(
  answer: Extract<Answer, { kind: 'stream' }>,
  faults: readonly Fault[],
): Generator<{ readonly at: Frame['at']; readonly bytes: Uint8Array }> {
  const malformed = faultOf(faults, 'malformed_sse')
  const ending = faultOf(faults, 'line_endings')?.ending
  const noise = faultOf(faults, 'sse_noise') !== undefined
  let index = 0
  let contents = 0
  for (const { at, text } of answer.frames()) {
    if (at === 'content') contents += 1
    let framed = text
    if (noise) framed = `${index === 0 ? '\uFEFF' : ''}: noise\nid: ${index}\nretry: 1000\n${text}`
    if (ending !== undefined) framed = framed.replaceAll('\n', ending === 'crlf' ? '\r\n' : '\r')
    const broken = malformed !== undefined && at === 'content' && contents === 2
    yield { at, bytes: broken ? brokenFrame(framed, malformed.how ?? 'json') : Buffer.from(framed) }
    index += 1
  }
}

function brokenFrame(text: string, how: 'json' | 'utf8' | 'nul' | 'no_newline'): Uint8Array {
  switch (how) {
    case 'json':
      return Buffer.from(`${text.slice(0, text.length >> 1).trimEnd()}\n\n`)
    case 'no_newline':
      return Buffer.from(text.trimEnd())
    case 'utf8':
    case 'nul': {
      const bytes = Buffer.from(text)
      bytes[bytes.length >> 1] = how === 'nul' ? 0x00 : 0xff
      return bytes
    }
  }
}

function wholeBody(answer: Answer, faults: readonly Fault[]): Uint8Array {
  const body =
    answer.kind === 'whole'
      ? answer.body
      : Buffer.concat([...framesOf(answer, faults)].map(({ bytes }) => bytes))
  return faultOf(faults, 'gzip') ? gzipSync(body) : body
}

function start({ response, log }: Exchange, status: number, headers: Headers): void {
  log.entry.status = status
  response.writeHead(status, headers)
  response.flushHeaders()
}

/** Of `bandwidth`: so long between two parts. */
const PART_MS = 20

/** Takes the bytes of one body, as far and as fast as its faults let them through. */
function sendOf(
  exchange: Exchange,
  faults: readonly Fault[],
): (bytes: Uint8Array) => Promise<void> {
  const cut = faultOf(faults, 'cut_after_bytes')
  const rate = faultOf(faults, 'bandwidth')?.bytesPerSecond ?? Number.POSITIVE_INFINITY
  const oneByte = faultOf(faults, 'one_byte') !== undefined
  const perPart = Math.max(1, Math.floor((rate * PART_MS) / 1_000))
  const length = oneByte ? 1 : perPart
  let left = cut?.bytes ?? Number.POSITIVE_INFINITY
  let untilPause = perPart
  return async (bytes) => {
    const whole = bytes.byteLength
    for (let at = 0; at < whole && left > 0 && !exchange.gone; ) {
      const end = Math.min(at + Math.min(length, untilPause), whole, at + left)
      await writePart(exchange, bytes.subarray(at, end))
      untilPause -= end - at
      left -= end - at
      at = end
      if (untilPause === 0) {
        await exchange.pause((1_000 * perPart) / rate)
        untilPause = perPart
      }
      if (oneByte) await new Promise((resolve) => setImmediate(resolve))
    }
    if (left > 0 || exchange.gone) return
    await endCut(exchange, cut?.how === 'end' ? 'close' : 'reset')
    await exchange.left
  }
}

function writePart(exchange: Exchange, bytes: Uint8Array): Promise<void> | void {
  if (exchange.gone || bytes.byteLength === 0) return
  exchange.log.entry.bytesSent += bytes.byteLength
  if (exchange.response.write(bytes)) return
  return new Promise((resolve) => {
    exchange.response.once('drain', resolve)
    void exchange.left.then(resolve)
  })
}

async function finish(exchange: Exchange, faults: readonly Fault[]): Promise<void> {
  const { response } = exchange
  await exchange.pause(faultOf(faults, 'slow_close')?.ms ?? 0)
  if (faultOf(faults, 'trailers')) response.addTrailers({ 'x-simulated-trailer': 'end' })
  const stray = faultOf(faults, 'stray_bytes')
  const socket = response.socket
  response.end(() => {
    if (stray !== undefined) socket?.write(Buffer.from(stray.text, 'latin1'))
  })
}

function gzipEncoder(): {
  push(bytes: Uint8Array): Promise<Uint8Array>
  end(): Promise<Uint8Array>
} {
  const gzip = createGzip()
  let parts: Uint8Array[] = []
  gzip.on('data', (part: Uint8Array) => parts.push(part))
  const taken = (): Uint8Array => {
    const bytes = Buffer.concat(parts)
    parts = []
    return bytes
  }
  return {
    push: (bytes) =>
      new Promise((resolve) => {
        gzip.write(bytes)
        gzip.flush(constants.Z_SYNC_FLUSH, () => resolve(taken()))
      }),
    end: () =>
      new Promise((resolve) => {
        gzip.once('end', () => resolve(taken()))
        gzip.end()
      }),
  }
}
