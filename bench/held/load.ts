import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { MockReport } from '../overhead/mock-upstream.ts'
import { type Call, Caller } from './caller.ts'
import type { Order, Seen } from './orders.ts'
import { questionOf } from './questions.ts'
import { startUpstream } from './upstream.ts'

/** PROCESS: callers and upstream in one, so that one clock tells when a byte left here and when it came back. */

/** Streams that are opened together. */
const AT_ONCE = 100
/** Between a stream's last event and its caller's leaving. */
const SILENT_MS = 30
const PIECE = 64 * 1_024
const PIECE_EVERY_MS = 50

const upstream = await startUpstream()
const holding: Caller[] = []
let flooded: { readonly caller: Caller; readonly call: Call } | null = null

type OrderOf<Do extends Order['do']> = Extract<Order, { readonly do: Do }>

/** Each caller takes the next question, so that a tenth of them is the canary's. */
const VARIANTS = 500
const WHOLE = Array.from({ length: VARIANTS }, (_, variant) => questionOf('whole', variant))

async function ask({ port, perSecond, forMs }: OrderOf<'ask'>): Promise<number[]> {
  const idle: Caller[] = []
  const all = new Set<Caller>()
  const times: number[] = []
  const running: Promise<void>[] = []
  const one = async (question: Buffer): Promise<void> => {
    const caller = idle.pop() ?? new Caller(port)
    all.add(caller)
    const askedMs = performance.now()
    times.push((await caller.ask(question).ended) - askedMs)
    idle.push(caller)
  }
  const startedMs = performance.now()
  const many = (perSecond * forMs) / 1_000
  for (let at = 0; at < many; at++) {
    const earlyMs = startedMs + (at * 1_000) / perSecond - performance.now()
    if (earlyMs > 0) await pause(earlyMs)
    running.push(one(WHOLE[at % VARIANTS] as Buffer))
  }
  await Promise.all(running)
  for (const caller of all) caller.leave()
  return times
}

async function begin({ port, times }: OrderOf<'begin'>): Promise<number[]> {
  const caller = new Caller(port)
  const seen: number[] = []
  for (let time = 0; time < times; time++) {
    const askedMs = performance.now()
    const { begun, ended } = caller.ask(questionOf('brief', time))
    seen.push((await begun) - askedMs)
    await ended
  }
  caller.leave()
  return seen
}

async function leave({ port, times }: OrderOf<'leave'>): Promise<number[]> {
  const seen: number[] = []
  for (let time = 0; time < times; time++) {
    const caller = new Caller(port)
    await said(caller.ask(questionOf('held', time)))
    await pause(SILENT_MS)
    const gone = new Promise<number>((done) => {
      upstream.onGone = done
    })
    const leftMs = performance.now()
    caller.leave()
    seen.push((await gone) - leftMs)
  }
  return seen
}

async function hold({ port, streams }: OrderOf<'hold'>): Promise<number[]> {
  while (holding.length < streams) {
    const callers = Array.from(
      { length: Math.min(AT_ONCE, streams - holding.length) },
      () => new Caller(port),
    )
    await Promise.all(
      callers.map((caller, index) => said(caller.ask(questionOf('held', holding.length + index)))),
    )
    holding.push(...callers)
  }
  return []
}

/** It has said all it says. @throws {Error} when it is cut before */
function said(call: Call): Promise<void> {
  return new Promise((done, failed) => {
    call.ended.catch(failed)
    call.onBytes = () => {
      if (call.bytes >= upstream.saidBytes) done()
    }
  })
}

async function letGo(): Promise<number[]> {
  const gone = new Promise<void>((done) => {
    upstream.onGone = () => {
      if (upstream.held.size === 0) done()
    }
  })
  for (const caller of holding.splice(0)) caller.leave()
  await gone
  return []
}

async function dawdle({ port, bytes, forMs }: OrderOf<'dawdle'>): Promise<number[]> {
  upstream.floodBytes = bytes
  const caller = new Caller(port)
  const { socket } = caller
  await once(socket, 'connect')
  const call = caller.ask(questionOf('flood', 0))
  flooded = { caller, call }
  let taken = 0
  call.onBytes = () => {
    if (call.bytes - taken >= PIECE) socket.pause()
  }
  const slowly = setInterval(() => {
    taken = call.bytes
    socket.resume()
  }, PIECE_EVERY_MS)
  await pause(forMs)
  clearInterval(slowly)
  call.onBytes = () => {}
  return []
}

async function hurry(): Promise<number[]> {
  if (flooded === null) throw new Error('nobody dawdles')
  const { caller, call } = flooded
  const startedMs = performance.now()
  caller.socket.resume()
  const ms = (await call.ended) - startedMs
  caller.leave()
  if (call.bytes < upstream.floodBytes) throw new Error(`${call.bytes} bytes came`)
  return [ms]
}

function obey(order: Order): Promise<number[]> {
  switch (order.do) {
    case 'ask':
      return ask(order)
    case 'begin':
      return begin(order)
    case 'leave':
      return leave(order)
    case 'hold':
      return hold(order)
    case 'let go':
      return letGo()
    case 'dawdle':
      return dawdle(order)
    case 'hurry':
      return hurry()
  }
}

process.on('message', (order: Order) => {
  void obey(order).then(
    (ms) => process.send?.({ ms } satisfies Seen),
    (error: unknown) => process.send?.({ failed: String(error) } satisfies Seen),
  )
})
process.on('disconnect', () => process.exit())
const { control, canary, collector } = upstream
process.send?.({ control, canary, collector } satisfies MockReport)
