import { EnvVarProvider } from '@openfeature/env-var-provider'
import { OFREPProvider } from '@openfeature/ofrep-provider'
import {
  ErrorCode,
  GeneralError,
  InMemoryProvider,
  NOOP_PROVIDER,
  type Provider,
  ProviderNotReadyError,
  ServerProviderEvents,
} from '@openfeature/server-sdk'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import type { FlagDocument } from '../../src/flag/document.ts'
import { killedBy, ruleOf } from '../../src/flag/evaluate.ts'
import {
  type OpenFeatureFlagSource,
  openFeatureFlagSource,
} from '../../src/flag-sources/openfeature.ts'
import type { Log } from '../../src/ports.ts'
import { type HeardClock, heardClock } from '../fakes/clock.ts'
import { startOfrepServer } from '../fakes/ofrep-server.ts'
import { conformsToFlagSource, ONE, clock as realClock } from './conformance.ts'

/** Real providers of OpenFeature, with nothing of its SDK between them and the source. */

const INTERVAL_MS = 15_000
const ASKED = [{ flag: 'headgate-relay', kill: 'headgate-kill', groupId: 'headgate-relay' }]

/** A flag of the in-memory provider that has one value. */
const is = (value: unknown) => ({
  variants: { only: value } as Record<string, boolean>,
  defaultVariant: 'only',
  disabled: false,
})

type Flags = Readonly<Record<string, ReturnType<typeof is>>>

/** OpenFeature's in-memory provider, whose answers a test can break. */
class Moody extends InMemoryProvider {
  /** Thrown in place of every answer. */
  fault: unknown = null
  /** Given as the reason of every answer. */
  reason: string | null = null
  /** Holds every answer back until it resolves. */
  hold: Promise<void> | null = null
  asked = 0
  closed = 0

  override async resolveBooleanEvaluation(
    ...asked: Parameters<Provider['resolveBooleanEvaluation']>
  ) {
    return this.#moody(() => super.resolveBooleanEvaluation(...asked))
  }

  override async resolveNumberEvaluation(
    ...asked: Parameters<Provider['resolveNumberEvaluation']>
  ) {
    return this.#moody(() => super.resolveNumberEvaluation(...asked))
  }

  override async resolveStringEvaluation(
    ...asked: Parameters<Provider['resolveStringEvaluation']>
  ) {
    return this.#moody(() => super.resolveStringEvaluation(...asked))
  }

  async onClose(): Promise<void> {
    this.closed++
  }

  async #moody<Details extends object>(answer: () => Promise<Details>): Promise<Details> {
    this.asked++
    await this.hold
    if (this.fault !== null) throw this.fault
    const details = await answer()
    return this.reason === null ? details : { ...details, reason: this.reason }
  }
}

const sources: OpenFeatureFlagSource[] = []

afterEach(async () => {
  for (const source of sources.splice(0)) await source.close()
})

interface Followed {
  readonly source: OpenFeatureFlagSource
  readonly clock: HeardClock
  readonly lines: string[]
  /** Goes on to the next round, and waits for what came of it. */
  next(): Promise<void>
  /** Waits for a round that something else began. */
  round(): Promise<void>
  /** `37 %`, `everyone`, `nobody`, `killed`, or `unread`. */
  seen(): string
}

/** Follows one provider after the other, each opened when the last one is lost. */
async function follow(...providers: unknown[]): Promise<Followed> {
  const clock = heardClock()
  const lines: string[] = []
  const line =
    (level: string) =>
    (message: string, fields: unknown = {}): void => {
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
    }
  const log: Log = { info: line('info'), warn: line('warn'), error: line('error') }
  const left = [...providers]
  const source = openFeatureFlagSource({
    name: 'test',
    open: () => (left.length > 1 ? left.shift() : left[0]),
    intervalMs: INTERVAL_MS,
    clock,
    log,
    // The longest wait there is.
    random: () => 1,
  })
  sources.push(source)
  source.follow(ASKED)
  let waits = 1
  await clock.heard(INTERVAL_MS, waits)
  const round = () => clock.heard(INTERVAL_MS, ++waits)
  return {
    source,
    clock,
    lines,
    round,
    next() {
      clock.advance(INTERVAL_MS)
      return round()
    },
    seen: () => seenOf(source.current()?.document ?? null),
  }
}

