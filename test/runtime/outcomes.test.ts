import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Faults } from '../../src/demo/faults.ts'
import type { Dial } from '../../src/ports.ts'
import type { Observation, Outcome } from '../../src/types.ts'
import {
  ask,
  begin,
  CHAT,
  COMPLETIONS,
  COUNT_TOKENS,
  EMBEDDINGS,
  type EndpointAsk,
  MESSAGES,
  RESPONSES,
  TALKING,
} from '../fakes/asks.ts'
import { call } from '../fakes/caller.ts'
import { manualClock } from '../fakes/clock.ts'
import { type Gateway, startGateway, TRANSPORTS } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** How each way of ending is called, under the arm that did it. Relay failures hide in 200s. */

type How = 'whole' | 'stream'
type Row = readonly [
  outcome: Outcome,
  what: string,
  fault: Faults | null,
  hows: readonly How[],
  asks?: readonly EndpointAsk[],
]

const both: readonly How[] = ['whole', 'stream']
const status = (code: number): Faults => ({ kind: 'status', status: code, retryAfter: null })

const ROWS: readonly Row[] = [
  ['ok', 'a good answer', null, both],
  ['ok', 'a slow one', { kind: 'slow_drip', ms: 1 }, both],
  ['ok', 'one without usage', { kind: 'no_usage' }, both],
  ['ok', 'CRLF line ends', { kind: 'line_endings', ending: 'crlf' }, ['stream']],
  ['ok', 'CR line ends', { kind: 'line_endings', ending: 'cr' }, ['stream']],
  ['ok', 'comments and a byte order mark', { kind: 'sse_noise' }, ['stream']],
  ['ok', 'an event in the middle that is no JSON', { kind: 'malformed_sse' }, ['stream']],
  ['rejected', 'status 400', status(400), both],
  ['rejected', 'status 404', status(404), both],
  ['rejected', 'status 409', status(409), both],
  ['rejected', 'status 413', status(413), both],
  ['rejected', 'status 422', status(422), both],
  ['auth', 'status 401', status(401), both],
  ['auth', 'status 402', status(402), both],
  ['auth', 'status 403', status(403), both],
  ['rate_limited', 'status 429', status(429), both],
  ['upstream_error', 'status 408', status(408), both],
  ['upstream_error', 'status 500', status(500), both],
  ['upstream_error', 'status 502', status(502), both],
  ['upstream_error', 'status 503', status(503), both],
  ['upstream_error', 'status 529', status(529), both],
  ['upstream_error', 'a page of status 502', { kind: 'html', status: 502 }, both],
  ['upstream_error', 'a redirect', { kind: 'redirect', location: 'http://127.0.0.1:9/' }, both],
  ['upstream_error', 'an error with status 200', { kind: 'error_first' }, ['whole']],
  ['connect_error', 'nobody listens', { kind: 'refuse' }, both],
  ['connect_error', 'a reset before the head', { kind: 'reset_before_headers' }, both],
  ['truncated', 'less than content-length', { kind: 'short_content_length' }, both],
  ['truncated', 'a reset in the middle', { kind: 'reset_after_chunks', chunks: 4 }, both],
  ['truncated', 'a reset before content', { kind: 'reset_after_chunks', chunks: 1 }, ['stream']],
  ['truncated', 'a clean end in the middle', { kind: 'end_after_chunks', chunks: 6 }, ['stream']],
  ['truncated', 'a clean end before content', { kind: 'end_after_chunks', chunks: 1 }, ['stream']],
  ['error_in_stream', 'an error first', { kind: 'error_first' }, ['stream']],
  ['error_in_stream', 'an error later', { kind: 'error_after_chunks', chunks: 6 }, ['stream']],
  ['malformed', 'a page of status 200', { kind: 'html' }, both],
  ['malformed', 'garbage', { kind: 'garbage' }, both],
  ['malformed', 'no body at all', { kind: 'empty', of: 'body' }, both],
  ['malformed', 'half of a JSON answer', { kind: 'end_after_chunks', chunks: 1 }, ['whole']],
  ['malformed', 'JSON for a stream', { kind: 'ignore_stream' }, ['stream']],
  ['empty', 'nothing said', { kind: 'empty' }, both],
]

const WHOLE_ONLY: readonly Row[] = ROWS.filter(([, , , hows]) => hows.includes('whole'))

