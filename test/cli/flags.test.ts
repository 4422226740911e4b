import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { FAKE_TOKEN, type FakeUnleash, startFakeUnleash } from '../fakes/unleash-server.ts'
import { documentOf, gradual, kill, relay, variant, where } from '../flag/documents.ts'
import { ask } from './ask.ts'
import { folderWith } from './run.ts'

/** `headgate flags` before a server that says what a real one would not; the rest is in test/unleash. */

let unleash: FakeUnleash | null = null

afterEach(async () => {
  await unleash?.close()
  unleash = null
})

function place({ url }: FakeUnleash) {
  const config = {
    version: 1,
    upstreams: {
      official: { baseUrl: 'https://a.example/v1' },
      relay: { baseUrl: 'https://b.example/v1' },
    },
    flags: { unleash: { url, token: { env: 'BACKEND' } } },
    rollouts: {
      relay: {
        match: { paths: ['/v1/chat/completions'] },
        control: 'official',
        canary: 'relay',
        flag: 'headgate-relay',
        kill: 'headgate-kill',
      },
    },
  }
  const cwd = folderWith({ 'headgate.yaml': JSON.stringify(config) })
  const flags = (...args: string[]) =>
    ask(['flags', ...args], { cwd, env: { BACKEND: FAKE_TOKEN } })
  return { cwd, flags }
}

describe('headgate flags', () => {
  it('E4: reads around a malformed flag of another team, as serve does', async () => {
    unleash = await startFakeUnleash()
    const mine = documentOf([relay([gradual(5)]), kill([{ name: 'default' }], { enabled: false })])
    const theirs = { name: 'theirs', enabled: true, strategies: [gradual('abc')] }
    const text = JSON.stringify({ ...mine, features: [...mine.features, theirs] })
    unleash.answer({ kind: 'text', text })
    const { cwd, flags } = place(unleash)
    const show = await flags('show')
    expect(show.stdout).toContain('relay  headgate-relay  5 %')
    expect(show.stderr).toContain('are left out: "theirs"')
    expect((await flags('pull', '--file', 'flags.json')).code).toBe(0)
    expect(readFileSync(join(cwd, 'flags.json'), 'utf8')).not.toContain('theirs')
    const all = await flags('pull', '--file', 'flags.json', '--all')
    expect([all.code, all.stderr]).toEqual([3, expect.stringContaining('got "abc"')])
  })

  it('show says what check cannot know of a server: what no request says, and what is no evidence', async () => {
    const narrow = { constraints: [where('tenant', 'acme')], variants: [variant('canary', 5)] }
    const mine = [relay([gradual(100, narrow)]), kill([{ name: 'default' }], { enabled: false })]
    unleash = await startFakeUnleash(documentOf(mine))
    const { stdout } = await place(unleash).flags('show')
    expect(stdout).toContain('asks for "tenant", which no request has')
    expect(stdout).toContain('has variants: only the variant named "canary" is canary')
  })
})