function seenOf(document: FlagDocument | null): string {
  if (document === null) return 'unread'
  if (killedBy(document, 'headgate-kill')) return 'killed'
  const rule = ruleOf(document, 'headgate-relay', 'headgate-relay')
  if (rule.kind !== 'ceiling' || rule.shareBp === 0) return 'nobody'
  return rule.shareBp === 10_000 ? 'everyone' : `${rule.shareBp / 100} %`
}

const flags = (share: unknown, kill: unknown = false): Flags => ({
  'headgate-relay': is(share),
  'headgate-kill': is(kill),
})

describe('flags from a provider', () => {
  conformsToFlagSource(
    (first) => {
      const provider = new Moody(first === null ? {} : flagsOf(first))
      if (first === null) provider.fault = new ProviderNotReadyError()
      const source = openFeatureFlagSource({
        name: 'test',
        open: () => provider,
        intervalMs: 1_000,
        clock: realClock,
        log: { info() {}, warn() {}, error() {} },
        random: Math.random,
      })
      source.follow(ASKED)
      const put = (flag: unknown) => provider.putConfiguration({ 'headgate-relay': is(flag) })
      return {
        source,
        publish(document) {
          provider.fault = null
          provider.putConfiguration(flagsOf(document))
        },
        spoilers: [
          () => put(0.5),
          () => put(-1),
          () => put(101),
          () => put(Number.NaN),
          () => put('5'),
          () => put('yes'),
          () => put({ percent: 5 }),
          () => {
            provider.fault = new GeneralError('planted')
            provider.putConfiguration({})
          },
        ],
      }
    },
    { withinMs: 300 },
  )

  function flagsOf(document: FlagDocument): Flags {
    const percent = document.features[0]?.strategies[0]?.parameters?.['rollout']
    return { 'headgate-relay': is(percent) }
  }
})

describe('what a flag may be', () => {
  it.each([
    ['a number', 37, '37 %'],
    ['0', 0, 'nobody'],
    ['100', 100, 'everyone'],
    ['true', true, 'everyone'],
    ['false', false, 'nobody'],
    ['the variant canary', 'canary', 'everyone'],
    ['the variant control', 'control', 'nobody'],
    ['on', 'on', 'everyone'],
    ['off', 'off', 'nobody'],
  ])('%s', async (_, value, seen) => {
    expect((await follow(new InMemoryProvider(flags(value)))).seen()).toBe(seen)
  })

  it('is found out once: the next round asks for that type first', async () => {
    const provider = new Moody(flags('canary'))
    const { next, round, seen } = await follow(provider)
    const first = provider.asked
    await next()
    expect(provider.asked - first).toBe(first - 2)
    provider.putConfiguration(flags(12))
    await round()
    expect(seen()).toBe('12 %')
  })

  it('may be missing, or switched off: then nobody is in', async () => {
    expect((await follow(new InMemoryProvider({}))).seen()).toBe('nobody')
    const disabled = { ...is(50), disabled: true }
    const provider = new InMemoryProvider({ 'headgate-relay': disabled })
    const { seen, source } = await follow(provider)
    expect(seen()).toBe('nobody')
    expect(source.status().fault).toBeNull()
  })

  it('is nothing where a provider only gives back what it is asked with', async () => {
    const { seen, source } = await follow(NOOP_PROVIDER)
    expect(seen()).toBe('nobody')
    expect(source.current()?.document.features.map(({ name }) => name)).toEqual(['headgate-relay'])
  })

  it.each([50, true, 'canary'])(
    'is not %s for everyone because the provider drew it for one: that is a fault',
    async (value) => {
      const provider = new Moody(flags(value))
      provider.reason = 'SPLIT'
      const { seen, source } = await follow(provider)
      expect(seen()).toBe('unread')
      expect(source.status().fault).toContain('drawn by the provider itself (SPLIT)')
    },
  )
})