/** What a caller who leaves a stream that hangs may be called, by how it hangs. */
const SEEN = { timeouts: {}, hang: ['cancelled'], hang_after_chunks: ['cancelled'] }
/** Local workerd notices when it next writes to the caller: ARCHITECTURE.md, "What differs at the edge". */
const SEEN_LATE: typeof SEEN = {
  timeouts: { firstByte: '1s', idle: '1s' },
  hang: ['cancelled', 'timeout_first_byte'],
  hang_after_chunks: ['cancelled', 'timeout_idle'],
}

describe.each(TRANSPORTS)('outcomes over %s', (transport) => {
  describe.each([
    ['control', 0],
    ['canary', 100],
  ] as const)('of %s', (arm, percent) => {
    let gateway: Gateway
    beforeAll(async () => {
      // Without failover, so that the caller gets what the canary did, and nothing is held back.
      gateway = await startGateway({ transport, percent, rollout: { failover: false } })
    })
    afterAll(() => gateway.close())

    async function outcomeOf(
      endpoint: EndpointAsk,
      fault: Faults | null,
      fields: Record<string, unknown> = {},
    ): Promise<Observation> {
      const at = gateway.observations.length
      await (arm === 'control' ? gateway.official : gateway.relay).setFault(fault)
      await ask(gateway, endpoint, fields).catch(() => null)
      return gateway.observation(at)
    }

    describe.each(TALKING)('$name', (endpoint) => {
      it.each(ROWS.flatMap((row) => row[3].map((how) => [row[0], row[1], how, row[2]] as const)))(
        '%s: %s (%s)',
        async (outcome, _, how, fault) => {
          const observation = await outcomeOf(endpoint, fault, { stream: how === 'stream' })
          expect(observation.outcome).toBe(outcome)
          expect(observation).toMatchObject({
            arm,
            assigned: arm,
            upstream: arm === 'control' ? 'official' : 'relay',
            endpoint: endpoint.name,
            dialect: endpoint.dialect,
            stream: how === 'stream',
          })
          expect(observation.durationMs).toBeGreaterThanOrEqual(observation.firstByteMs ?? 0)
        },
      )
    })

    describe.each([COMPLETIONS, EMBEDDINGS, COUNT_TOKENS])('$name', (endpoint) => {
      const silent = endpoint.name === 'count_tokens' ? ['empty'] : []
      it.each(
        WHOLE_ONLY.filter(([outcome]) => !silent.includes(outcome)).map(
          ([outcome, what, fault]) => [outcome, what, fault] as const,
        ),
      )('%s: %s', async (outcome, _, fault) => {
        expect((await outcomeOf(endpoint, fault)).outcome).toBe(outcome)
      })
    })

    it.each([
      ['a refusal', CHAT, { messages: [{ role: 'user', content: 'simulate:refusal' }] }, 'stop'],
      [
        'a filtered text',
        CHAT,
        { messages: [{ role: 'user', content: 'simulate:content_filter' }] },
        'content_filter',
      ],
      ['a text cut by its limit', CHAT, { max_completion_tokens: 2 }, 'length'],
      [
        'a tool call',
        CHAT,
        {
          tools: [{ type: 'function', function: { name: 'look_up', parameters: {} } }],
          tool_choice: 'required',
        },
        'tool_calls',
      ],
      ['a refusal', RESPONSES, { input: 'simulate:refusal' }, 'completed'],
      ['a text cut by its limit', RESPONSES, { max_output_tokens: 2 }, 'incomplete'],
      [
        'a tool call',
        RESPONSES,
        {
          tools: [{ type: 'function', name: 'look_up', parameters: {} }],
          tool_choice: 'required',
        },
        'completed',
      ],
      ['a text cut by its limit', MESSAGES, { max_tokens: 2 }, 'max_tokens'],
      ['a stop sequence', MESSAGES, { stop_sequences: ['reference'] }, 'stop_sequence'],
      [
        'a tool call',
        MESSAGES,
        { tools: [{ name: 'look_up', input_schema: {} }], tool_choice: { type: 'any' } },
        'tool_use',
      ],
      ['a text', COMPLETIONS, {}, 'stop'],
    ] as const)('ok: %s of %o', async (_, endpoint, fields, finishReason) => {
      for (const stream of [false, true]) {
        const observation = await outcomeOf(endpoint, null, { ...fields, stream })
        expect(observation).toMatchObject({ outcome: 'ok', finishReason })
        expect(observation.modelAnswered).toBe(endpoint.body().model)
      }
    })

    it.each([
      ['chat', CHAT],
      ['responses', RESPONSES],
      ['messages', MESSAGES],
    ] as const)('cancelled: a caller of %s who leaves', async (_, endpoint) => {
      const seen = transport === 'worker' ? SEEN_LATE : SEEN
      const { timeouts } = seen
      const rollout = { failover: false }
      const parts = { official: { timeouts }, relay: { timeouts } }
      const own = await start({ transport, percent, rollout, ...parts })
      const upstream = arm === 'control' ? own.official : own.relay
      for (const fault of [{ kind: 'hang' }, { kind: 'hang_after_chunks', chunks: 6 }] as const) {
        const at = own.observations.length
        await upstream.setFault(fault)
        const arrived = upstream.requests.next()
        const calling = begin(own, endpoint, { stream: true })
        const entry = await arrived
        await entry.received
        if (fault.kind === 'hang_after_chunks') await calling.until('Simulated')
        calling.leave()
        await entry.aborted
        expect(seen[fault.kind]).toContain((await own.observation(at)).outcome)
      }
    })
  })

  it.each([
    ['control', 0],
    ['canary', 100],
  ] as const)('the four timeouts of %s each have a word', async (arm, percent) => {
    const clock = manualClock()
    let dials = true
    const dial = (real: Dial): Dial => ({
      ...real,
      send: (...parts) => (dials ? real.send(...parts) : undefined),
    })
    const timeouts = { connect: '1s', firstByte: '2s', idle: '3s', total: '4s' }
    const gateway = await start({
      transport,
      percent,
      clock,
      dial,
      rollout: { failover: false },
      official: { timeouts },
      relay: { timeouts },
    })
    const upstream = arm === 'control' ? gateway.official : gateway.relay
    const rows = [
      ['timeout_first_byte', { kind: 'hang' }, true, 2_000],
      ['timeout_first_byte', { kind: 'hang_after_chunks', chunks: 1 }, true, 2_000],
      ['timeout_idle', { kind: 'hang_after_chunks', chunks: 6 }, true, 3_000],
      ['timeout_total', { kind: 'hang' }, false, 4_000],
      ['timeout_total', { kind: 'hang_after_chunks', chunks: 1 }, false, 4_000],
    ] as const
    for (const endpoint of TALKING) {
      for (const [outcome, fault, stream, ms] of rows) {
        const at = gateway.observations.length
        await upstream.setFault(fault)
        const arrived = upstream.requests.next()
        const calling = begin(gateway, endpoint, { stream })
        const entry = await arrived
        await entry.received
        if (outcome === 'timeout_idle') await calling.until('Simulated')
        else if ('chunks' in fault && stream) await calling.head
        else if ('chunks' in fault) await calling.until('{')
        clock.advance(ms)
        expect((await gateway.observation(at)).outcome, endpoint.name).toBe(outcome)
        expect(await entry.ended).toBe('aborted')
        calling.leave()
        // Time stood still but for this.
        gateway.headgate.refresh()
      }
    }
    dials = false
    const at = gateway.observations.length
    const calling = begin(gateway, CHAT)
    await calling.request.once('finish', () => {})
    await untilDialled(gateway, at, clock)
    expect((await gateway.observation(at)).outcome).toBe('timeout_connect')
  })

  describe('wrong_model', () => {
    it.each(TALKING)(
      'is what control does not answer for the same ask: $name',
      async (endpoint) => {
        for (const stream of [false, true]) {
          const gateway = await start({ transport, rollout: { failover: false } })
          await ask(gateway, endpoint, { stream })
          await gateway.setFlag(100)
          await gateway.relay.setFault({ kind: 'wrong_model', model: 'a-cheaper-one' })
          await ask(gateway, endpoint, { stream })
          expect(await gateway.observation(1)).toMatchObject({
            arm: 'canary',
            outcome: 'wrong_model',
            modelAnswered: 'a-cheaper-one',
          })
        }
      },
    )

    it.each([
      ['the model asked', 'gpt-5.2'],
      ['the model asked with a date', 'gpt-5.2-2026-03-01'],
      ['the model asked with a short date', 'gpt-5.2-20260301'],
    ])('is not %s', async (_, model) => {
      const gateway = await start({ transport })
      await ask(gateway, CHAT)
      await gateway.setFlag(100)
      await gateway.relay.setFault({ kind: 'wrong_model', model })
      await ask(gateway, CHAT)
      expect((await gateway.observation(1)).outcome).toBe('ok')
    })

    it.each(['gpt-5.2-mini', 'gpt-5', 'gpt-5.20', 'gpt-5.2-2026', 'GPT-5.2'])(
      'is %s for gpt-5.2',
      async (model) => {
        const gateway = await start({ transport, rollout: { failover: false } })
        await ask(gateway, CHAT)
        await gateway.setFlag(100)
        await gateway.relay.setFault({ kind: 'wrong_model', model })
        await ask(gateway, CHAT)
        expect((await gateway.observation(1)).outcome).toBe('wrong_model')
      },
    )

    it('is not what control answers for the same ask, whatever its name', async () => {
      const gateway = await start({ transport })
      await gateway.official.setFault({ kind: 'wrong_model', model: 'an-alias' })
      await ask(gateway, CHAT)
      await gateway.setFlag(100)
      await gateway.relay.setFault({ kind: 'wrong_model', model: 'an-alias' })
      await ask(gateway, CHAT)
      const [control, canary] = [await gateway.observation(0), await gateway.observation(1)]
      expect([control.outcome, canary.outcome]).toEqual(['ok', 'ok'])
    })

    it('is never control, and not judged before control has answered', async () => {
      const gateway = await start({ transport, percent: 100 })
      await gateway.relay.setFault({ kind: 'wrong_model', model: 'a-cheaper-one' })
      await ask(gateway, CHAT)
      expect(await gateway.observation(0)).toMatchObject({ arm: 'canary', outcome: 'ok' })
    })

    it('is not the name that config gives the model at its upstream', async () => {
      const relay = { models: { 'gpt-5.2': 'vendor/x' } }
      const gateway = await start({ transport, relay })
      await ask(gateway, CHAT)
      await gateway.setFlag(100)
      await ask(gateway, CHAT)
      expect(await gateway.observation(1)).toMatchObject({
        outcome: 'ok',
        modelAnswered: 'vendor/x',
      })
    })
  })

  describe.each([
    ['control', 0],
    ['canary', 100],
  ] as const)('of %s below HTTP', (arm, percent) => {
    it.each([
      ['another protocol', 'malformed', 'SSH-2.0-OpenSSH_9.9\r\n'],
      [
        'two lengths',
        'malformed',
        'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nhello',
      ],
      ['a head of 300 KB', 'malformed', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(300_000)}\r\n\r\n`],
      ['NUL in a field', 'malformed', 'HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 2\r\n\r\n{}'],
      [
        'a chunk of no size',
        'truncated',
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello',
      ],
      [
        'no last chunk',
        'truncated',
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{"\r\n',
      ],
    ] as const)('A11: %s is %s', async (_, outcome, text) => {
      const gateway = await start({ transport, percent, rollout: { failover: false } })
      const upstream = arm === 'control' ? gateway.official : gateway.relay
      await upstream.setFault({ kind: 'raw', text, close: true })
      const reply = await ask(gateway, CHAT).catch(() => null)
      const seen = await gateway.observation()
      if (reply?.whole) {
        expect(reply.status).toBe(502)
        expect(JSON.parse(reply.text).error.code).toBe(seen.outcome)
      }
      // The fetch of workerd does not always say why it has no answer.
      const unsaid = transport === 'worker' && outcome === 'malformed' ? ['connect_error'] : []
      expect([outcome, ...unsaid]).toContain(seen.outcome)
      expect(seen.arm).toBe(arm)
    })
  })

  it('a compressed request of a stream that went well is ok', async () => {
    const upstream = await closing(
      startScripted((_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end(
          'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        )
      }),
    )
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
    const body = gzipSync(JSON.stringify(CHAT.body({ stream: true })))
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    const reply = await call(gateway.url + CHAT.path, { headers, body })
    expect(reply.text).toContain('[DONE]')
    expect(await gateway.observation()).toMatchObject({ outcome: 'ok', evidence: false })
  })

  it.each([200, 404, 500])('what only passes through is called by its status %i', async (code) => {
    const gateway = await start({ transport })
    if (code !== 200) await gateway.official.setFault({ kind: 'status', status: code })
    await call(`${gateway.url}/v1/files/file-1`, { method: 'GET' })
    const outcome = { 200: 'ok', 404: 'rejected', 500: 'upstream_error' }[code]
    expect(await gateway.observation()).toMatchObject({ outcome, status: code, endpoint: 'other' })
  })
})

/** Moves time on until the attempt that is never connected has been given up. */
async function untilDialled(
  gateway: Gateway,
  at: number,
  clock: { advance(ms: number): void },
): Promise<void> {
  while (gateway.observations.length <= at) {
    clock.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
