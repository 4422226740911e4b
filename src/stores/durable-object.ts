import { HeadgateError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import {
  type Checkpoints,
  DISAGREEING,
  FORGOTTEN_SCHEMA,
  LEDGER_SCHEMA,
  PAIRS_SCHEMA,
  type Row,
  SCHEMA,
  SCHEMA_VERSION,
  type SqlDatabase,
  type SqlValue,
  sqlStores,
} from './sql.ts'

/**
 * Rollouts, their audit log, their evidence and what was spent in the SQLite of a Durable Object. A write resolves before it is on disk;
 * the platform holds back whatever would leave the object until it is, so nobody outside hears of what may be lost.
 */

/** Of `DurableObjectStorage`: what is used here. */
export interface ObjectStorage {
  readonly sql: {
    exec(text: string, ...values: SqlValue[]): { toArray(): Row[] }
  }
  transactionSync<Result>(write: () => Result): Result
}

/** A value may have 2 MB there (developers.cloudflare.com/durable-objects/platform/limits), a checkpoint has up to 6. */
const MOST_CHARACTERS = 500_000

const CHECKPOINTS = `
  CREATE TABLE checkpoints (
    rollout TEXT NOT NULL,
    part INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kept TEXT NOT NULL,
    PRIMARY KEY (rollout, part)
  ) STRICT;
`

/**
 * Opens the storage of this object, after checking all of it; makes the tables where there are none.
 * @throws {HeadgateError} `store_corrupt`, `store_newer` or `store_unavailable`; nothing was changed then
 */
export function openObjectStores<Counts>(storage: ObjectStorage): Stores<Counts> {
  const database = objectDatabase(storage)
  try {
    storage.transactionSync(() => open(storage))
  } catch (error) {
    throw database.faultOf(error)
  }
  return sqlStores(database, checkpointsIn(storage))
}

function open({ sql }: ObjectStorage): void {
  const [ours] = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'headgate'").toArray()
  if (ours === undefined) {
    sql.exec(SCHEMA + CHECKPOINTS + LEDGER_SCHEMA + PAIRS_SCHEMA + FORGOTTEN_SCHEMA)
    return
  }
  const schema = sql.exec('SELECT schema FROM headgate').toArray()[0]?.schema
  if (typeof schema === 'number' && schema > SCHEMA_VERSION) throw newer(schema)
  if (schema !== SCHEMA_VERSION) throw corrupt(`it has schema ${schema}`)
  const [rollout] = sql.exec(DISAGREEING).toArray()
  if (rollout !== undefined) {
    throw corrupt(`the record of rollout ${rollout.rollout} is not what its audit log says`)
  }
  sql.exec(LEDGER_SCHEMA + PAIRS_SCHEMA + FORGOTTEN_SCHEMA)
}

function objectDatabase(storage: ObjectStorage): SqlDatabase {
  return {
    // What was prepared is found again by its text.
    prepare:
      (text) =>
      (...values) =>
        storage.sql.exec(text, ...values).toArray(),
    transaction: (_, write) => storage.transactionSync(write),
    faultOf,
    async close() {},
  }
}

function checkpointsIn({ sql }: ObjectStorage): Checkpoints {
  return {
    read(rollout) {
      const parts = sql
        .exec('SELECT position, kept FROM checkpoints WHERE rollout = ? ORDER BY part', rollout)
        .toArray()
      const [first] = parts
      if (first === undefined) return null
      const kept = parts.map((part) => part.kept).join('')
      return { rollout, position: first.position as number, kept }
    },
    write({ rollout, position, kept }) {
      const before = sql
        .exec('SELECT position FROM checkpoints WHERE rollout = ? AND part = 0', rollout)
        .toArray()[0]?.position
      if (typeof before === 'number' && before >= position) return
      sql.exec('DELETE FROM checkpoints WHERE rollout = ?', rollout)
      for (const [part, text] of partsOf(kept).entries()) {
        sql.exec('INSERT INTO checkpoints VALUES (?, ?, ?, ?)', rollout, part, position, text)
      }
    },
  }
}

/** At least one. No character outside the basic plane is cut in two: its halves would not come back. */
function partsOf(text: string): readonly string[] {
  const parts: string[] = []
  let at = 0
  do {
    const end = at + MOST_CHARACTERS
    const cut = (text.charCodeAt(end - 1) & 0xfc00) === 0xd800 ? end - 1 : end
    parts.push(text.slice(at, cut))
    at = cut
  } while (at < text.length)
  return parts
}

/** The platform names SQLite's own code at the end of its message, and nowhere else. */
function faultOf(error: unknown): unknown {
  if (error instanceof HeadgateError || !(error instanceof Error)) return error
  if (error instanceof SyntaxError) return corrupt(error.message, error)
  const [, code] = /\b(SQLITE_[A-Z]+)/.exec(error.message) ?? []
  if (code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB') return corrupt(error.message, error)
  if (code === undefined || code === 'SQLITE_ERROR' || code === 'SQLITE_CONSTRAINT') return error
  const message = `the storage of this object cannot be used: ${error.message}. What was acknowledged is safe, and the share does not grow meanwhile.`
  return new HeadgateError('store_unavailable', message, { cause: error })
}

function corrupt(found: string, cause?: unknown): HeadgateError {
  return new HeadgateError(
    'store_corrupt',
    `the storage of this object is damaged: ${found}. Nothing in it was changed. Restore it to a point in time before (30 days are kept), or give the rollout another name: it then begins anew.`,
    { cause },
  )
}

function newer(schema: number): HeadgateError {
  return new HeadgateError(
    'store_newer',
    `the storage of this object has schema ${schema}, and this version of Headgate reads up to ${SCHEMA_VERSION}. Nothing in it was changed. Deploy the version that wrote it.`,
  )
}