describe('the kill flag', () => {
  it('is told at once, and lifted at once, where the provider says that something changed', async () => {
    const provider = new InMemoryProvider(flags(50))
    const { seen, source, round } = await follow(provider)
    const told: string[] = []
    source.onChange(() => told.push(seen()))
    provider.putConfiguration(flags(50, true))
    await round()
    provider.putConfiguration(flags(50, false))
    await round()
    expect(told).toEqual(['killed', '50 %'])
  })

  it('is known at the next round where the provider says nothing', async () => {
    const provider = new InMemoryProvider(flags(50))
    Reflect.deleteProperty(provider, 'events')
    const all = flags(50, true)
    const { seen, next } = await follow(provider)
    Object.assign(provider, { _flagConfiguration: all })
    expect(seen()).toBe('50 %')
    await next()
    expect(seen()).toBe('killed')
  })

  it('counts as on where it is no boolean, and only false lifts it', async () => {
    const provider = new InMemoryProvider(flags(50))
    const { seen, source, round } = await follow(provider)
    provider.putConfiguration(flags(50, 'off'))
    await round()
    expect(seen()).toBe('killed')
    expect(source.status().fault).toBe('kill flag "headgate-kill" is no boolean: it counts as on')
    provider.putConfiguration({ 'headgate-relay': is(50) })
    await round()
    expect(seen()).toBe('killed')
    expect(source.status().fault).toContain('it stays on until it is false')
    provider.putConfiguration(flags(50, false))
    await round()
    expect(seen()).toBe('50 %')
    expect(source.status().fault).toBeNull()
  })

  it('is off where it is switched off, and where it never was', async () => {
    const provider = new InMemoryProvider(flags(50, true))
    const { seen, round } = await follow(provider)
    expect(seen()).toBe('killed')
    const disabled = { ...is(true), disabled: true }
    provider.putConfiguration({ 'headgate-relay': is(50), 'headgate-kill': disabled })
    await round()
    expect(seen()).toBe('50 %')
    expect((await follow(new InMemoryProvider({ 'headgate-relay': is(50) }))).seen()).toBe('50 %')
  })

  it('stops everyone where the provider draws it', async () => {
    const provider = new Moody(flags('on', false))
    const { seen, next } = await follow(provider)
    expect(seen()).toBe('everyone')
    provider.reason = 'SPLIT'
    await next()
    expect(seen()).toBe('killed')
  })

  it.each([
    ['PROVIDER_NOT_READY', new ProviderNotReadyError('planted')],
    ['GENERAL', new GeneralError('planted')],
    ['GENERAL (TypeError)', new TypeError('planted')],
    ['ECONNREFUSED', Object.assign(new Error('planted'), { code: 'ECONNREFUSED' })],
    ['GENERAL', 'planted'],
  ])('is not lifted by an error: %s', async (code, fault) => {
    const provider = new Moody(flags(50, true))
    const { seen, source, next, lines } = await follow(provider)
    provider.fault = fault
    await next()
    expect(seen()).toBe('killed')
    expect(source.status().fault).toContain(`flag "headgate-kill": ${code}`)
    expect(`${source.status().fault} ${lines.join()}`).not.toContain('planted')
  })
})

