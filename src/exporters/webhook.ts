import { retryInMs } from '../backoff.ts'
import { HeadgateError } from '../errors.ts'
import type { Clock, Log } from '../ports.ts'
import type { EventType, RolloutEvent } from '../types.ts'

/**
 * Events to receivers of webhooks, as Standard Webhooks has it (github.com/standard-webhooks/standard-webhooks, spec 1.0.0).
 * A receiver may be told twice, and out of order: `webhook-id` is the event's id, `data.version` gives the order.
 */

/** One receiver. */
export interface WebhookTarget {
  /** `https:`, or `http:` on loopback; without user or password. Its path and query may be secret: they are never logged. */
  readonly url: string
  /** `whsec_` and base64 of 24..64 bytes. */
  readonly secret: { reveal(): string }
  /** Of these types only; of all, unless given. */
  readonly events?: readonly EventType[] | undefined
  /** Of these rollouts only; of all, unless given. */
  readonly rollouts?: readonly string[] | undefined
}

export interface WebhookParts {
  readonly targets: readonly WebhookTarget[]
  /** What receivers get as `data`. */
  readonly view: (event: RolloutEvent) => unknown
  /** The platform's own, or what stands in for it. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly clock: Clock
  /** In 0..1, below 1. */
  readonly random: () => number
  readonly log: Log
}

/** How one receiver stands, since this process began. */
export interface WebhookStatus {
  /** Without path and query. */
  readonly origin: string
  readonly delivered: number
  /** Given up, after the last attempt. */
  readonly failed: number
  /** Never delivered for want of room or time. */
  readonly dropped: number
  /** Waiting, or on their way. */
  readonly pending: number
  /** It answered 410, and is sent nothing more until the next start. */
  readonly gone: boolean
}

export interface Webhooks {
  /** Takes an event, and returns at once. Never throws. */
  send(event: RolloutEvent): void
  /** In the order of `targets`. */
  status(): readonly WebhookStatus[]
  /** Takes no more, lets what is on its way end, and drops the rest. */
  close(): Promise<void>
}

/** Events that no receiver will get: given up, or without room. */
export function lostOf(hooks: Webhooks): number {
  return hooks.status().reduce((sum, { failed, dropped }) => sum + failed + dropped, 0)
}

const ATTEMPT_TIMEOUT_MS = 15_000
/** Of one receiver. Beyond it the oldest goes. */
const MAX_PENDING = 1_000

/** @throws {HeadgateError} `config_invalid` for a URL or a secret that cannot be used; neither is in the message */
export function webhooks(parts: WebhookParts): Webhooks {
  const receivers = parts.targets.map((target, index) => {
    const wrong = urlFault(target.url)
    if (wrong !== null) throw new HeadgateError('config_invalid', `webhooks[${index}].url ${wrong}`)
    const key = keyOf(target.secret.reveal())
    if (key !== null) return new Receiver(target, key, parts)
    const message = `webhooks[${index}].secret must be whsec_ and base64 of 24..64 bytes`
    throw new HeadgateError('config_invalid', message)
  })
  let closed = false
  return {
    send(event) {
      if (closed) return
      const wanted = receivers.filter((receiver) => receiver.wants(event))
      if (wanted.length === 0) return
      try {
        const { id, type, at } = event
        const timestamp = new Date(at).toISOString()
        const data = parts.view(event)
        const body = JSON.stringify({ type: `rollout.${type}`, timestamp, data })
        for (const receiver of wanted) receiver.take({ id, body, attempts: 0, timer: null })
      } catch {
        parts.log.error('webhook not sent: the event cannot be written', { event: event.id })
      }
    },
    status: () => receivers.map((receiver) => receiver.status()),
    async close() {
      closed = true
      await Promise.all(receivers.map((receiver) => receiver.close()))
    },
  }
}

/** A CryptoKey: the types of Node, of the Workers and of browsers each say so in another way. */
type SigningKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

interface Message {
  readonly id: string
  readonly body: string
  attempts: number
  /** Set while it waits for its next attempt. */
  timer: unknown
}

/** One attempt at a time: while all is well, events arrive in their order. What failed lets the others go first. */
class Receiver {
  readonly #target: WebhookTarget
  readonly #key: Promise<SigningKey>
  readonly #parts: WebhookParts
  readonly #origin: string
  /** Oldest first. */
  readonly #pending = new Set<Message>()
  readonly #due: Message[] = []
  #sending: Promise<void> | null = null
  #delivered = 0
  #failed = 0
  #dropped = 0
  #gone = false
  #closed = false

  constructor(target: WebhookTarget, key: Uint8Array<ArrayBuffer>, parts: WebhookParts) {
    this.#target = target
    this.#parts = parts
    this.#origin = new URL(target.url).origin
    const hmac = { name: 'HMAC', hash: 'SHA-256' }
    this.#key = crypto.subtle.importKey('raw', key, hmac, false, ['sign'])
  }

