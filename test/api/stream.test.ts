import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { createParser } from 'eventsource-parser'
import { describe, expect, it, onTestFinished } from 'vitest'
import { controlApp } from '../../src/api/routes.ts'
import { eventStream } from '../../src/api/stream.ts'
import { eventView } from '../../src/api/views/event.ts'
import { HeadgateError } from '../../src/errors.ts'
import type { Command } from '../../src/rollout/command.ts'
import { listen } from '../../src/transports/listen.ts'
import { type FakePlane, fakePlane, TOKEN } from './fake-plane.ts'

/** Events as they happen, over a real socket. */

interface Heard {
  readonly id: string | undefined
  readonly event: string | undefined
  readonly data: string
}

interface Listening {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** Once so many events came. */
  events(count: number): Promise<readonly Heard[]>
  /** Once so many such comments came. */
  comments(count: number, text: string): Promise<void>
  readonly heard: readonly Heard[]
  /** Once the other side ended it. */
  readonly end: Promise<unknown>
  leave(): void
}

async function serving(
  beatMs = 15_000,
  onDefect = (error: unknown): void => {
    throw error
  },
): Promise<{ plane: FakePlane; url: string }> {
  const plane = fakePlane()
  const app = controlApp(plane, { beatMs, onDefect })
  const listener = await listen(app, '127.0.0.1', 0, 'port')
  onTestFinished(() => listener.close(0))
  return { plane, url: listener.url }
}

