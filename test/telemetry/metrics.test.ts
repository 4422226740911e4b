import { describe, expect, it } from 'vitest'
import { HeadgateError } from '../../src/errors.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { ask, begin, CHAT, EMBEDDINGS, MESSAGES } from '../fakes/asks.ts'
import { call } from '../fakes/caller.ts'
import type { Gateway } from '../fakes/gateway.ts'
import { start } from '../runtime/start.ts'
import { pageOf } from './page.ts'

const portOf = (gateway: Gateway, arm: 'official' | 'relay') => new URL(gateway[arm].baseUrl).port

describe('a request counts', () => {
  it('once in every metric that speaks of it, with what it was and nothing of who asked', async () => {
    const gateway = await start({ transport: 'node', percent: 0 })
    await ask(gateway, CHAT, { user: 'unit-secret' }, { 'x-headgate-unit': 'unit-secret' })

    const page = await pageOf(gateway)
    expect(page.one('http_server_request_duration_seconds_count')).toMatchObject({
      labels: {
        http_request_method: 'POST',
        http_route: '/v1/chat/completions',
        url_scheme: 'http',
        http_response_status_code: '200',
      },
      value: 1,
    })
    const port = portOf(gateway, 'official')
    expect(page.one('http_client_request_duration_seconds_count')).toEqual({
      name: 'http_client_request_duration_seconds_count',
      labels: {
        http_request_method: 'POST',
        server_address: '127.0.0.1',
        server_port: port,
        http_response_status_code: '200',
        headgate_arm: 'control',
        headgate_role: 'live',
        headgate_rollout_name: 'relay',
      },
      value: 1,
    })
    const operation = {
      gen_ai_operation_name: 'chat',
      gen_ai_provider_name: 'openai',
      gen_ai_request_model: 'gpt-5.2',
      gen_ai_response_model: 'gpt-5.2',
      server_address: '127.0.0.1',
      server_port: port,
      headgate_arm: 'control',
      headgate_assigned: 'control',
      headgate_role: 'live',
      headgate_rollout_name: 'relay',
    }
    expect(page.one('gen_ai_client_operation_duration_seconds_count').labels).toEqual(operation)
    const { usage } = await gateway.observation()
    for (const [type, tokens] of [
      ['input', usage?.inputTokens],
      ['output', usage?.outputTokens],
    ] as const) {
      expect(page.one('gen_ai_client_token_usage_sum', { gen_ai_token_type: type })).toMatchObject({
        labels: { ...operation, gen_ai_token_type: type },
        value: tokens,
      })
    }
    expect(page.one('headgate_attempts_total')).toMatchObject({
      labels: {
        headgate_rollout_name: 'relay',
        headgate_arm: 'control',
        headgate_assigned: 'control',
        headgate_reason: 'flag_off',
        headgate_outcome: 'ok',
        headgate_role: 'live',
      },
      value: 1,
    })
    // Only streams have a first chunk.
    expect(page.all('gen_ai_client_operation_time_to_first_chunk_seconds_count')).toEqual([])
    expect(page.text).not.toContain('unit-secret')
  })

  it('with its whole time, from the first attempt to the last byte', async () => {
    const latency = { firstByteMs: 30, perChunkMs: 1, jitter: 0 }
    const gateway = await start({ transport: 'node', officialOptions: { latency } })
    await ask(gateway, CHAT, { stream: true })

    const page = await pageOf(gateway)
    const { firstByteMs, durationMs } = await gateway.observation()
    const sum = (name: string) => page.value(`gen_ai_client_operation_${name}_seconds_sum`)
    expect(sum('time_to_first_chunk')).toBeCloseTo((firstByteMs ?? 0) / 1_000, 6)
    expect(sum('duration')).toBeCloseTo(durationMs / 1_000, 6)
    expect(sum('duration')).toBeGreaterThan(sum('time_to_first_chunk'))
    const buckets = page.all('gen_ai_client_operation_duration_seconds_bucket')
    expect(buckets.map(({ labels }) => labels['le'])).toEqual(
      '0.01 0.02 0.04 0.08 0.16 0.32 0.64 1.28 2.56 5.12 10.24 20.48 40.96 81.92 +Inf'.split(' '),
    )
  })

  it('as one call without an error, and as a failure of the canary, when control repaired it', async () => {
    const gateway = await start({ transport: 'node', percent: 100 })
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await ask(gateway, MESSAGES, { stream: true })

    const page = await pageOf(gateway)
    const { labels } = page.one('gen_ai_client_operation_duration_seconds_count')
    expect(labels).toMatchObject({ headgate_arm: 'control', headgate_assigned: 'canary' })
    expect(labels).toMatchObject({ gen_ai_provider_name: 'anthropic' })
    expect(labels).not.toHaveProperty('error_type')
    const attempts = page.all('headgate_attempts_total', { headgate_assigned: 'canary' })
    const words = attempts.map(
      ({ labels: { headgate_arm, headgate_reason, headgate_outcome }, value }) =>
        [headgate_arm, headgate_reason, headgate_outcome, value].join(' '),
    )
    expect(words.sort()).toEqual(['canary split upstream_error 1', 'control failover ok 1'])
    const failed = page.one('http_client_request_duration_seconds_count', {
      headgate_arm: 'canary',
    })
    expect(failed.labels).toMatchObject({
      server_port: portOf(gateway, 'relay'),
      http_response_status_code: '500',
      error_type: '500',
    })
    const served = page.one('http_server_request_duration_seconds_count')
    expect(served.labels).toMatchObject({ http_response_status_code: '200' })
    expect(served.labels).not.toHaveProperty('error_type')
  })

  it('as an error when nobody answered it well, in the status or behind it', async () => {
    const gateway = await start({ transport: 'node' })
    await gateway.official.setFault({ kind: 'status', status: 503 })
    await ask(gateway, CHAT)
    await gateway.official.setFault({ kind: 'end_after_chunks', chunks: 2 })
    await ask(gateway, CHAT, { stream: true })

    const page = await pageOf(gateway)
    for (const name of ['http_server_request', 'http_client_request', 'gen_ai_client_operation']) {
      const found = page.all(`${name}_duration_seconds_count`)
      expect(found.map(({ labels }) => labels['error_type'])).toEqual(['503', 'truncated'])
    }
  })

  it('as no error when its caller left', async () => {
    const gateway = await start({ transport: 'node', officialOptions: { latency: SLOW } })
    const left = begin(gateway, CHAT, { stream: true })
    await left.head
    left.request.destroy()
    await gateway.observation()

    const page = await pageOf(gateway)
    const { labels } = page.one('gen_ai_client_operation_duration_seconds_count')
    expect(labels).not.toHaveProperty('error_type')
    expect(page.one('headgate_attempts_total').labels['headgate_outcome']).toBe('cancelled')
  })

  it('at the door only, when it goes nowhere', async () => {
    const gateway = await start({ transport: 'node' })
    await call(`${gateway.url}/v1/chat/completions`, { body: 'no json' })
    await call(`${gateway.url}/v1/files`, { method: 'PROPFIND' })

    const page = await pageOf(gateway)
    const doors = page.all('http_server_request_duration_seconds_count')
    expect(doors.map(({ labels }) => labels)).toEqual([
      {
        http_request_method: 'POST',
        http_route: '/v1/chat/completions',
        url_scheme: 'http',
        http_response_status_code: '400',
      },
      {
        http_request_method: '_OTHER',
        http_route: '/v1/*',
        url_scheme: 'http',
        http_response_status_code: '405',
      },
    ])
    expect(page.all('headgate_attempts_total')).toEqual([])
  })
})

