import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { type Random, randomFrom } from './random.ts'

/** A seeded caller of many: it sends what applications send, and notes what it got back for each request. */

export const SHAPES = [
  'chat_stream',
  'chat_json',
  'messages_stream',
  'messages_json',
  'embeddings',
] as const

export type Shape = (typeof SHAPES)[number]

export interface LoadOptions {
  /** The origin and `/v1`. */
  readonly baseUrl: string
  readonly seed: number | string
  /** Mean requests a second; arrivals are independent of answers, so a slow upstream does not slow the load. */
  readonly rps: number
  /** Weights; a shape left out is not sent. */
  readonly mix?: Readonly<Partial<Record<Shape, number>>>
  /** Sent with each request, over the dialect's own. */
  readonly headers?: Readonly<Record<string, string>>
  /** Turns a conversation has at most; 4 unless given. */
  readonly turns?: number
  /** About how long answers are, in words, which is also how many events a stream has; 14 unless given. */
  readonly words?: number
  /** Requests under way at most; past it arrivals are dropped and counted. 500 unless given. */
  readonly maxInFlight?: number
  /** A caller's own patience; 30 s unless given. */
  readonly timeoutMs?: number
  /** Told of each request once it is over. */
  readonly onRecord?: (record: LoadRecord) => void
}

/** What one request met. */
export interface LoadRecord {
  readonly index: number
  readonly shape: Shape
  /** The same for each turn of one conversation; an embedding is a unit of its own. */
  readonly unit: string
  /** 1 for the first turn. */
  readonly turn: number
  /** `performance.now()` at which it was sent. */
  readonly sentAt: number
  readonly status: number | null
  /** `x-headgate-arm`, and so on; null where the header was not there. */
  readonly arm: string | null
  /** The arm drawn: `x-headgate-assigned`, or the arm that answered. */
  readonly assigned: string | null
  readonly reason: string | null
  readonly upstream: string | null
  /** The caller got an error, or nothing, in place of an answer. */
  readonly errorBeforeFirstByte: boolean
  /** An answer began and did not end as its format says. */
  readonly cut: boolean
  /** Cut, and nothing told the caller: a clean end without an end mark or an error. */
  readonly silent: boolean
  /** To the first body byte; null when none came. */
  readonly firstByteMs: number | null
  readonly durationMs: number
  /** What went wrong, in a few words; null when nothing did. */
  readonly fault: string | null
}

export interface LoadTotals {
  readonly sent: number
  readonly done: number
  readonly errorsBeforeFirstByte: number
  readonly cutStreams: number
  /** Arrivals past `maxInFlight`. */
  readonly dropped: number
}

export interface Load {
  totals(): LoadTotals
  inFlight(): number
  setRate(rps: number): void
  /** Resolves when every request sent so far is over. */
  settled(): Promise<void>
  /** Sends nothing more, and resolves when every answer has ended. */
  stop(): Promise<void>
}

interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

interface Conversation {
  readonly key: string
  readonly dialect: 'chat' | 'messages'
  readonly system: string
  readonly turnsWanted: number
  turns: Turn[]
  busy: boolean
}

const MIX: Readonly<Record<Shape, number>> = {
  chat_stream: 4,
  chat_json: 2,
  messages_stream: 2,
  messages_json: 1,
  embeddings: 1,
}

const TOPICS = ['invoices', 'a failing build', 'the cache', 'a refund', 'the deploy', 'a contract']
const ASKS = ['Explain', 'Summarise', 'Check', 'Draft a reply about', 'List the risks of']

