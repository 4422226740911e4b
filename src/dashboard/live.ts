import { computed, signal } from '@preact/signals'
import type { EventView } from '../api/views/event.ts'
import type { HistorySample } from '../api/views/history.ts'
import type { RolloutView } from '../api/views/rollout.ts'
import { ask, forgetToken, keepToken, opened, Refused, token } from './api.ts'
import { appended, MOST_EVENTS, MOST_SAMPLES } from './bounded.ts'
import { place } from './route.ts'
import { framesOf } from './stream.ts'

/** What the page knows, kept up to date: read every second, and at once when something happened. */

export type Connection = 'connecting' | 'live' | 'lost' | 'signed_out'

export const connection = signal<Connection>('connecting')
/** Why one is signed out, or what the last failure was. */
export const trouble = signal<string | null>(null)
/** When something was last heard, on this machine's clock. */
export const heardAtMs = signal(Date.now())
/** A clock for what is shown as "ago"; it ticks each second. */
export const nowMs = signal(Date.now())
export const role = signal<'operator' | 'viewer'>('viewer')
export const dataUrl = signal<string | null>(null)
export const rollouts = signal<readonly RolloutView[] | null>(null)
export const events = signal<readonly EventView[]>([])
export const samples = signal<readonly HistorySample[]>([])

/** The one that the address names, else the first. */
export const rollout = computed<RolloutView | null>(() => {
  const all = rollouts.value ?? []
  const { rollout: wanted } = place.value
  return all.find(({ name }) => name === wanted) ?? (wanted === null ? (all[0] ?? null) : null)
})

const READ_MS = 1_000
/** A tab that nobody sees asks less often. */
const HIDDEN_MS = 10_000
const RETRY_MS = 1_000
const MOST_RETRY_MS = 8_000
/** The server gives a sign each 15 s. */
const SILENCE_MS = 40_000
const PAGE = 1_000

/** Ends the present wait for the next reading. */
let wake = (): void => {}
let isDue = false
let begun = 0
let silence = new AbortController()

/** Reads again now. */
export function refresh(): void {
  isDue = true
  wake()
}

/** Begins, or begins anew with another token. */
export function begin(): void {
  silence.abort()
  const run = ++begun
  connection.value = 'connecting'
  rollouts.value = null
  events.value = []
  samples.value = []
  void read(run)
  void listen(run)
}

export function signIn(given: string): void {
  keepToken(given.trim())
  trouble.value = null
  begin()
}

/** @param why for whoever has to sign in again */
export function signOut(why: string | null = null): void {
  begun++
  silence.abort()
  forgetToken()
  trouble.value = why
  connection.value = 'signed_out'
}

setInterval(() => {
  nowMs.value = Date.now()
}, 1_000)
addEventListener('visibilitychange', refresh)
addEventListener('online', refresh)

/** Again and again, with longer waits while nobody answers. */
async function read(run: number): Promise<void> {
  for (let failures = 0; run === begun; ) {
    isDue = false
    try {
      await readAll()
      failures = 0
    } catch (error) {
      if (run !== begun) return
      failures++
      noteFailure(error)
    }
    await pause(failures > 0 ? retryMs(failures) : document.hidden ? HIDDEN_MS : READ_MS)
  }
}

function retryMs(failures: number): number {
  return Math.min(RETRY_MS * 2 ** (failures - 1), MOST_RETRY_MS)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, isDue ? 0 : ms)
    wake = () => {
      clearTimeout(timer)
      resolve()
    }
  })
}

function noteFailure(error: unknown): void {
  const status = error instanceof Refused ? error.status : null
  if (status === 401) {
    signOut(token() === '' ? null : 'This is neither the control token nor the viewer’s.')
    return
  }
  trouble.value = error instanceof Error ? error.message : String(error)
  if (status === 0 && connection.value !== 'connecting') connection.value = 'lost'
}

async function readAll(): Promise<void> {
  if (connection.value !== 'live') {
    const self = await ask<{ role: 'operator' | 'viewer'; dataUrl: string | null }>('self')
    role.value = self.role
    dataUrl.value = self.dataUrl
  }
  const { items } = await ask<{ items: RolloutView[] }>('rollouts')
  rollouts.value = items
  heardAtMs.value = Date.now()
  nowMs.value = Date.now()
  trouble.value = null
  connection.value = 'live'
  await readSamples()
}

/** Whose samples are there; null: they are read anew. */
let samplesOf: string | null = null

/** Only those behind the last. */
async function readSamples(): Promise<void> {
  const name = rollout.value?.name ?? null
  if (name === null) return
  if (name !== samplesOf) samples.value = []
  samplesOf = name
  const path = `rollouts/${encodeURIComponent(name)}/history`
  const after = samples.value.at(-1)?.position ?? 0
  const { items } = await ask<{ items: HistorySample[] }>(`${path}?after=${after}`)
  if (samplesOf === name) samples.value = appended(samples.value, items, MOST_SAMPLES)
}

/** Events as they come, again and again. That there is nobody to hear is found by whoever reads. */
async function listen(run: number): Promise<void> {
  for (let failures = 0; run === begun; failures++) {
    if (connection.value === 'live') {
      silence = new AbortController()
      await hearEvents(() => {
        failures = 0
      }).catch(() => {})
      silence.abort()
      // Another process counts its samples from 1.
      samplesOf = null
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs(Math.min(failures, 4) + 1) / 2))
  }
}

/** First what there was, then what comes, until the stream ends. @throws {Refused} */
async function hearEvents(onSign: () => void): Promise<void> {
  let after = events.value.at(-1)?.id ?? ''
  for (;;) {
    const query = `limit=${PAGE}${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`
    const page = await ask<{ items: EventView[]; next: string | null }>(`events?${query}`).catch(
      (error: unknown) => {
        // A log that began anew does not know what was seen.
        if (error instanceof Refused && error.status === 400) events.value = []
        throw error
      },
    )
    events.value = appended(events.value, page.items, MOST_EVENTS)
    after = page.items.at(-1)?.id ?? after
    if (page.next === null) break
  }
  const hearing = silence
  const { signal } = hearing
  let timer = setTimeout(() => hearing.abort(), SILENCE_MS)
  const sign = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => hearing.abort(), SILENCE_MS)
    onSign()
  }
  const path = `events/stream?after=${encodeURIComponent(after)}`
  const { body } = await opened(path, { signal })
  if (body === null) return
  for await (const { data } of framesOf(body, sign)) {
    events.value = appended(events.value, [JSON.parse(data) as EventView], MOST_EVENTS)
    refresh()
  }
  clearTimeout(timer)
}
