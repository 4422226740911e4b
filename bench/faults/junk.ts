import { connect, type Socket } from 'node:net'

/** PROCESS: junk at a door, at a rate that does not wait for answers. Arguments: port, seconds, requests a second, a good token. */

export interface JunkReport {
  readonly sent: number
  /** By status; `closed` where the connection ended without one. Half-open ones are none of these. */
  readonly answers: Readonly<Record<string, number>>
  readonly halfOpen: number
  readonly seconds: number
}

const [port, seconds, rate] = process.argv.slice(2, 5).map(Number) as [number, number, number]
const token = process.argv[5] ?? ''
/** Connections that wait for an answer, at most; and those that never end their head. */
const MOST_OPEN = 256
const MOST_HALF_OPEN = 200
const TICK_MS = 4
const DRAIN_MS = 2_000

const JSON_TYPE = 'content-type: application/json\r\n'
const GOOD = `authorization: Bearer ${token}\r\n`

function asked(line: string, fields: string, body = ''): Buffer {
  const length = body === '' ? '' : `content-length: ${body.length}\r\n`
  return Buffer.from(`${line} HTTP/1.1\r\nhost: door\r\n${fields}${length}\r\n${body}`)
}

const CHAT = 'POST /v1/chat/completions'
const BODY = '{"model":"gpt-5.2","messages":[{"role":"user","content":"hi"}]}'
const JUNK: readonly Buffer[] = [
  asked('GET /v1/../admin', GOOD),
  asked('GET /v1/%2e%2e%2fetc', GOOD),
  asked('GET /wp-login.php', ''),
  asked('POST //v1/chat/completions', GOOD + JSON_TYPE, BODY),
  asked(CHAT, `authorization: Bearer wrong\r\n${JSON_TYPE}`, BODY),
  asked(CHAT, `x-api-key: ' OR 1=1 --\r\n${JSON_TYPE}`, BODY),
  asked(CHAT, JSON_TYPE, BODY),
  asked(CHAT, GOOD + JSON_TYPE, '{"model":'),
  asked(CHAT, GOOD + JSON_TYPE, '[1,2,3]'),
  asked(CHAT, GOOD + JSON_TYPE, '\0\0\0\0'),
]
/** One in so many is one of these in place of another. */
const SELDOM = 50
const HUGE = asked(CHAT, `x-huge: ${'a'.repeat(40_000)}\r\n`)
const HALF = Buffer.from(`${CHAT} HTTP/1.1\r\nhost: door\r\nx-slow: `)

const answers: Record<string, number> = {}
const idle: Connection[] = []
const halfOpen: Socket[] = []
let open = 0
let sent = 0
let opened = 0

function note(what: string): void {
  answers[what] = (answers[what] ?? 0) + 1
}

class Connection {
  readonly #socket: Socket
  #waits = false
  #heard = ''

  constructor() {
    open++
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => this.#hear(chunk.toString('latin1')))
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      open--
      if (this.#waits) note('closed')
      const at = idle.indexOf(this)
      if (at >= 0) idle.splice(at, 1)
    })
  }

  ask(bytes: Buffer): void {
    this.#waits = true
    this.#heard = ''
    this.#socket.write(bytes)
  }

  #hear(text: string): void {
    this.#heard += text
    const head = this.#heard.indexOf('\r\n\r\n')
    if (head < 0 || !this.#waits) return
    const fields = this.#heard.slice(0, head).toLowerCase()
    const length = Number(/\r\ncontent-length: *(\d+)/.exec(fields)?.[1] ?? 0)
    if (this.#heard.length < head + 4 + length) return
    this.#waits = false
    note(fields.slice(9, 12))
    if (fields.includes('\r\nconnection: close')) this.#socket.destroy()
    else idle.push(this)
  }
}

function leaveHalfOpen(): void {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  socket.write(HALF)
  halfOpen.push(socket)
  opened++
  if (halfOpen.length > MOST_HALF_OPEN) halfOpen.shift()?.destroy()
}

/** @returns false while every connection waits for an answer */
function sendOne(): boolean {
  if (sent % SELDOM === SELDOM - 1) {
    leaveHalfOpen()
    return true
  }
  const connection = idle.pop() ?? (open < MOST_OPEN ? new Connection() : null)
  const bytes = sent % SELDOM === 0 ? HUGE : JUNK[sent % JUNK.length]
  if (connection === null || bytes === undefined) return false
  connection.ask(bytes)
  return true
}

const startedMs = performance.now()
const ticking = setInterval(() => {
  const elapsedMs = performance.now() - startedMs
  if (elapsedMs < seconds * 1_000) {
    const due = Math.floor((elapsedMs / 1_000) * rate)
    while (sent < due && sendOne()) sent++
    return
  }
  clearInterval(ticking)
  setTimeout(() => {
    const report: JunkReport = { sent, answers, halfOpen: opened, seconds: elapsedMs / 1_000 }
    process.send?.(report, () => process.exit())
  }, DRAIN_MS)
}, TICK_MS)
