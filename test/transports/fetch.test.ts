import { Hono } from 'hono'
import { expect, it } from 'vitest'
import type { Caller } from '../../src/ports.ts'
import { fetchDoor } from '../../src/transports/fetch.ts'
import { turns } from '../fakes/caller.ts'

it('an upload that its upstream wants no more of is no caller who left', async () => {
  let left = false
  const app = new Hono()
  const serve = async (caller: Caller): Promise<void> => {
    caller.onLeave(() => {
      left = true
    })
    const upload = (caller.stream(1_000_000, () => {}) as ReadableStream<Uint8Array>).getReader()
    const next = upload.read()
    await turns()
    await upload.cancel('answered already')
    await next
    await turns()
    caller.answer(413, ['content-type', 'text/plain'], new TextEncoder().encode('too large'))
  }
  app.post('/v1/files', (context) => fetchDoor(context, serve))
  const body = new ReadableStream<Uint8Array>()
  const request = { method: 'POST', body, duplex: 'half' } as RequestInit
  const answer = await app.request('/v1/files', request)
  expect([answer.status, await answer.text(), left]).toEqual([413, 'too large', false])
})
