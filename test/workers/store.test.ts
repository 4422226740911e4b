import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { HeadgateError } from '../../src/errors.ts'
import type { Stores } from '../../src/ports.ts'
import { openObjectStores } from '../../src/stores/durable-object.ts'
import { type Counts, conformsToStores, tale } from '../stores/conformance.ts'

/** The store in a real object: each call is made inside it, where alone its storage may be used. */

let objects = 0

function newObject(): DurableObjectStub {
  return env.STORAGE.getByName(`object-${objects++}`)
}

function sqlIn(stub: DurableObjectStub, ...statements: readonly string[]): Promise<void> {
  return runInDurableObject(stub, (_, { storage }) => {
    for (const statement of statements) storage.sql.exec(statement)
  })
}

/** Opened once in the object, as its constructor does, and asked from outside. */
function storesIn(stub: DurableObjectStub): Stores<Counts> {
  let opened: Stores<Counts> | null = null
  const side = <Side extends object>(of: (stores: Stores<Counts>) => Side): Side =>
    new Proxy({} as Side, {
      get:
        (_, name) =>
        async (...values: unknown[]) => {
          const answer = await runInDurableObject(stub, async (_object, { storage }) => {
            opened ??= openObjectStores<Counts>(storage)
            try {
              const call = Reflect.get(of(opened), name) as (...values: unknown[]) => unknown
              return { value: await call(...values) }
            } catch (error) {
              return { error }
            }
          })
          if ('error' in answer) throw answer.error
          return answer.value
        },
    })
  return {
    state: side(({ state }) => state),
    evidence: side(({ evidence }) => evidence),
    ledger: side(({ ledger }) => ledger),
    pairs: side(({ pairs }) => pairs),
    close: async () => opened?.close(),
  }
}

describe('the store of a Durable Object', () => {
  conformsToStores(() => {
    const stub = newObject()
    return { stores: storesIn(stub), again: () => storesIn(stub) }
  })

  it('has everything again after its object was evicted', async () => {
    const stub = newObject()
    const { tell, standing } = tale('relay')
    await storesIn(stub).state.commit([tell({})], { ms: 1, at: 2 })
    await evictDurableObject(stub)
    expect(await storesIn(stub).state.read('relay')).toEqual({
      record: standing().record,
      dwell: { ms: 1, at: 2 },
    })
  })

  it('gets a ledger where it was made without one', async () => {
    const stub = newObject()
    await storesIn(stub).state.readAll()
    await sqlIn(stub, 'DROP TABLE ledger', 'DROP TABLE ledger_writers')
    const batch = { process: 'p', sequence: 0, at: 1, lines: [] }
    expect(await storesIn(stub).ledger.add(batch)).toBe('added')
  })

  it.each(['', 'x'])(
    'keeps a checkpoint that is larger than a value may be there, behind "%s"',
    async (first) => {
      const stub = newObject()
      const { evidence } = storesIn(stub)
      const long = { rollout: 'relay', position: 3, kept: first + '🙂'.repeat(1_400_000) }
      await evidence.keepCheckpoint(long)
      expect(await evidence.checkpoint('relay')).toEqual(long)
      const short = { rollout: 'relay', position: 4, kept: 'null' }
      await evidence.keepCheckpoint(short)
      expect(await evidence.checkpoint('relay')).toEqual(short)
    },
  )

  it.each([
    ['change', `UPDATE events SET event = '{"by":"b","reason":"r"}'`],
    ['lose', 'DELETE FROM events'],
  ])('lets nobody %s what is in the audit log', async (_, statement) => {
    const stub = newObject()
    await storesIn(stub).state.commit([tale('relay').tell({})], { ms: 0, at: 0 })
    await expect(sqlIn(stub, statement)).rejects.toThrow('append-only')
  })

  it('F-8: refuses a record that its audit log does not tell of', async () => {
    const stub = newObject()
    await storesIn(stub).state.commit([tale('relay').tell({})], { ms: 0, at: 0 })
    await sqlIn(stub, `UPDATE rollouts SET record = '{"state":"ramping"}'`)
    await expect(storesIn(stub).state.read('relay')).rejects.toMatchObject({
      name: 'HeadgateError',
      code: 'store_corrupt',
    })
  })

  it('F-8: refuses what a newer version wrote, and leaves it as it is', async () => {
    const stub = newObject()
    await storesIn(stub).state.readAll()
    await sqlIn(stub, 'UPDATE headgate SET schema = 99')
    await expect(storesIn(stub).state.readAll()).rejects.toThrow(HeadgateError)
    await sqlIn(stub, 'UPDATE headgate SET schema = 1')
    expect(await storesIn(stub).state.readAll()).toEqual([])
  })
})