const SLOW = { firstByteMs: 1, perChunkMs: 50, jitter: 0 }

describe('labels', () => {
  it('H1: 1,500 names of models make less than 100 series, and those of config keep theirs', async () => {
    const gateway = await start({
      transport: 'node',
      relay: { models: { 'named-in-config': 'x' } },
    })
    await ask(gateway, EMBEDDINGS)
    const before = distinct((await pageOf(gateway)).text)
    const names = Array.from({ length: 1_500 }, (_, index) => `made-up-${index}`)
    while (names.length > 0) {
      await Promise.all(names.splice(0, 50).map((model) => ask(gateway, CHAT, { model })))
    }
    await ask(gateway, CHAT, { model: 'named-in-config' })

    const page = await pageOf(gateway)
    const counts = page.all('gen_ai_client_operation_duration_seconds_count')
    const models = counts.map(({ labels }) => labels['gen_ai_request_model'])
    expect(models).toContain('named-in-config')
    expect(models).toContain('made-up-0')
    expect(distinct(page.text) - before).toBeLessThan(100)
    const others = counts.filter(({ labels }) => labels['gen_ai_request_model'] === 'other')
    expect(others).toHaveLength(1)
    expect(counts.reduce((sum, { value }) => sum + value, 0)).toBe(1_502)
  })

  it('H1: a name that no upstream serves takes no place from those that one does', async () => {
    const gateway = await start({ transport: 'node' })
    await gateway.official.setFault({ kind: 'status', status: 404 })
    for (let index = 0; index < 50; index++) await ask(gateway, CHAT, { model: `typo-${index}` })
    await gateway.official.setFault(null)
    await ask(gateway, CHAT, { model: 'served' })

    const page = await pageOf(gateway)
    const names = page
      .all('gen_ai_client_operation_duration_seconds_count')
      .map(({ labels }) => labels['gen_ai_request_model'])
    expect(names).toEqual(['other', 'served'])
  })
})