describe('a provider in trouble', () => {
  it('E2: keeps the last good document, which grows old, and is followed again within an interval', async () => {
    const provider = new Moody(flags(50))
    const { seen, source, next, clock } = await follow(provider)
    const readAtMs = source.current()?.readAtMs
    provider.fault = new GeneralError()
    for (let round = 0; round < 5; round++) await next()
    expect(seen()).toBe('50 %')
    expect(source.current()?.readAtMs).toBe(readAtMs)
    provider.fault = null
    await next()
    expect(source.current()?.readAtMs).toBe(clock.monotonicMs())
    expect(source.status().fault).toBeNull()
  })

  it('E2: says each fault once in the log, and when it is over', async () => {
    const provider = new Moody(flags(50))
    const { next, lines } = await follow(provider)
    lines.length = 0
    provider.fault = new GeneralError()
    await next()
    await next()
    provider.fault = null
    await next()
    expect(lines.map((line) => line.split(' {')[0])).toEqual([
      'warn flags in doubt: nothing rises',
      'info flags confirmed again',
    ])
  })

  it('E2: that hangs is a fault after 10 s, is not asked twice meanwhile, and recovers', async () => {
    const provider = new Moody(flags(50))
    const { source, clock, round, seen } = await follow(provider)
    const held = Promise.withResolvers<void>()
    provider.hold = held.promise
    clock.advance(INTERVAL_MS)
    await clock.heard(10_000, 2)
    const asked = provider.asked
    provider.putConfiguration(flags(60))
    expect(provider.asked).toBe(asked)
    clock.advance(10_000)
    await clock.heard(100)
    expect(source.status().fault).toBe('the provider did not answer within 10 s')
    expect(seen()).toBe('50 %')
    held.resolve()
    provider.hold = null
    await clock.heard(100)
    clock.advance(100)
    await round()
    expect([seen(), source.status().fault]).toEqual(['60 %', null])
  })

  it('that says it is stale confirms nothing until it is ready, and may fall meanwhile', async () => {
    const provider = new Moody(flags(50))
    const { seen, source, next, round } = await follow(provider)
    const readAtMs = source.current()?.readAtMs
    provider.events.emit(ServerProviderEvents.Stale)
    expect(source.status().fault).toBe('the provider says that its flags are stale')
    provider.putConfiguration(flags(60))
    await round()
    expect(seen()).toBe('50 %')
    provider.putConfiguration(flags(40, true))
    await round()
    expect(seen()).toBe('killed')
    provider.putConfiguration(flags(60))
    await round()
    await next()
    expect([seen(), source.current()?.readAtMs]).toEqual(['killed', readAtMs])
    provider.events.emit(ServerProviderEvents.Ready)
    await round()
    expect([seen(), source.status().fault]).toEqual(['60 %', null])
  })

  it('whose answers are stale, one by one, is not confirmed by them', async () => {
    const provider = new Moody(flags(50))
    const { source, next } = await follow(provider)
    const readAtMs = source.current()?.readAtMs
    provider.reason = 'STALE'
    await next()
    expect(source.status().fault).toContain('flag "headgate-relay": STALE')
    expect(source.current()?.readAtMs).toBe(readAtMs)
  })

  it('that is lost is closed, and a new one is opened at the next round', async () => {
    const first = new Moody(flags(50))
    const second = new Moody(flags(30))
    const { seen, source, next } = await follow(first, second)
    first.events.emit(ServerProviderEvents.Error, { errorCode: ErrorCode.PROVIDER_FATAL })
    expect(source.status().fault).toBe('the provider says that it is in error: PROVIDER_FATAL')
    expect(seen()).toBe('50 %')
    await next()
    expect([seen(), first.closed, second.closed]).toEqual(['30 %', 1, 0])
    first.putConfiguration(flags(100))
    expect(first.events.getHandlers(ServerProviderEvents.ConfigurationChanged)).toEqual([])
    expect(seen()).toBe('30 %')
  })
})