async function following(
  url: string,
  query = '',
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Listening> {
  const asking = request(`${url}/-/api/v1/events/stream${query}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
  })
  asking.on('error', () => {})
  asking.end()
  onTestFinished(() => void asking.destroy())
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  const heard: Heard[] = []
  const comments: string[] = []
  const parser = createParser({
    onEvent: ({ id, event, data }) => heard.push({ id, event, data }),
    onComment: (text) => comments.push(text),
  })
  answer.setEncoding('utf8')
  answer.on('data', (text: string) => parser.feed(text))
  answer.on('error', () => {})
  const end = new Promise((resolve) => answer.once('end', resolve))
  const until = async (found: () => boolean): Promise<void> => {
    while (!found()) await once(answer, 'data')
  }
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    heard,
    end,
    async events(count) {
      await until(() => heard.length >= count)
      return heard
    },
    comments: (count, text) =>
      until(() => comments.filter((each) => each.includes(text)).length >= count),
    leave: () => void asking.destroy(),
  }
}

const start: Command = { type: 'start', by: 'alice', reason: 'go' }
const pause: Command = { type: 'pause', by: 'alice', reason: 'lunch' }
const resume: Command = { type: 'resume', by: 'alice', reason: 'back' }

const idsOf = (heard: readonly Heard[]) => heard.map(({ id }) => id)

/** Until nobody listens: a socket tells of its end when it gets to it. */
async function nobody(plane: FakePlane): Promise<void> {
  while (plane.listeners() > 0) await new Promise(setImmediate)
}

describe('the stream of events', () => {
  it('tells of an event when it happens, as the API shows it', async () => {
    const { plane, url } = await serving()
    await plane.obeyed('relay', start)
    const stream = await following(url)
    expect(stream.status).toBe(200)
    expect(stream.headers['content-type']).toMatch(/^text\/event-stream/)
    expect(stream.headers['cache-control']).toBe('no-store')
    await stream.comments(1, 'follows')
    const { id } = await plane.obeyed('relay', pause)
    const [heard] = await stream.events(1)
    expect(heard).toMatchObject({ id, event: 'paused' })
    expect(eventView.parse(JSON.parse(heard?.data ?? ''))).toMatchObject({
      id,
      rollout: 'relay',
      version: 2,
      type: 'paused',
      by: 'alice',
      reason: 'lunch',
      after: { state: 'paused', share: 1 },
    })
  })

  it('first tells what came after the last event seen, and nothing twice', async () => {
    const { plane, url } = await serving()
    const first = await plane.obeyed('relay', start)
    const second = await plane.obeyed('relay', pause)
    for (const [query, headers] of [
      [`?after=${first.id}`, {}],
      ['', { 'last-event-id': first.id }],
      // A browser comes back with the URL it once began with.
      [`?after=${second.id}`, { 'last-event-id': first.id }],
    ] as const) {
      const stream = await following(url, query, headers)
      expect(idsOf(await stream.events(1))).toEqual([second.id])
      stream.leave()
    }
  })

  it('begins with the first of the log where `after` is empty', async () => {
    const { plane, url } = await serving()
    const first = await plane.obeyed('relay', start)
    const stream = await following(url, '?after=')
    await stream.events(1)
    const second = await plane.obeyed('relay', pause)
    expect(idsOf(await stream.events(2))).toEqual([first.id, second.id])
  })

  it('loses and repeats nothing while much happens, for readers who come and go', async () => {
    const { plane, url } = await serving()
    const ids = [(await plane.obeyed('relay', start)).id]
    let writing = true
    const writer = (async () => {
      for (let index = 0; index < 250; index++) {
        ids.push((await plane.obeyed('relay', index % 2 === 0 ? pause : resume)).id)
        if (index % 10 === 0) await new Promise(setImmediate)
      }
      writing = false
    })()
    const seen: string[] = []
    while (writing || seen.length < 251) {
      const last = seen.at(-1)
      const stream = await following(
        url,
        '?after=',
        last === undefined ? {} : { 'last-event-id': last },
      )
      await stream.events(1)
      stream.leave()
      seen.push(...stream.heard.map(({ id }) => id ?? ''))
    }
    await writer
    expect(seen).toEqual(ids)
  })

  it('catches up over more than one page', async () => {
    const { plane, url } = await serving()
    const ids = [(await plane.obeyed('relay', start)).id]
    for (let index = 0; index < 249; index++) {
      ids.push((await plane.obeyed('relay', index % 2 === 0 ? pause : resume)).id)
    }
    const stream = await following(url, '?after=')
    expect(idsOf(await stream.events(250))).toEqual(ids)
  })

  it('misses nothing that happens while the store is read', async () => {
    const plane = fakePlane()
    let late: Promise<unknown> | null = null
    const racing: FakePlane = {
      ...plane,
      async events(query) {
        const found = await plane.events(query)
        // Written behind the read, and told of before its reader hears that there is nothing.
        late ??= plane.obeyed('relay', start)
        await late
        return found
      },
    }
    const reader = eventStream(racing, {}, { beatMs: 3_600_000 }).getReader()
    const read = async () => new TextDecoder().decode((await reader.read()).value)
    expect(await read()).toContain('follows')
    expect(await read()).toContain('event: started')
    await reader.cancel()
  })

  it('can be of one rollout', async () => {
    const { plane, url } = await serving()
    const stream = await following(url, '?rollout=embeddings')
    await stream.comments(1, 'follows')
    await plane.obeyed('relay', start)
    const { id } = await plane.obeyed('embeddings', start)
    await plane.obeyed('relay', pause)
    const last = await plane.obeyed('embeddings', pause)
    expect(idsOf(await stream.events(2))).toEqual([id, last.id])
  })

  it('gives signs of life while nothing happens, and goes on telling', async () => {
    const { plane, url } = await serving(5)
    const stream = await following(url)
    await stream.comments(3, 'beat')
    expect(stream.heard).toEqual([])
    const { id } = await plane.obeyed('relay', start)
    expect(idsOf(await stream.events(1))).toEqual([id])
    await stream.comments(5, 'beat')
  })

  it('tells at the next sign of life what another process wrote', async () => {
    const { plane, url } = await serving(5)
    const silent: FakePlane = { ...plane, onEvent: () => () => {} }
    const listener = await listen(controlApp(silent, { beatMs: 5 }), '127.0.0.1', 0, 'port')
    onTestFinished(() => listener.close(0))
    const stream = await following(listener.url)
    await stream.comments(1, 'follows')
    const { id } = await plane.obeyed('relay', start)
    expect(idsOf(await stream.events(1))).toEqual([id])
    expect(url).not.toBe(listener.url)
  })

  it('outlives a store that is away, and then tells what it missed', async () => {
    const { plane, url } = await serving(5)
    const stream = await following(url)
    await stream.comments(1, 'beat')
    plane.break(new HeadgateError('store_unavailable', 'locked'))
    await stream.comments(2, 'the store is away')
    plane.break(null)
    const { id } = await plane.obeyed('relay', start)
    expect(idsOf(await stream.events(1))).toEqual([id])
  })

  it('lets go of a reader who leaves', async () => {
    const { plane, url } = await serving()
    const staying = await following(url)
    const leaving = await following(url)
    await Promise.all([staying.comments(1, 'follows'), leaving.comments(1, 'follows')])
    expect(plane.listeners()).toBe(2)
    leaving.leave()
    while (plane.listeners() > 1) await new Promise(setImmediate)
    await plane.obeyed('relay', start)
    await staying.events(1)
    staying.leave()
    await nobody(plane)
  })

  it('lets go of a reader who leaves before anything was sent', async () => {
    const { plane, url } = await serving(1)
    for (let index = 0; index < 20; index++) (await following(url)).leave()
    await nobody(plane)
  })

  it('ends when something is wrong inside, which is reported, and nobody listens then', async () => {
    const defects: unknown[] = []
    const { plane, url } = await serving(5, (error) => defects.push(error))
    const stream = await following(url)
    await stream.comments(1, 'follows')
    const defect = new TypeError('planted')
    plane.break(defect)
    await stream.end
    await nobody(plane)
    expect(defects).toEqual([defect])
  })

  it('listens to nothing for HEAD', async () => {
    const { plane, url } = await serving()
    const head = await following(url, '', {}, 'HEAD')
    expect(head.status).toBe(200)
    expect(plane.listeners()).toBe(0)
  })

  it('knows no event that there is none of', async () => {
    const { url } = await serving()
    expect((await following(url, '?after=nobody')).status).toBe(400)
    expect((await following(url, '', { 'last-event-id': 'nobody' })).status).toBe(400)
  })
})