/** Series as OpenTelemetry counts them: a histogram is one, whatever its buckets. */
function distinct(text: string): number {
  return text.split('\n').filter((line) => !/^#|_bucket\{|_sum\{/.test(line)).length
}

describe('a rollout', () => {
  it('shows where it stands, what share it has, and who ended it', async () => {
    const plan = { steps: ['10%', '50%'], over: '1d', advance: 'auto' }
    const gateway = await start({ transport: 'node', percent: 40, rollout: { plan } })
    await gateway.command('start')
    const at = { headgate_rollout_name: 'relay' }
    const started = await pageOf(gateway)
    expect(started.value('headgate_rollout_share_ratio', { headgate_share: 'target' })).toBe(0.1)
    expect(started.value('headgate_rollout_share_ratio', { headgate_share: 'flag' })).toBe(0.4)
    expect(started.all('headgate_rollout_share_ratio', { headgate_share: 'observed' })).toEqual([])
    expect(started.value('headgate_rollout_step', at)).toBe(0)
    expect(started.value('headgate_rollout_killed', at)).toBe(0)
    expect(started.value('headgate_rollbacks_total', { headgate_by: 'person' })).toBe(0)
    const one = (name: string) => started.series.filter((each) => each.name === name && each.value)
    expect(one('headgate_rollout_state')).toMatchObject([
      { labels: { headgate_rollout_state: 'ramping' } },
    ])
    expect(one('headgate_verdict')).toMatchObject([
      { labels: { headgate_verdict: 'inconclusive' } },
    ])
    expect(started.value('headgate_split_age_seconds')).toBeGreaterThanOrEqual(0)
    expect(started.value('headgate_flag_age_seconds')).toBeGreaterThanOrEqual(0)

    await ask(gateway, CHAT)
    await gateway.command('rollback')
    gateway.setFlag(40, true)
    const ended = await pageOf(gateway)
    const state = { headgate_rollout_state: 'rolled_back' }
    expect(ended.value('headgate_rollout_state', state)).toBe(1)
    expect(ended.value('headgate_rollout_share_ratio', { headgate_share: 'target' })).toBe(0)
    expect(ended.all('headgate_rollout_share_ratio', { headgate_share: 'observed' })).toHaveLength(
      1,
    )
    expect(ended.value('headgate_rollout_killed', at)).toBe(1)
    expect(ended.value('headgate_rollbacks_total', { headgate_by: 'person' })).toBe(1)
    expect(ended.text).not.toContain('"ada"')
  })

  it('counts what the store could not do', async () => {
    const real = memoryStores<FlushRecord>()
    let full = false
    const commit: typeof real.state.commit = async (events, dwell) => {
      if (full) throw new HeadgateError('store_unavailable', 'the disk is full')
      return real.state.commit(events, dwell)
    }
    const stores = { ...real, state: { ...real.state, commit } }
    const plan = { steps: ['10%'], over: '1d', advance: 'auto' }
    const gateway = await start({ transport: 'node', percent: 40, rollout: { plan }, stores })
    const errors = async () =>
      (await pageOf(gateway)).value('headgate_store_errors_total', {
        error_type: 'store_unavailable',
      })
    expect(await errors()).toBe(0)
    full = true
    await expect(gateway.command('start')).rejects.toThrow('503')
    expect(await errors()).toBe(1)
  })
})

describe('names', () => {
  it('are the newest where they are asked for, and then only those', async () => {
    const gateway = await start({ transport: 'node', latestNames: true })
    await ask(gateway, CHAT, { stream: true })

    const page = await pageOf(gateway)
    const { usage } = await gateway.observation()
    expect(page.value('gen_ai_client_inference_duration_seconds_count')).toBe(1)
    expect(page.value('gen_ai_client_inference_time_to_first_chunk_seconds_count')).toBe(1)
    expect(page.value('gen_ai_client_inference_usage_input_tokens_total')).toBe(usage?.inputTokens)
    expect(page.value('gen_ai_client_inference_usage_output_tokens_total')).toBe(
      usage?.outputTokens,
    )
    expect(page.text).not.toMatch(/gen_ai_client_(operation|token)/)
  })
})