/** Starts sending at once. */
export function startLoad(options: LoadOptions): Load {
  const chance = randomFrom(`load/${options.seed}`)
  const agent = new Agent({
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    scheduling: 'lifo',
  })
  const weights = SHAPES.map((shape) => [shape, (options.mix ?? MIX)[shape] ?? 0] as const)
  const conversations: Conversation[] = []
  const maxInFlight = options.maxInFlight ?? 500
  const words = options.words ?? 14
  const running = new Set<Promise<void>>()
  let { rps } = options
  let sent = 0
  let done = 0
  let dropped = 0
  let opened = 0
  let errorsBeforeFirstByte = 0
  let cutStreams = 0

  const conversationFor = (dialect: Conversation['dialect'], draw: Random): Conversation => {
    const free = conversations.filter((held) => held.dialect === dialect && !held.busy)
    if (free.length > 0 && draw.chance(0.5)) return draw.choice(free)
    opened += 1
    const made: Conversation = {
      key: `${options.seed}/${opened}`,
      dialect,
      system: 'You are a careful assistant of a small company. Answer briefly.',
      turnsWanted: 1 + draw.int(options.turns ?? 4),
      turns: [],
      busy: false,
    }
    conversations.push(made)
    return made
  }

  const send = (): void => {
    if (sent - done >= maxInFlight) {
      dropped += 1
      return
    }
    const index = sent++
    // A stream of draws a request: what it says does not depend on what else was dropped or late.
    const draw = chance.fork(index)
    const planned = plan(draw.weighted(weights), index, draw, words, conversationFor)
    const { conversation } = planned
    if (conversation !== null) conversation.busy = true
    const over = call(options, agent, planned).then((record) => {
      running.delete(over)
      done += 1
      if (record.errorBeforeFirstByte) errorsBeforeFirstByte += 1
      if (record.cut) cutStreams += 1
      if (conversation !== null) {
        conversation.busy = false
        const answer: Turn = { role: 'assistant', content: 'Simulated earlier answer.' }
        conversation.turns = [...conversation.turns, answer]
        if (conversation.turns.length >= conversation.turnsWanted * 2) {
          conversations.splice(conversations.indexOf(conversation), 1)
        }
      }
      options.onRecord?.(record)
    })
    running.add(over)
  }

  let nextAt = performance.now()
  let timer: NodeJS.Timeout | undefined
  const tick = (): void => {
    const now = performance.now()
    while (nextAt <= now) {
      send()
      nextAt += (-Math.log(1 - chance.next()) * 1_000) / rps
    }
    timer = setTimeout(tick, Math.max(1, nextAt - performance.now()))
  }
  tick()

  const settled = async (): Promise<void> => {
    await Promise.all([...running])
  }

  return {
    totals: () => ({ sent, done, errorsBeforeFirstByte, cutStreams, dropped }),
    inFlight: () => sent - done,
    setRate: (next) => {
      rps = next
      nextAt = performance.now()
    },
    settled,
    stop: async () => {
      clearTimeout(timer)
      await settled()
      agent.destroy()
    },
  }
}

interface PlannedRequest {
  readonly index: number
  readonly shape: Shape
  readonly unit: string
  readonly turn: number
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
  readonly conversation: Conversation | null
}

function plan(
  shape: Shape,
  index: number,
  chance: Random,
  words: number,
  conversationFor: (dialect: Conversation['dialect'], draw: Random) => Conversation,
): PlannedRequest {
  const say = (what: string): string =>
    `${chance.choice(ASKS)} ${chance.choice(TOPICS)}. (${what}, item ${chance.int(1_000_000)})`
  if (shape === 'embeddings') {
    return {
      index,
      shape,
      unit: `embeddings/${index}`,
      turn: 1,
      path: '/embeddings',
      headers: OPENAI_HEADERS,
      conversation: null,
      body: JSON.stringify({
        model: 'text-embedding-3-small',
        input: [say('first text'), say('second text')],
        dimensions: 32,
      }),
    }
  }
  const dialect = shape.startsWith('chat') ? 'chat' : 'messages'
  const stream = shape.endsWith('stream')
  const conversation = conversationFor(dialect, chance)
  const question = say(`conversation ${conversation.key}, simulate:words=${words}`)
  conversation.turns = [...conversation.turns, { role: 'user', content: question }]
  const { system, turns, key } = conversation
  const shared = {
    index,
    shape,
    unit: key,
    turn: (turns.length + 1) / 2,
    conversation,
  }
  if (dialect === 'chat') {
    const messages = [{ role: 'system', content: system }, ...turns]
    return {
      ...shared,
      path: '/chat/completions',
      headers: OPENAI_HEADERS,
      body: JSON.stringify({ model: 'gpt-5.2', messages, ...(stream ? { stream } : {}) }),
    }
  }
  return {
    ...shared,
    path: '/messages',
    headers: ANTHROPIC_HEADERS,
    body: JSON.stringify({
      model: 'claude-opus-4.6',
      max_tokens: 400,
      system,
      messages: turns,
      ...(stream ? { stream } : {}),
    }),
  }
}

