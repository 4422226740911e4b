import { describe, expect, test } from 'vitest'
import type { RequestView } from '../../src/api/views/request.ts'
import { ask, controlled, documentsOf } from './ask.ts'

const REQUEST: RequestView = {
  id: 'hg-1',
  at: '2026-01-02T10:00:05.000Z',
  rollout: 'relay',
  endpoint: '/v1/chat/completions',
  model: 'gpt-5.2',
  stream: true,
  caller: 'web',
  unit: { source: 'header', position: 5.27 },
  split: { state: 'ramping', version: 7, epoch: 1, step: 3, flag: 100, height: 10, share: 10 },
  assigned: 'canary',
  reason: 'failover',
  attempts: [
    {
      arm: 'canary',
      upstream: 'relay',
      outcome: 'truncated',
      status: 200,
      firstByteMs: null,
      durationMs: 830.4,
      model: null,
    },
    {
      arm: 'control',
      upstream: 'official',
      outcome: 'ok',
      status: 200,
      firstByteMs: 210,
      durationMs: 1_204,
      model: 'gpt-5.2',
    },
  ],
  evidence: { counted: true, words: 'a failure of the canary, first of its unit' },
  trace: {
    id: '0af7651916cd43dd8448eb211c80319c',
    kept: true,
    url: 'https://jaeger.example/trace/0af7651916cd43dd8448eb211c80319c',
  },
}

describe('explain', () => {
  test('says where a request went, and why', async () => {
    const { control, env } = await controlled()
    control.requests = [REQUEST]
    expect(await ask(['explain', 'hg-1'], { env })).toEqual({
      code: 0,
      stderr: '',
      stdout: `\
request   hg-1, 2026-01-02 10:00:05 UTC
asked     /v1/chat/completions, model gpt-5.2, streamed, caller web
rollout   relay: ramping, epoch 1, version 7, step 4
unit      from the header x-headgate-unit; position 5.27 %
share     10 %: flag 100 %, height 10 %; 5.27 % is below it, so canary, where nothing else decides
went to   canary, because: failover (the canary failed before its first byte, and control answered)
attempts  1. canary (relay): truncated, status 200, no first byte, 830 ms in all
          2. control (official): ok, status 200, first byte 210 ms, 1,204 ms in all, answered by gpt-5.2
evidence  counted: a failure of the canary, first of its unit
trace     https://jaeger.example/trace/0af7651916cd43dd8448eb211c80319c
`,
    })
  })

  test.each([
    [
      { id: '0af7651916cd43dd8448eb211c80319c', kept: true, url: null },
      'trace     0af7651916cd43dd8448eb211c80319c\n',
    ],
    [
      { id: '0af7651916cd43dd8448eb211c80319c', kept: false, url: null },
      'trace     0af7651916cd43dd8448eb211c80319c, not sampled: kept should a rollback follow\n',
    ],
    [null, ''],
  ])('and which trace it is: %o', async (trace, line) => {
    const { control, env } = await controlled()
    control.requests = [{ ...REQUEST, trace }]
    const { stdout } = await ask(['explain', 'hg-1'], { env })
    expect(stdout.split(/(?=^trace)/m)[1] ?? '').toBe(line)
  })

  test('and where nothing was drawn', async () => {
    const { control, env } = await controlled()
    control.requests = [
      {
        ...REQUEST,
        unit: { source: null, position: null },
        assigned: 'control',
        reason: 'pinned',
        attempts: [],
        evidence: { counted: false, words: 'pinned requests are no evidence' },
      },
    ]
    const { stdout } = await ask(['explain', 'hg-1'], { env })
    expect(stdout).toContain(
      'unit      none; nothing was drawn\nshare     10 %: flag 100 %, height 10 %\n',
    )
    expect(stdout).toContain(
      'went to   control, because: pinned (it is bound to control)\nattempts  none\n',
    )
    expect(stdout).toContain('evidence  not counted: pinned')
  })

  test("as JSON it is the API's own view", async () => {
    const { control, env } = await controlled()
    control.requests = [REQUEST]
    const { stdout } = await ask(['explain', 'hg-1', '--json'], { env })
    expect(documentsOf(stdout)).toEqual([{ schemaVersion: 1, ok: true, request: REQUEST }])
  })

  test('what is not remembered is 1, and says where ids come from', async () => {
    const { env } = await controlled()
    const { code, stdout, stderr } = await ask(['explain', 'hg/2?', '--json'], { env })
    expect(code).toBe(1)
    expect(documentsOf(stdout)).toMatchObject([{ ok: false, error: { code: 'not_found' } }])
    expect(stderr).toContain('request hg/2? is not remembered')
    expect(stderr).toContain('x-headgate-request-id')
  })
})
