import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import { ask, type Served, startServe } from './process.ts'

let served: Served | null = null

afterEach(async () => {
  await served?.stop()
  served = null
})

const ROLLOUT = `    plan: { steps: ["50%"] }
`

function stateFile({ folder }: Served): string {
  return join(folder, '.headgate/state.db')
}

/** Stops, does something to the state file, and starts again. */
async function changed(serving: Served, change: (file: string) => void): Promise<Buffer> {
  await serving.api('rollouts/relay/start', { by: 'ada', reason: 'test' })
  await serving.kill()
  const file = stateFile(serving)
  change(file)
  const bytes = readFileSync(file)
  await serving.restart()
  return bytes
}

describe('the state file', () => {
  it('C11: is kept beside the configuration unless it says otherwise, for its owner alone', async () => {
    served = await startServe({ percent: 100, rollout: ROLLOUT })
    await served.api('rollouts/relay/start', { by: 'ada', reason: 'test' })
    await served.restart()
    expect(await served.rollout()).toMatchObject({ state: 'ramping', version: 1 })
    expect(statSync(stateFile(served)).mode & 0o777).toBe(0o600)
    expect(await served.api('health')).toMatchObject({
      degraded: [],
      store: { kind: 'sqlite:.headgate/state.db', fault: null },
    })
  })

  it.each([
    ['is damaged', (file: string) => writeFileSync(file, 'not a database at all '.repeat(500))],
    ['is empty', (file: string) => writeFileSync(file, '')],
    [
      'is of a newer version',
      (file: string) => {
        const database = new DatabaseSync(file)
        database.exec('UPDATE headgate SET schema = 99')
        database.close()
      },
    ],
    [
      'is of another program',
      (file: string) => {
        const database = new DatabaseSync(file)
        database.exec('DROP TABLE headgate')
        database.close()
      },
    ],
  ])('F-8: that %s sends all to control, says why, and is left as it is', async (_, change) => {
    served = await startServe({ percent: 100, rollout: ROLLOUT })
    const before = await changed(served, change)
    for (let one = 0; one < 20; one++) {
      const answer = await ask(served.dataUrl)
      expect(answer.headers.get('x-headgate-reason')).toBe('stale')
      await answer.text()
    }
    expect(served.relay.requests.total).toBe(0)
    const { doubt } = await served.rollout()
    expect(doubt).toContain('state.db')
    const health = await served.api('health')
    expect(health).toMatchObject({ ready: true, degraded: ['store'], store: { fault: doubt } })
    await expect(
      served.api('rollouts/relay/start', { by: 'ada', reason: 'again' }),
    ).rejects.toThrow(/^503 /)
    expect(readFileSync(stateFile(served))).toEqual(before)
  })

  it('F-7: that cannot be made is no reason not to start', async () => {
    served = await startServe({ percent: 100, rollout: ROLLOUT })
    await served.kill()
    const { folder } = served
    writeFileSync(join(folder, 'blocked'), '')
    served.writeConfig(`state: { sqlite: blocked/state.db }\n${served.configText()}`)
    await served.restart()
    const answer = await ask(served.dataUrl)
    await answer.text()
    expect(answer.headers.get('x-headgate-reason')).toBe('stale')
    expect((await served.rollout()).doubt).toContain('blocked/state.db')
  })
})

describe('a webhook', () => {
  it('tells of a change, signed, with who and why', async () => {
    const receiver = createServer().listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const { port } = receiver.address() as AddressInfo
    try {
      served = await startServe({
        percent: 100,
        rollout: ROLLOUT,
        env: { HOOK: `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}` },
        top: `webhooks: [{ url: "http://127.0.0.1:${port}/hook", secret: { env: HOOK } }]\n`,
      })
      const arriving = once(receiver, 'request')
      await served.api('rollouts/relay/start', { by: 'ada', reason: 'the big day' })
      const [request, response] = await arriving
      let body = ''
      for await (const chunk of request) body += chunk
      response.end()
      expect(request.headers['webhook-signature']).toMatch(/^v1,/)
      expect(JSON.parse(body)).toMatchObject({
        type: 'rollout.started',
        data: { rollout: 'relay', by: 'ada', reason: 'the big day' },
      })
    } finally {
      receiver.close()
    }
  })
})
