/** What every store must do, wherever it keeps things. */
import { afterEach, describe, expect, it } from 'vitest'
import type {
  EvidenceBatch,
  LedgerBatch,
  LedgerKey,
  LedgerLine,
  StateStore,
  Stores,
} from '../../src/ports.ts'
import { type Change, changed } from '../../src/rollout/events.ts'
import { planOf } from '../../src/rollout/plan.ts'
import { initialOf, type Standing } from '../../src/rollout/state.ts'
import type { Pair, RolloutEvent } from '../../src/types.ts'
import { pair, withText } from '../fakes/pair.ts'

/** What a flush counts; as good as any JSON. */
export interface Counts {
  readonly shareBp: number
  readonly failures: readonly number[]
  readonly values?: readonly number[]
}

/** One opened store, and a second hand on the same data where it can be shared. */
export interface OpenStore {
  readonly stores: Stores<Counts>
  /** The same data, as another process would open it; absent when it dies with its process. */
  readonly again?: () => Stores<Counts>
  cleanUp?(): void
}

const PLAN = planOf({ plan: { steps: [100, 500], advance: 'auto' } })

/** A rollout's story, told change by change, as `advance` and `command` would write it. */
export function tale(rollout: string): {
  readonly standing: () => Standing
  readonly tell: (change: Partial<Change>, id?: string) => RolloutEvent
} {
  let standing = initialOf(rollout, PLAN, 1_000)
  return {
    standing: () => standing,
    tell(change, id = `${rollout}-${standing.record.version + 1}`) {
      const version = standing.record.version + 1
      const { next, events } = changed(
        standing,
        {
          type: 'set',
          by: 'alice',
          reason: `turn ${version}`,
          to: { state: 'paused', step: null, heightBp: version },
          ...change,
        },
        1_000 + version,
        id,
      )
      standing = next
      return events[0] as RolloutEvent
    },
  }
}

const LINE: LedgerLine = {
  key: {
    day: '2026-11-26',
    rollout: 'relay',
    arm: 'control',
    role: 'live',
    upstream: 'official',
    model: 'gpt-5.2',
    prices: 'genai-prices@0.1.8',
  },
  amounts: { requests: 1n },
}

const DWELL = { ms: 12.5, at: 1_234 }

