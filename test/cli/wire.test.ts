import { expect, onTestFinished, test } from 'vitest'
import { controlApp } from '../../src/api/routes.ts'
import { HeadgateError } from '../../src/errors.ts'
import { listen } from '../../src/transports/listen.ts'
import { fakePlane, REQUEST, TOKEN } from '../api/fake-plane.ts'
import { ask, begin, documentsOf } from './ask.ts'

/** The CLI and the API as they are, over a socket: both sides mean the same. */

async function served() {
  const plane = fakePlane()
  const listener = await listen(controlApp(plane, { beatMs: 50 }), '127.0.0.1', 0, 'control.port')
  onTestFinished(() => listener.close(0))
  const env = { HEADGATE_URL: listener.url, HEADGATE_TOKEN: TOKEN, HEADGATE_BY: 'alice' }
  const because = ['--reason', 'fixed, #812']
  const said = async (...args: string[]) => {
    const { code, stdout } = await ask(args, { env })
    return [code, stdout.split('\n')[0]]
  }
  return { plane, env, because, said }
}

test('a life of a rollout, by the command line', async () => {
  const { env, because, said } = await served()
  expect(await said('start', 'relay', ...because)).toEqual([
    0,
    'relay: ramping at 1 % (step 1 of 5), version 1',
  ])
  expect(await said('advance', 'relay', ...because, '--if-version', '0')).toEqual([7, ''])
  expect((await said('advance', 'relay', ...because, '--if-version', '1'))[0]).toBe(0)
  expect(await said('set', 'relay', '0.07%', ...because)).toEqual([
    0,
    'relay: paused at 0.07 %, version 3',
  ])
  expect((await said('resume', 'relay', ...because))[0]).toBe(0)
  expect((await said('pause', 'relay'))[0]).toBe(0)
  expect((await said('promote', 'relay', ...because))[0]).toBe(0)
  expect(await said('rollback', 'relay')).toEqual([0, 'relay: rolled_back at 0 %, version 7'])
  expect(await said('rollback', 'relay')).toEqual([0, 'relay: rolled_back at 0 %, version 7'])
  expect(await said('start', 'relay', ...because)).toEqual([7, ''])
  expect(await said('note', 'relay', 'a new region')).toEqual([
    0,
    'relay: rolled_back at 0 %, version 8',
  ])
  expect((await said('status', 'relay'))[0]).toBe(5)
  expect((await said('rearm', 'relay', ...because))[0]).toBe(0)
  expect(await said('start', 'relay', '--by', 'guard', ...because)).toEqual([2, ''])
  expect(await said('rollback', 'realy')).toEqual([1, ''])
  const { stdout } = await ask(['events', 'relay', '--json'], { env })
  const [{ items }] = documentsOf(stdout) as [{ items: { type: string; by: string }[] }]
  expect(items.map(({ type }) => type)).toEqual([
    'started',
    'advanced',
    'set',
    'resumed',
    'paused',
    'promoted',
    'rolled_back',
    'note',
    'rearmed',
  ])
  expect(new Set(items.map(({ by }) => by))).toEqual(new Set(['alice']))
})

test('events are followed from an empty log on', async () => {
  const { plane, env } = await served()
  const asked = begin(['events', 'relay', '--follow'], { env })
  await plane.obeyed('embeddings', { type: 'start', by: 'bob', reason: 'other' })
  await plane.obeyed('relay', { type: 'start', by: 'bob', reason: 'begin' })
  await asked.stdout.said('by bob: begin')
  await plane.obeyed('relay', { type: 'pause', by: 'bob', reason: 'enough' })
  await asked.stdout.said('by bob: enough')
  asked.interrupt()
  expect(await asked.code).toBe(0)
  expect(asked.stdout.text).not.toContain('other')
})

test('a request is explained, and one that is not remembered is not', async () => {
  const { said } = await served()
  expect(await said('explain', REQUEST.id)).toEqual([
    0,
    `request   ${REQUEST.id}, 2027-01-04 12:00:00 UTC`,
  ])
  expect(await said('explain', 'other')).toEqual([1, ''])
})

test('flushes come page by page to the replay', async () => {
  const { env } = await served()
  const { code, stderr } = await ask(['replay', 'relay'], { env })
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('flush 3 is no flush of this version'),
  ])
})

test('a store that is away is 1', async () => {
  const { plane, because, said } = await served()
  plane.break(new HeadgateError('store_unavailable', 'the database is locked'))
  expect(await said('start', 'relay', ...because)).toEqual([1, ''])
  expect(await said('events')).toEqual([1, ''])
})