describe('the life of a provider', () => {
  const dying = (fault: unknown) =>
    Object.assign(new Moody(flags(50)), { initialize: () => Promise.reject(fault) })

  it('begins with initialize, before it is asked, and ends with onClose', async () => {
    const said: string[] = []
    const born = Promise.withResolvers<void>()
    const provider = Object.assign(new Moody(flags(50)), {
      initialize() {
        said.push(`initialize, asked ${provider.asked} times`)
        return born.promise
      },
    })
    born.resolve()
    const { source, seen } = await follow(provider)
    expect(said).toEqual(['initialize, asked 0 times'])
    expect(seen()).toBe('50 %')
    await source.close()
    await source.close()
    expect(provider.closed).toBe(1)
  })

  it('E1: is tried again with a new one each round, as long as none comes to life', async () => {
    const one = dying(new TypeError('planted'))
    const two = dying(Object.assign(new Error('planted'), { code: 'PROVIDER_FATAL' }))
    const { source, next, seen, lines } = await follow(one, two, new Moody(flags(50)))
    expect(source.status().fault).toBe('the provider did not come to life: GENERAL (TypeError)')
    await next()
    expect(source.status().fault).toBe('the provider did not come to life: PROVIDER_FATAL')
    expect(source.current()).toBeNull()
    await next()
    expect([seen(), source.status().fault]).toEqual(['50 %', null])
    expect([one.closed, two.closed]).toEqual([1, 1])
    expect(lines.join()).not.toContain('planted')
  })

  it('E1: may take 30 s to begin; one that comes to life later is closed', async () => {
    const born = Promise.withResolvers<void>()
    const late = Object.assign(new Moody(flags(100)), { initialize: () => born.promise })
    const clock = heardClock()
    const left = [late, new Moody(flags(50))]
    const source = openFeatureFlagSource({
      name: 'test',
      open: () => left.shift(),
      intervalMs: INTERVAL_MS,
      clock,
      log: { info() {}, warn() {}, error() {} },
      random: () => 1,
    })
    sources.push(source)
    source.follow(ASKED)
    await clock.heard(30_000)
    clock.advance(30_000)
    await source.asked
    expect(source.status().fault).toBe('the provider did not come to life within 30 s')
    clock.advance(INTERVAL_MS)
    await clock.heard(INTERVAL_MS, 2)
    expect(seenOf(source.current()?.document ?? null)).toBe('50 %')
    born.resolve()
    await clock.heard(5_000)
    expect(late.closed).toBe(1)
    expect(seenOf(source.current()?.document ?? null)).toBe('50 %')
  })

  it.each([
    ['nothing', undefined, 'what was opened is no OpenFeature provider'],
    ['something else', {}, 'it has no resolveBooleanEvaluation'],
    ['one for clients', { runsOn: 'client' }, 'is a provider for clients'],
  ])('does not begin with %s', async (_, made, fault) => {
    const { source } = await follow(made)
    expect(source.status().fault).toContain(fault)
    expect(source.current()).toBeNull()
  })

  it('may tell of a change whenever it is asked: it is asked again a little later, and not for ever', async () => {
    const provider = new Moody(flags(50))
    const { resolveNumberEvaluation } = provider
    provider.resolveNumberEvaluation = (...asked) => {
      provider.events.emit(ServerProviderEvents.ConfigurationChanged)
      return resolveNumberEvaluation.apply(provider, asked)
    }
    const clock = heardClock()
    const source = openFeatureFlagSource({
      name: 'test',
      open: () => provider,
      intervalMs: INTERVAL_MS,
      clock,
      log: { info() {}, warn() {}, error() {} },
      random: () => 1,
    })
    sources.push(source)
    source.follow(ASKED)
    await clock.heard(100)
    expect(seenOf(source.current()?.document ?? null)).toBe('50 %')
    const { asked } = provider
    clock.advance(99)
    expect(provider.asked).toBe(asked)
    clock.advance(1)
    await clock.heard(100, 2)
    expect(provider.asked).toBeGreaterThan(asked)
  })

  it('may have events that are none: it is asked at the interval', async () => {
    const provider = Object.defineProperty(new Moody(flags(50)), 'events', { value: {} })
    const { seen, next, source, lines } = await follow(provider)
    expect(seen()).toBe('50 %')
    expect(lines.join()).toContain('the provider tells of no change')
    provider.fault = new GeneralError()
    await next()
    expect(source.status().fault).toContain('GENERAL')
    await source.close()
    expect(provider.closed).toBe(1)
  })

  it('does not keep a process from ending: neither while it begins, nor while it ends', async () => {
    const never = new Promise<never>(() => {})
    const clock = heardClock()
    const begins = openFeatureFlagSource({
      name: 'test',
      open: () => never,
      intervalMs: INTERVAL_MS,
      clock,
      log: { info() {}, warn() {}, error() {} },
      random: () => 1,
    })
    begins.follow(ASKED)
    await begins.close()
    const provider = Object.assign(new Moody(flags(50)), { onClose: () => never })
    const ends = await follow(provider)
    const closing = ends.source.close()
    await ends.clock.heard(5_000)
    ends.clock.advance(5_000)
    await closing
  })
})