/** Declares the tests. */
export function conformsToStores(open: () => OpenStore): void {
  let opened: OpenStore | null = null
  afterEach(async () => {
    await opened?.stores.close()
    opened?.cleanUp?.()
    opened = null
  })

  const opening = (): OpenStore => {
    opened = open()
    return opened
  }
  const stateOf = (): StateStore => opening().stores.state

  describe('a state store', () => {
    it('has nothing of a rollout that was never written', async () => {
      const state = stateOf()
      expect(await state.read('relay')).toBeNull()
      expect(await state.readAll()).toEqual([])
      expect(await state.events({ limit: 10 })).toEqual([])
    })

    it('keeps the record, the time served and the event of one commit', async () => {
      const state = stateOf()
      const { tell, standing } = tale('relay')
      const event = tell({})
      expect(await state.commit([event], DWELL)).toBe('written')
      expect(await state.read('relay')).toEqual({ record: standing().record, dwell: DWELL })
      expect(await state.events({ limit: 10 })).toEqual([event])
    })

    it('takes several events at once, the last of which is the record', async () => {
      const state = stateOf()
      const { tell, standing } = tale('relay')
      const events = [tell({}), tell({}), tell({})]
      expect(await state.commit(events, DWELL)).toBe('written')
      expect((await state.read('relay'))?.record).toEqual(standing().record)
      expect(await state.events({ limit: 10 })).toEqual(events)
    })

    it('D8: refuses who read an older version, and writes nothing then', async () => {
      const state = stateOf()
      const { tell, standing } = tale('relay')
      const first = tell({})
      await state.commit([first], DWELL)
      const read = standing()
      await state.commit([tell({ reason: 'mine' })], DWELL)
      const [late] = changed(
        read,
        {
          type: 'set',
          by: 'bob',
          reason: 'late',
          to: { state: 'paused', step: null, heightBp: 9 },
        },
        5,
        'late',
      ).events
      expect(await state.commit([late as RolloutEvent], { ms: 99, at: 99 })).toBe('conflict')
      expect(await state.read('relay')).toEqual({ record: standing().record, dwell: DWELL })
      expect(await state.events({ limit: 10 })).toHaveLength(2)
      expect(await state.events({ after: 'late', limit: 10 })).toBe('unknown_event')
    })

    it('lets only one of two begin a rollout', async () => {
      const state = stateOf()
      expect(await state.commit([tale('relay').tell({}, 'one')], DWELL)).toBe('written')
      expect(await state.commit([tale('relay').tell({}, 'two')], DWELL)).toBe('conflict')
      expect(await state.events({ limit: 10 })).toHaveLength(1)
    })

    it('refuses a rollout never written to who read a later version', async () => {
      const state = stateOf()
      const { tell } = tale('relay')
      tell({})
      expect(await state.commit([tell({})], DWELL)).toBe('conflict')
      expect(await state.read('relay')).toBeNull()
      expect(await state.events({ limit: 10 })).toEqual([])
    })

    it('writes nothing of a chain that breaks in the middle', async () => {
      const state = stateOf()
      const { tell } = tale('relay')
      const events = [tell({}), tell({}), tell({})]
      const broken = [events[0], events[2]] as RolloutEvent[]
      expect(await state.commit(broken, DWELL)).toBe('conflict')
      expect(await state.read('relay')).toBeNull()
      expect(await state.events({ limit: 10 })).toEqual([])
    })

    it('writes no event whose two sides are not one version apart', async () => {
      const state = stateOf()
      const event = tale('relay').tell({})
      for (const [before, after] of [
        [0, 2],
        [1, 1],
        [-1, 0],
        [5, 1],
      ] as const) {
        const odd = {
          ...event,
          before: { ...event.before, version: before },
          after: { ...event.after, version: after },
        }
        expect(await state.commit([odd], DWELL)).toBe('conflict')
      }
      expect(await state.readAll()).toEqual([])
      expect(await state.events({ limit: 10 })).toEqual([])
    })

    it('knows no change without an event, nor one without who and why', async () => {
      const state = stateOf()
      await expect(state.commit([], DWELL)).rejects.toThrow(RangeError)
      await expect(state.commit([tale('a').tell({ by: '' })], DWELL)).rejects.toThrow(RangeError)
      await expect(state.commit([tale('a').tell({ reason: '' })], DWELL)).rejects.toThrow(
        RangeError,
      )
      const mixed = [tale('a').tell({}), tale('b').tell({})]
      await expect(state.commit(mixed, DWELL)).rejects.toThrow(RangeError)
      expect(await state.readAll()).toEqual([])
      expect(await state.events({ limit: 10 })).toEqual([])
    })

    it('takes each event id once', async () => {
      const state = stateOf()
      const { tell, standing } = tale('relay')
      await state.commit([tell({}, 'same')], DWELL)
      const { record } = standing()
      await expect(state.commit([tell({}, 'same')], DWELL)).rejects.toThrow(RangeError)
      expect((await state.read('relay'))?.record).toEqual(record)
      expect(await state.events({ limit: 10 })).toHaveLength(1)
    })

    it('keeps rollouts apart', async () => {
      const state = stateOf()
      const relay = tale('relay')
      const other = tale('other')
      await state.commit([relay.tell({})], DWELL)
      await state.commit([other.tell({})], DWELL)
      await state.commit([relay.tell({})], DWELL)
      const all = await state.readAll()
      expect(all.map(({ record }) => [record.rollout, record.version])).toEqual(
        expect.arrayContaining([
          ['relay', 2],
          ['other', 1],
        ]),
      )
      expect(all).toHaveLength(2)
    })

    it('keeps the time served at the version it was served at, without an event', async () => {
      const state = stateOf()
      const { tell, standing } = tale('relay')
      expect(await state.keepDwell('relay', 0, DWELL)).toBe('conflict')
      await state.commit([tell({})], DWELL)
      expect(await state.keepDwell('relay', 1, { ms: 20, at: 30 })).toBe('written')
      expect(await state.keepDwell('relay', 2, { ms: 21, at: 31 })).toBe('conflict')
      expect(await state.keepDwell('relay', 0, { ms: 22, at: 32 })).toBe('conflict')
      expect(await state.read('relay')).toEqual({
        record: standing().record,
        dwell: { ms: 20, at: 30 },
      })
      expect(await state.events({ limit: 10 })).toHaveLength(1)
    })

    it('reads the audit log in order, page by page, of one rollout or of all', async () => {
      const state = stateOf()
      const relay = tale('relay')
      const other = tale('other')
      const written: RolloutEvent[] = []
      for (let turn = 0; turn < 7; turn++) {
        const event = (turn % 3 === 2 ? other : relay).tell({})
        written.push(event)
        await state.commit([event], DWELL)
      }
      const paged: RolloutEvent[] = []
      for (;;) {
        const page = await state.events({ after: paged.at(-1)?.id, limit: 2 })
        if (page === 'unknown_event' || page.length === 0) break
        expect(page.length).toBeLessThanOrEqual(2)
        paged.push(...page)
      }
      expect(paged).toEqual(written)
      const ofRelay = written.filter(({ rollout }) => rollout === 'relay')
      expect(await state.events({ rollout: 'relay', limit: 10 })).toEqual(ofRelay)
      // The page begins behind an event of another rollout too.
      expect(await state.events({ rollout: 'relay', after: 'other-1', limit: 2 })).toEqual(
        ofRelay.slice(2, 4),
      )
      expect(await state.events({ rollout: 'nobody', limit: 10 })).toEqual([])
      expect(await state.events({ after: 'nobody', limit: 10 })).toBe('unknown_event')
    })

    it('keeps names and reasons as they were written', async () => {
      const state = stateOf()
      const words = 'O’Hara "quotes" \\ \n\t\0 用户 🙂 \ud800 \'; DROP TABLE events; -- {"$.after"}'
      const event = tale(words).tell({ by: words, reason: words })
      await state.commit([event], DWELL)
      expect(await state.events({ rollout: words, limit: 1 })).toEqual([event])
      expect((await state.read(words))?.record.rollout).toBe(words)
    })

    it('hands out copies, and keeps copies', async () => {
      const state = stateOf()
      const event = tale('relay').tell({}) as {
        reason: string
        after: { heightBp: number }
      } & RolloutEvent
      await state.commit([event], DWELL)
      const before = structuredClone(event)
      event.reason = 'changed'
      event.after.heightBp = 9_999
      const read = (await state.read('relay')) as { record: { state: string } }
      read.record.state = 'ramping'
      expect(await state.events({ limit: 1 })).toEqual([before])
      expect((await state.read('relay'))?.record).toEqual(before.after)
    })

    it('lets one of two racing writers win every version, and loses no event', async () => {
      const { stores, again } = opening()
      const hands = [stores, again?.() ?? stores]
      const won = [0, 0]
      const race = async (me: number): Promise<void> => {
        const { state } = hands[me] as Stores<Counts>
        for (let turn = 0; turn < 40; turn++) {
          const record = (await state.read('relay'))?.record ?? initialOf('relay', PLAN, 0).record
          await null
          const { events } = changed(
            { record, dwell: DWELL },
            {
              type: 'set',
              by: `writer ${me}`,
              reason: 'race',
              to: { state: 'paused', step: null, heightBp: turn },
            },
            turn,
            `${me}-${turn}`,
          )
          if ((await state.commit(events, DWELL)) === 'written') won[me] = (won[me] ?? 0) + 1
        }
      }
      await Promise.all([race(0), race(1)])
      const events = await stores.state.events({ limit: 100 })
      if (events === 'unknown_event') throw new Error(events)
      const total = (won[0] ?? 0) + (won[1] ?? 0)
      expect(total).toBeGreaterThanOrEqual(40)
      expect(events.map(({ version }) => version)).toEqual(
        Array.from({ length: total }, (_, index) => index + 1),
      )
      for (const [index, event] of events.entries()) {
        if (index > 0) expect(event.before).toEqual(events[index - 1]?.after)
      }
      if (again !== undefined) await hands[1]?.close()
    })
  })

  describe('an evidence store', () => {
    const batch = (sequence: number, more: Partial<EvidenceBatch<Counts>> = {}) => ({
      rollout: 'relay',
      epoch: 1,
      process: 'p1',
      sequence,
      at: 1_000 + sequence,
      counts: { shareBp: 100, failures: [sequence, 0, 7] },
      ...more,
    })

    it('keeps the newest checkpoint of each rollout, as it was written', async () => {
      const { evidence } = opening().stores
      expect(await evidence.checkpoint('relay')).toBeNull()
      const first = { rollout: 'relay', position: 7, kept: '{"state":[1,0.1]}' }
      await evidence.keepCheckpoint(first)
      expect(await evidence.checkpoint('relay')).toEqual(first)
      const second = { ...first, position: 9, kept: 'null' }
      await evidence.keepCheckpoint(second)
      await evidence.keepCheckpoint({ ...first, position: 8 })
      await evidence.keepCheckpoint({ ...first, position: 9 })
      expect(await evidence.checkpoint('relay')).toEqual(second)
      expect(await evidence.checkpoint('other')).toBeNull()
    })

    it('has nothing before a first batch', async () => {
      const { evidence } = opening().stores
      expect(await evidence.read({ rollout: 'relay', limit: 10 })).toEqual([])
      expect(await evidence.append([])).toEqual([])
    })

    it('keeps batches in the order they came, and reads them back page by page', async () => {
      const { evidence } = opening().stores
      const batches = [batch(5), batch(0, { process: 'p2' }), batch(1), batch(3)]
      const first = await evidence.append(batches.slice(0, 3))
      const second = await evidence.append(batches.slice(3))
      const logged = [...first, ...second]
      expect(logged.map(({ position: _, ...rest }) => rest)).toEqual(batches)
      const positions = logged.map(({ position }) => position)
      expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b))
      expect(await evidence.read({ rollout: 'relay', limit: 10 })).toEqual(logged)
      expect(await evidence.read({ rollout: 'relay', limit: 2 })).toEqual(logged.slice(0, 2))
      const after = logged[1]?.position
      expect(await evidence.read({ rollout: 'relay', after, limit: 1 })).toEqual([logged[2]])
    })

    it('takes a batch that is sent again once, whatever it says then', async () => {
      const { evidence } = opening().stores
      const logged = await evidence.append([batch(1)])
      const other = batch(1, { counts: { shareBp: 1, failures: [] }, epoch: 2 })
      expect(await evidence.append([other, batch(2), batch(2)])).toMatchObject([{ sequence: 2 }])
      const read = await evidence.read({ rollout: 'relay', limit: 10 })
      expect(read[0]).toEqual(logged[0])
      expect(read.map(({ sequence }) => sequence)).toEqual([1, 2])
    })

    it('tells processes and rollouts apart by more than the sequence', async () => {
      const { evidence } = opening().stores
      const three = [batch(1), batch(1, { process: 'p2' }), batch(1, { rollout: 'other' })]
      expect(await evidence.append(three)).toHaveLength(3)
      expect(await evidence.read({ rollout: 'relay', limit: 10 })).toHaveLength(2)
      expect(await evidence.read({ rollout: 'other', limit: 10 })).toHaveLength(1)
    })

    it('reads one epoch, or all', async () => {
      const { evidence } = opening().stores
      await evidence.append([batch(1), batch(2, { epoch: 2 }), batch(3), batch(4, { epoch: 2 })])
      const sequencesOf = async (epoch?: number) =>
        (await evidence.read({ rollout: 'relay', epoch, limit: 10 })).map((one) => one.sequence)
      expect(await sequencesOf(2)).toEqual([2, 4])
      expect(await sequencesOf(1)).toEqual([1, 3])
      expect(await sequencesOf(3)).toEqual([])
      expect(await sequencesOf()).toEqual([1, 2, 3, 4])
    })

    it('lets go of the oldest of epochs that are over, so many at once, and remembers it', async () => {
      const { evidence } = opening().stores
      const old = [batch(0), batch(1), batch(2, { at: 9_000 }), batch(3, { rollout: 'other' })]
      await evidence.append([...old, batch(4, { epoch: 2 }), batch(5, { epoch: 3, at: 1 })])
      expect(await evidence.forgotten('relay')).toBeNull()
      const forget = (epoch: number, before = 2_000, limit = 10) =>
        evidence.forget({ rollout: 'relay', epoch, before, limit })
      const sequences = async (rollout = 'relay') =>
        (await evidence.read({ rollout, limit: 10 })).map(({ sequence }) => sequence)

      expect(await forget(1)).toBe(0)
      expect(await forget(3, 1_000)).toBe(0)
      expect(await forget(3, 2_000, 1)).toBe(1)
      expect(await sequences()).toEqual([1, 2, 4, 5])
      expect(await evidence.forgotten('relay')).toEqual({ batches: 1, epoch: 1, at: 1_000 })
      // What is not old enough stays, and what comes after its epoch waits for it.
      expect(await forget(3)).toBe(1)
      expect(await forget(3)).toBe(0)
      expect(await sequences()).toEqual([2, 4, 5])
      expect(await forget(3, 10_000)).toBe(1)
      expect(await forget(3, 10_000)).toBe(1)
      expect(await forget(3, 10_000)).toBe(0)
      expect(await sequences()).toEqual([5])
      expect(await sequences('other')).toEqual([3])
      expect(await evidence.forgotten('relay')).toEqual({ batches: 4, epoch: 2, at: 9_000 })
      expect(await evidence.forgotten('other')).toBeNull()
    })

    it('gives no position twice, whatever was let go', async () => {
      const { evidence } = opening().stores
      const before = (await evidence.append([batch(0), batch(1)])).map(({ position }) => position)
      await evidence.forget({ rollout: 'relay', epoch: 2, before: 1e9, limit: 10 })
      const [next] = await evidence.append([batch(2, { epoch: 2 })])
      expect(next?.position).toBeGreaterThan(Math.max(...before))
    })

    it('gives every number back bit for bit', async () => {
      const { evidence } = opening().stores
      const values = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 2 ** 53 - 1, -1e-7, 1 / 3, 0]
      await evidence.append([batch(1, { counts: { shareBp: 1, failures: [], values } })])
      const [read] = await evidence.read({ rollout: 'relay', limit: 1 })
      for (const [index, value] of values.entries()) {
        expect(Object.is(read?.counts.values?.[index], value)).toBe(true)
      }
    })

    it('hands out copies, and keeps copies', async () => {
      const { evidence } = opening().stores
      const failures = [1, 2, 3]
      const [logged] = await evidence.append([batch(1, { counts: { shareBp: 1, failures } })])
      failures[0] = 99
      ;(logged?.counts.failures as number[])[1] = 99
      const [read] = await evidence.read({ rollout: 'relay', limit: 1 })
      expect(read?.counts.failures).toEqual([1, 2, 3])
    })
  })

  describe('pairs', () => {
    const FINDING = {
      kind: 'model_echo',
      words: 'another model',
      evidence: { canary: 'x' },
    } as const
    const all = [
      pair('a', 1),
      pair('b', 2, { verdict: 'different' }),
      pair('c', 3, { rollout: 'other' }),
      pair('d', 3, { findings: [FINDING] }),
    ]
    const idsOf = (pairs: readonly Pair[]) => pairs.map(({ id }) => id)

    it('come back the newest first, each once, a page at a time', async () => {
      const { pairs } = opening().stores
      await pairs.add(all)
      await pairs.add([pair('a', 59)])
      expect(await pairs.read({ limit: 9 })).toEqual([...all].reverse())
      expect(idsOf(await pairs.read({ limit: 2 }))).toEqual(['d', 'c'])
      expect(idsOf(await pairs.read({ limit: 9, after: pair('c', 3) }))).toEqual(['b', 'a'])
      expect(idsOf(await pairs.read({ limit: 9, rollout: 'relay' }))).toEqual(['d', 'b', 'a'])
      expect(idsOf(await pairs.read({ limit: 9, only: 'different' }))).toEqual(['b'])
      expect(idsOf(await pairs.read({ limit: 9, only: 'findings' }))).toEqual(['d'])
      expect(await pairs.get('b')).toEqual(all[1])
      expect(await pairs.get('z')).toBeNull()
    })

    it('are listed without their texts, which are let go first', async () => {
      const { pairs } = opening().stores
      const told = withText(pair('t', 5, { again: pair('x', 0).control }), 'O’Hara "x" 用户 🙂')
      await pairs.add([told])
      expect(await pairs.get('t')).toEqual(told)
      expect(await pairs.read({ limit: 9 })).toEqual([
        pair('t', 5, { again: pair('x', 0).control }),
      ])
      const limits = { keep: 9, before: pair('x', 1).at, textBefore: pair('x', 6).at }
      await pairs.forget('other', limits)
      expect(await pairs.get('t')).toEqual(told)
      await pairs.forget('relay', limits)
      expect((await pairs.get('t'))?.question).toBeNull()
    })

    it('are kept no longer than told, and no more of them', async () => {
      const { pairs } = opening().stores
      await pairs.add(all)
      const since = (minute: number) => ({
        before: pair('x', minute).at,
        textBefore: pair('x', 0).at,
      })
      await pairs.forget('relay', { keep: 9, ...since(2) })
      expect(idsOf(await pairs.read({ limit: 9 }))).toEqual(['d', 'c', 'b'])
      await pairs.forget('relay', { keep: 1, ...since(0) })
      expect(idsOf(await pairs.read({ limit: 9 }))).toEqual(['d', 'c'])
    })
  })

  describe('a ledger', () => {
    const key = (more: Partial<LedgerKey> = {}): LedgerKey => ({
      day: '2026-11-26',
      rollout: 'relay',
      arm: 'canary',
      role: 'live',
      upstream: 'relay',
      model: 'gpt-5.2',
      prices: 'genai-prices@0.1.8 ratio=0.15',
      ...more,
    })
    const batch = (
      sequence: number,
      amounts: Readonly<Record<string, bigint>>,
      more: Partial<LedgerKey> = {},
      process = 'p1',
    ): LedgerBatch => ({
      process,
      sequence,
      at: Date.parse('2026-11-26T12:00:00Z') + sequence,
      lines: [{ key: key(more), amounts }],
    })
    const ALL = { from: '0000-01-01', to: '9999-12-31' }

    it('has nothing before a first batch', async () => {
      const { ledger } = opening().stores
      expect(await ledger.read(ALL)).toEqual([])
      await ledger.forget('2026-11-26')
    })

    it('adds up what is of one line, name by name, and exactly', async () => {
      const { ledger } = opening().stores
      const huge = 10n ** 30n
      expect(await ledger.add(batch(0, { requests: 1n, spent: huge }))).toBe('added')
      await ledger.add(batch(1, { requests: 2n, spent: 1n, unpriced: 1n }))
      expect(await ledger.read(ALL)).toEqual([
        { key: key(), amounts: { requests: 3n, spent: huge + 1n, unpriced: 1n } },
      ])
    })

    it('adds a batch that is sent again once, whatever it says then, and none from before it', async () => {
      const { ledger } = opening().stores
      await ledger.add(batch(3, { requests: 1n }))
      expect(await ledger.add(batch(3, { requests: 5n }))).toBe('known')
      expect(await ledger.add(batch(2, { requests: 7n }))).toBe('known')
      expect(await ledger.add(batch(3, { requests: 1n }, {}, 'p2'))).toBe('added')
      expect((await ledger.read(ALL))[0]?.amounts).toEqual({ requests: 2n })
    })

    it('keeps lines apart that differ in anything', async () => {
      const { ledger } = opening().stores
      const differing: Partial<LedgerKey>[] = [
        {},
        { day: '2026-11-27' },
        { rollout: null },
        { rollout: 'null' },
        { arm: 'control' },
        { role: 'probe' },
        { upstream: 'other' },
        { model: null },
        { model: 'O’Hara "x" \\ \n 用户 🙂 \'; DROP TABLE ledger; --' },
        { prices: 'own@1' },
        { caller: 'app' },
        { caller: 'null' },
      ]
      for (const [sequence, more] of differing.entries()) {
        await ledger.add(batch(sequence, { requests: BigInt(sequence + 1) }, more))
      }
      const lines = await ledger.read(ALL)
      expect(lines).toHaveLength(differing.length)
      expect(lines).toEqual(
        expect.arrayContaining(
          differing.map((more, at) => ({ key: key(more), amounts: { requests: BigInt(at + 1) } })),
        ),
      )
    })

    it('reads days, both ends included, the oldest first', async () => {
      const { ledger } = opening().stores
      const days = ['2026-11-30', '2026-11-01', '2026-12-01', '2026-10-31']
      for (const [sequence, day] of days.entries()) {
        await ledger.add(batch(sequence, { requests: 1n }, { day }))
      }
      const read = await ledger.read({ from: '2026-11-01', to: '2026-11-30' })
      expect(read.map((line) => line.key.day)).toEqual(['2026-11-01', '2026-11-30'])
      expect((await ledger.read(ALL)).map((line) => line.key.day)).toEqual([...days].sort())
    })

    it('forgets days before a day, and processes that were silent since', async () => {
      const { ledger } = opening().stores
      await ledger.add(batch(0, { requests: 1n }, { day: '2026-11-25' }))
      await ledger.add(batch(1, { requests: 1n }))
      await ledger.forget('2026-11-26')
      expect((await ledger.read(ALL)).map((line) => line.key.day)).toEqual(['2026-11-26'])
      expect(await ledger.add(batch(1, { requests: 9n }))).toBe('known')
      await ledger.forget('2026-11-28')
      expect(await ledger.read(ALL)).toEqual([])
      expect(await ledger.add(batch(1, { requests: 1n }))).toBe('added')
    })

    it('hands out copies, and keeps copies', async () => {
      const { ledger } = opening().stores
      const given = batch(0, { requests: 1n })
      await ledger.add(given)
      ;(given.lines[0]?.amounts as Record<string, bigint>)['requests'] = 99n
      const [read] = await ledger.read(ALL)
      ;(read?.amounts as Record<string, bigint>)['requests'] = 77n
      expect((await ledger.read(ALL))[0]?.amounts).toEqual({ requests: 1n })
    })

    it('is added to by two hands at once, and loses nothing', async () => {
      const { stores, again } = opening()
      const hands = [stores, again?.() ?? stores]
      const write = async (me: number): Promise<void> => {
        for (let sequence = 0; sequence < 40; sequence++) {
          await hands[me]?.ledger.add(batch(sequence, { requests: 1n }, {}, `p${me}`))
          await null
        }
      }
      await Promise.all([write(0), write(1)])
      expect((await stores.ledger.read(ALL))[0]?.amounts).toEqual({ requests: 80n })
      if (again !== undefined) await hands[1]?.close()
    })
  })

  it('all may be closed twice', async () => {
    const { stores } = opening()
    await stores.close()
    await stores.close()
    await stores.state.close()
    await stores.evidence.close()
    await stores.ledger.close()
  })

  it('what was written is there for whoever opens it next', async () => {
    const { stores, again } = opening()
    if (again === undefined) return
    const { tell, standing } = tale('relay')
    const event = tell({})
    await stores.state.commit([event], DWELL)
    await stores.state.keepDwell('relay', 1, { ms: 7, at: 8 })
    const batch = {
      rollout: 'relay',
      epoch: 1,
      process: 'p',
      sequence: 0,
      at: 1,
      counts: { shareBp: 1, failures: [] },
    }
    const logged = await stores.evidence.append([batch])
    const booked = { process: 'p', sequence: 0, at: 1, lines: [LINE] }
    await stores.ledger.add(booked)
    await stores.pairs.add([pair('a', 1)])
    await stores.close()
    const next = again()
    expect(await next.state.read('relay')).toEqual({
      record: standing().record,
      dwell: { ms: 7, at: 8 },
    })
    expect(await next.state.events({ limit: 9 })).toEqual([event])
    expect(await next.evidence.read({ rollout: 'relay', limit: 9 })).toEqual(logged)
    expect(await next.evidence.append([batch])).toEqual([])
    expect(await next.ledger.read({ from: '2026-11-26', to: '2026-11-26' })).toEqual([LINE])
    expect(await next.ledger.add(booked)).toBe('known')
    expect(await next.pairs.get('a')).toEqual(pair('a', 1))
    await next.close()
  })
}
