import { expect, it } from 'vitest'
import type { ChecksView } from '../../src/api/views/checks.ts'
import { OFFICIAL_KEY, RELAY_KEY } from '../fakes/gateway.ts'
import { stage } from './story.ts'

/** What a doctor can tell at the edge: all that a fetch shows. */

it('asks upstreams with their own keys, and says what the platform does not show', async () => {
  const { first, official, relay } = await stage({})
  const { items } = (await first.ask('/checks')) as ChecksView
  const of = (about: string) =>
    Object.fromEntries(
      items.filter((one) => one.about === about).map(({ id, status }) => [id, status]),
    )
  for (const about of ['upstreams.official', 'upstreams.relay']) {
    expect(of(about)).toEqual({
      'secret.present': 'ok',
      'secret.shape': 'ok',
      'url.shape': 'ok',
      'net.dns': 'skipped',
      'net.tls': 'skipped',
      'url.redirect': 'ok',
      'path.probe': 'ok',
      'auth.cross': 'ok',
      'auth.style': 'ok',
      'model.exists': 'skipped',
    })
  }
  expect(of('flags')).toEqual({ 'flags.source': 'ok' })
  expect(of('state')).toEqual({ 'store.write': 'ok' })
  const keysOf = (upstream: typeof relay) =>
    [...upstream.requests].flatMap(({ rawHeaders }) => {
      const at = rawHeaders.findIndex((name) => name.toLowerCase() === 'authorization')
      return at === -1 ? [] : [rawHeaders[at + 1]]
    })
  expect(new Set(keysOf(official))).toEqual(new Set([`Bearer ${OFFICIAL_KEY}`]))
  expect(new Set(keysOf(relay))).toEqual(new Set([`Bearer ${RELAY_KEY}`]))

  await relay.setFault({ kind: 'status', status: 401 })
  expect(await first.ask('/checks')).toEqual({ at: expect.any(String), items })
})