describe('what is followed', () => {
  it('is asked at once when a reload brings another rollout, killed until it was read', async () => {
    const provider = new Moody({
      ...flags(50),
      more: is(70),
      'more-kill': is(false),
    })
    const { source, round } = await follow(provider)
    const document = () => source.current()?.document as FlagDocument
    const held = Promise.withResolvers<void>()
    provider.hold = held.promise
    source.follow([...ASKED, { flag: 'more', kill: 'more-kill', groupId: 'more' }])
    expect(killedBy(document(), 'more-kill')).toBe(true)
    expect(ruleOf(document(), 'more', 'more')).toEqual({ kind: 'off' })
    expect(seenOf(document())).toBe('50 %')
    held.resolve()
    await round()
    expect(killedBy(document(), 'more-kill')).toBe(false)
    expect(ruleOf(document(), 'more', 'more')).toEqual({ kind: 'ceiling', shareBp: 7_000 })
  })
})

describe('other providers', () => {
  it('reads the environment, by the provider for it', async () => {
    onTestFinished(() => {
      delete process.env['HEADGATE_RELAY']
      delete process.env['HEADGATE_KILL_FLAG']
    })
    process.env['HEADGATE_RELAY'] = '25'
    const { source, next } = await follow(new EnvVarProvider())
    expect(seenOf(source.current()?.document ?? null)).toBe('25 %')
    process.env['HEADGATE_RELAY'] = 'canary'
    await next()
    expect(seenOf(source.current()?.document ?? null)).toBe('everyone')
  })

  it('E2, E3: asks a server by OFREP, through refusals and absence, and follows it again at once', async () => {
    const server = await startOfrepServer()
    onTestFinished(server.close)
    const provider = new OFREPProvider({ baseUrl: server.url })
    const { seen, source, next } = await follow(provider)
    expect([seen(), source.status().fault]).toEqual(['20 %', null])

    server.answer = () => [401, { errorDetails: 'planted' }]
    await next()
    expect(source.status().fault).toBe(
      'flag "headgate-relay": GENERAL (OFREPApiUnauthorizedError); flag "headgate-kill": GENERAL (OFREPApiUnauthorizedError)',
    )
    server.answer = (key) => [200, { key, value: 'planted', reason: 'STATIC' }]
    await next()
    expect(source.status().fault).toContain('must be canary, control, on or off, got')
    server.answer = () => [200, '<!doctype html>']
    await next()
    expect(source.status().fault).toContain('GENERAL (OFREPApiUnexpectedResponseError)')
    expect(seen()).toBe('killed')

    server.answer = (key) => [200, { key, value: key === 'headgate-relay' ? 30 : false }]
    await next()
    expect([seen(), source.status().fault]).toEqual(['30 %', null])
    await server.close()
    await next()
    expect(source.status().fault).toContain('GENERAL (OFREPApiFetchError)')
    expect(seen()).toBe('30 %')
    await server.open()
    server.answer = (key) => [200, { key, value: key !== 'headgate-relay' }]
    await next()
    expect([seen(), source.status().fault]).toEqual(['killed', null])
  })
})

it('is what a document of the same flags in a file is', async () => {
  const { source } = await follow(new InMemoryProvider({ 'headgate-relay': is(1) }))
  expect(source.current()?.document).toEqual(ONE)
})