  wants({ type, rollout }: RolloutEvent): boolean {
    const { events, rollouts } = this.#target
    if (this.#gone || this.#closed) return false
    return (events?.includes(type) ?? true) && (rollouts?.includes(rollout) ?? true)
  }

  take(message: Message): void {
    this.#pending.add(message)
    this.#due.push(message)
    for (const oldest of this.#pending) {
      if (this.#pending.size <= MAX_PENDING) break
      this.#drop(oldest)
      this.#parts.log.warn('webhook dropped: too many wait', this.#fields(oldest))
    }
    this.#pump()
  }

  status(): WebhookStatus {
    return {
      origin: this.#origin,
      delivered: this.#delivered,
      failed: this.#failed,
      dropped: this.#dropped,
      pending: this.#pending.size,
      gone: this.#gone,
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#sending
    const left = this.#pending.size
    this.#dropAll()
    if (left > 0) this.#parts.log.warn('webhooks dropped: the end', { to: this.#origin, left })
  }

  #drop(message: Message): void {
    if (message.timer !== null) this.#parts.clock.clearTimer(message.timer)
    this.#pending.delete(message)
    const place = this.#due.indexOf(message)
    if (place >= 0) this.#due.splice(place, 1)
    this.#dropped++
  }

  #dropAll(): void {
    for (const message of this.#pending) this.#drop(message)
  }

  #pump(): void {
    if (this.#sending !== null || this.#closed) return
    const message = this.#due.shift()
    if (message === undefined) return
    this.#sending = this.#deliver(message).then(() => {
      this.#sending = null
      this.#pump()
    })
  }

  async #deliver(message: Message): Promise<void> {
    message.attempts++
    const found = await this.#attempt(message)
    // It may have been dropped on its way: then only a success still counts.
    const dropped = !this.#pending.has(message)
    if (found === 'delivered') {
      this.#pending.delete(message)
      this.#delivered++
      if (dropped) this.#dropped--
    } else if (found === 'gone') {
      this.#gone = true
      this.#dropAll()
      this.#parts.log.warn('webhook receiver is gone: it is sent nothing more', {
        to: this.#origin,
      })
    } else if (!dropped && !this.#closed) {
      this.#retry(message, found)
    }
  }

  #retry(message: Message, why: string): void {
    const { clock, log, random } = this.#parts
    const inMs = retryInMs(message.attempts, random)
    const fields = { ...this.#fields(message), attempts: message.attempts, why }
    if (inMs === null) {
      this.#pending.delete(message)
      this.#failed++
      log.error('webhook given up', fields)
      return
    }
    log.warn('webhook not delivered: it is tried again', fields)
    message.timer = clock.setTimer(() => {
      message.timer = null
      this.#due.push(message)
      this.#pump()
    }, inMs)
  }

  /** @returns `delivered`, `gone`, or why not: `status 500`, `timeout`, `network` */
  async #attempt({ id, body }: Message): Promise<string> {
    const { clock, fetch } = this.#parts
    const giveUp = new AbortController()
    const timer = clock.setTimer(() => giveUp.abort(), ATTEMPT_TIMEOUT_MS)
    try {
      const timestamp = String(Math.floor(clock.wallMs() / 1_000))
      const response = await fetch(this.#target.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'headgate',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': await signature(await this.#key, `${id}.${timestamp}.${body}`),
        },
        body,
        redirect: 'manual',
        signal: giveUp.signal,
      })
      // Nobody reads what it has to say; left alone it would hold the connection.
      response.body?.cancel().catch(() => undefined)
      if (response.ok) return 'delivered'
      return response.status === 410 ? 'gone' : `status ${response.status}`
    } catch {
      return giveUp.signal.aborted ? 'timeout' : 'network'
    } finally {
      clock.clearTimer(timer)
    }
  }

  #fields({ id }: Message): { to: string; event: string } {
    return { to: this.#origin, event: id }
  }
}

/** HMAC-SHA256, in base64 behind its version. */
async function signature(key: SigningKey, signed: string): Promise<string> {
  const bytes = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(signed))
  return `v1,${btoa(String.fromCharCode(...new Uint8Array(bytes)))}`
}

/** Null for what is no secret of Standard Webhooks: base64 of 24..64 bytes behind `whsec_`. */
function keyOf(secret: string): Uint8Array<ArrayBuffer> | null {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+)={0,2}$/.exec(secret) ?? []
  if (encoded === undefined || encoded.length % 4 === 1) return null
  const key = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0))
  return key.length >= 24 && key.length <= 64 ? key : null
}

/** Once more than config asks it: this is where something leaves. */
function urlFault(text: string): string | null {
  if (!URL.canParse(text)) return 'must be a URL'
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return 'must hold no user and no password'
  if (protocol === 'https:') return null
  const loopback = /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(hostname)
  return protocol === 'http:' && loopback ? null : 'must be https: unless the host is loopback'
}