const OPENAI_HEADERS = {
  'content-type': 'application/json',
  authorization: 'Bearer sk-a-callers-own-key',
}

const ANTHROPIC_HEADERS = {
  'content-type': 'application/json',
  'x-api-key': 'sk-ant-a-callers-own-key',
  'anthropic-version': '2023-06-01',
}

/** How much of a stream's end is kept: enough for an error event and an end mark. */
const TAIL = 2_048
const HEAD = 512

function call(options: LoadOptions, agent: Agent, planned: PlannedRequest): Promise<LoadRecord> {
  const stream = planned.shape.endsWith('stream')
  const sentAt = performance.now()
  return new Promise((resolve) => {
    let answer: IncomingMessage | null = null
    let firstByteMs: number | null = null
    let head = ''
    let tail = ''
    let over = false

    const finish = (broken: string | null): void => {
      if (over) return
      over = true
      clearTimeout(patience)
      const verdict = verdictOf(stream, answer?.statusCode ?? null, head, tail, broken)
      const header = (name: string): string | null => {
        const value = answer?.headers[name]
        return typeof value === 'string' ? value : null
      }
      const arm = header('x-headgate-arm')
      resolve({
        index: planned.index,
        shape: planned.shape,
        unit: planned.unit,
        turn: planned.turn,
        sentAt,
        status: answer?.statusCode ?? null,
        arm,
        assigned: header('x-headgate-assigned') ?? arm,
        reason: header('x-headgate-reason'),
        upstream: header('x-simulated-upstream'),
        ...verdict,
        firstByteMs,
        durationMs: performance.now() - sentAt,
      })
    }

    const request = httpRequest(
      `${options.baseUrl}${planned.path}`,
      {
        method: 'POST',
        agent,
        headers: {
          ...planned.headers,
          'content-length': String(Buffer.byteLength(planned.body)),
          ...options.headers,
        },
      },
      (response) => {
        answer = response
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          firstByteMs ??= performance.now() - sentAt
          if (head.length < HEAD) head += text.slice(0, HEAD)
          tail = stream ? (tail + text).slice(-TAIL) : tail + text
        })
        response.on('end', () => finish(response.complete ? null : 'cut'))
        response.on('error', (error) => finish(wordsOf(error)))
        response.on('close', () => finish('cut'))
      },
    )
    request.on('error', (error) => finish(wordsOf(error)))
    const patience = setTimeout(() => {
      finish('timeout')
      request.destroy()
    }, options.timeoutMs ?? 30_000)
    request.end(planned.body)
  })
}

type Verdict = Pick<LoadRecord, 'errorBeforeFirstByte' | 'cut' | 'silent' | 'fault'>

const GOOD: Verdict = { errorBeforeFirstByte: false, cut: false, silent: false, fault: null }

/** What a careful client would make of an answer. */
function verdictOf(
  stream: boolean,
  status: number | null,
  head: string,
  tail: string,
  broken: string | null,
): Verdict {
  const early = (fault: string): Verdict => ({ ...GOOD, errorBeforeFirstByte: true, fault })
  if (status === null) return early(broken ?? 'no answer')
  if (status >= 400) return early(`status ${status}`)
  if (head === '') return early(broken ?? 'no body')

  if (!stream) {
    if (broken !== null) return { ...GOOD, cut: true, fault: broken }
    try {
      const value: unknown = JSON.parse(tail)
      const failed = typeof value === 'object' && value !== null && 'error' in value
      return failed ? early('error in a 200') : GOOD
    } catch {
      return { ...GOOD, cut: true, fault: 'not JSON' }
    }
  }
  const ERROR = /^(event: error|data: ?\{"error"|data: ?\{"type":"error")/m
  if (ERROR.test(head.split(/\r?\n\r?\n/, 1)[0] ?? '')) return early('error event first')
  if (ERROR.test(tail)) return { ...GOOD, cut: true, fault: 'error event' }
  if (/data: ?\[DONE\]|"type":"message_stop"/.test(tail)) return GOOD
  if (broken !== null) return { ...GOOD, cut: true, fault: broken }
  return { ...GOOD, cut: true, silent: true, fault: 'a clean end without an end mark' }
}

function wordsOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message
}
