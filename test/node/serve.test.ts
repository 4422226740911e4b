import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { startUpstream } from '../../src/demo/upstreams.ts'
import { Call } from '../fakes/caller.ts'
import { documentOf } from '../fakes/gateway.ts'
import { ask, configOf, type Served, startServe } from './process.ts'

let served: Served | null = null

afterEach(async () => {
  await served?.stop()
  served = null
})

async function armOf(dataUrl: string): Promise<string | null> {
  const answer = await ask(dataUrl)
  await answer.text()
  return answer.headers.get('x-headgate-arm')
}

describe('headgate serve', () => {
  it('follows the flag file: share, kill, and the way back', async () => {
    served = await startServe({ percent: 0 })
    expect(await armOf(served.dataUrl)).toBe('control')
    served.writeFlags(100)
    await served.logged('"split"', '"ceilingPercent":100')
    expect(await armOf(served.dataUrl)).toBe('canary')
    expect((await served.rollout()).share).toMatchObject({ target: 100, flag: 100 })
    served.writeFlags(100, true)
    await served.logged('"split"', '"killed":true')
    expect(await armOf(served.dataUrl)).toBe('control')
    expect(await served.rollout()).toMatchObject({ killed: true, share: { target: 0 } })
  })

  it('lets V8 draw no conclusion from a young process on how long its objects live', async () => {
    served = await startServe({ nodeOptions: ['--trace-gc', '--trace-pretenuring-statistics'] })
    const { child, dataUrl, stdout } = served
    const sinceItListens = (): string => stdout().slice(stdout().indexOf('control '))
    while (sinceItListens().split('Scavenge').length <= 3) {
      expect(child.exitCode).toBeNull()
      const answers = await Promise.all(Array.from({ length: 16 }, () => ask(dataUrl)))
      for (const answer of answers) await answer.text()
    }
    // While it was loaded V8 still did.
    expect(stdout()).toContain('pretenuring')
    expect(sinceItListens()).not.toContain('pretenuring')
  })

  it('keeps the last good flags when the file is broken, and says so', async () => {
    served = await startServe({ percent: 100 })
    served.writeFlagsText(JSON.stringify(documentOf(100, false)).replace('"100"', '"1e9"'))
    await served.logged('flags not read', 'must be a percentage in 0..100')
    expect(await armOf(served.dataUrl)).toBe('canary')
    const ready = await fetch(new URL('/readyz', served.dataUrl))
    expect(await ready.json()).toEqual({ ready: true, degraded: ['flags'] })
  })

  it('takes a new configuration whole, and none of a broken one', async () => {
    served = await startServe({ percent: 0 })
    const { official, relay } = served
    const other = await startUpstream({ name: 'other', seed: 2 })
    try {
      served.writeConfig(configOf('not a url', relay.baseUrl))
      await served.logged('configuration not taken', 'upstreams.official.baseUrl')
      expect(await armOf(served.dataUrl)).toBe('control')
      expect(official.requests.total).toBe(1)
      served.writeConfig(configOf(other.baseUrl, relay.baseUrl))
      await served.logged('configuration taken')
      await armOf(served.dataUrl)
      expect(other.requests.total).toBe(1)
      expect(official.requests.total).toBe(1)
    } finally {
      await other.close()
    }
  })

  it('reads the configuration again on SIGHUP', async () => {
    served = await startServe()
    served.child.kill('SIGHUP')
    await served.logged('configuration taken')
    expect(served.child.exitCode).toBeNull()
  })

  it('is at 0 % from the start with HEADGATE_KILL=1', async () => {
    served = await startServe({ percent: 100, env: { HEADGATE_KILL: '1' } })
    const answer = await ask(served.dataUrl)
    await answer.text()
    expect(answer.headers.get('x-headgate-reason')).toBe('killed')
    expect(served.relay.requests.total).toBe(0)
  })

  it('F-9: finishes ten running streams on SIGTERM, takes no new request, and exits with 0', async () => {
    served = await startServe({ percent: 50 })
    const { dataUrl, child } = served
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, user) => ask(dataUrl, { stream: true, user: `u${user}` })),
    )
    child.kill('SIGTERM')
    await served.logged('draining')
    const late = await ask(dataUrl).then(
      (answer) => answer.status,
      () => 'refused',
    )
    expect([503, 'refused']).toContain(late)
    const texts = await Promise.all(answers.map((answer) => answer.text()))
    for (const text of texts) expect(text).toMatch(/data: \[DONE\]\n\n$/)
    const [code] = await once(child, 'exit')
    expect(code).toBe(0)
  })

  it('F-9: ends streams that outlast the drain limit', async () => {
    served = await startServe({ server: '{ drainTimeout: 50ms }' })
    await served.official.setFault({ kind: 'hang_after_headers' })
    const answer = await ask(served.dataUrl, { stream: true })
    served.child.kill('SIGTERM')
    const [code] = await once(served.child, 'exit')
    expect(code).toBe(0)
    await expect(answer.text()).rejects.toThrow()
  })

  it('F-9: exits at once on a second signal', async () => {
    served = await startServe()
    await served.official.setFault({ kind: 'hang_after_headers' })
    const answer = await ask(served.dataUrl, { stream: true })
    served.child.kill('SIGTERM')
    await served.logged('draining')
    served.child.kill('SIGTERM')
    const [code] = await once(served.child, 'exit')
    expect(code).toBe(143)
    await expect(answer.text()).rejects.toThrow()
  })

  it.each([
    ['a stream', { stream: true }, { kind: 'hang_after_chunks', chunks: 4 }],
    ['a whole answer', {}, { kind: 'hang_after_chunks', chunks: 1 }],
  ] as const)(
    'F-10: killed in the middle of %s leaves it broken, and never an end',
    async (_, fields, fault) => {
      served = await startServe()
      await served.official.setFault(fault)
      const calling = new Call(`${served.dataUrl}/chat/completions`, {
        body: { model: 'm', messages: [{ role: 'user', content: 'simulate:words=40' }], ...fields },
      })
      await calling.until('"model"')
      await served.kill()
      expect(await calling.ended).toBe('broken')
      expect(calling.text).not.toMatch(/\[DONE\]|finish_reason":"/)
    },
  )

  it('D1: has no control plane without a token, and says how to get one', async () => {
    served = await startServe({ env: { HEADGATE_TOKEN: '' } })
    expect(served.controlUrl).toBeNull()
    expect(await armOf(served.dataUrl)).toBe('control')
  })

  it('D1: lets nobody at the control plane without the token', async () => {
    served = await startServe()
    const url = `${served.controlUrl}api/v1/rollouts`
    for (const authorization of [undefined, 'Bearer wrong', 'Basic Og==', 'Bearer ']) {
      const answer = await fetch(url, authorization ? { headers: { authorization } } : {})
      expect([400, 401]).toContain(answer.status)
      expect(await answer.text()).not.toContain('relay')
    }
  })

  it('says which setting to change when a port is taken', async () => {
    served = await startServe()
    const { port } = new URL(served.dataUrl)
    await expect(startServe({ env: { HEADGATE_PORT: port } })).rejects.toThrow(
      new RegExp(`ended with 1: .*${port}.*in use.*HEADGATE_PORT`, 's'),
    )
  })

  it('C10: prints no key and no prompt', async () => {
    served = await startServe({ percent: 50 })
    await served.official.setFault({ kind: 'status', status: 401 })
    await (await ask(served.dataUrl, { user: 'planted-user', marker: 'planted-prompt' })).text()
    served.child.kill('SIGTERM')
    await once(served.child, 'exit')
    expect(served.stderr()).not.toMatch(/official-key|relay-key|control-token|planted/)
  })
})
