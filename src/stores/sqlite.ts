import { randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { HeadgateError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import {
  type Checkpoints,
  DISAGREEING,
  FORGOTTEN_SCHEMA,
  LEDGER_SCHEMA,
  PAIRS_SCHEMA,
  SCHEMA,
  SCHEMA_VERSION,
  type SqlDatabase,
  sqlStores,
} from './sql.ts'

/**
 * Rollouts, their audit log, their evidence and what was spent in one SQLite file, shared by any number of processes of one machine. Calls
 * run on the caller's thread: a commit waits for the disk, counts and dwell times do not. Node only.
 */

const CHECKPOINTS = `
  CREATE TABLE checkpoints (
    rollout TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    kept TEXT NOT NULL
  ) STRICT;
`

/** At open another process may be creating, checking or recovering, and nothing is served yet. */
const OPEN_TIMEOUT_MS = 10_000
/** While it lasts nothing else runs on this thread. */
const BUSY_TIMEOUT_MS = 250

export interface SqliteStoreOptions {
  /** Made, with its folder, when it is not there; readable by its owner only. */
  readonly file: string
  /** How long a call may wait for another process to finish its write; 250 unless given. */
  readonly busyTimeoutMs?: number
  /** The same for opening it; 10,000 unless given. */
  readonly openTimeoutMs?: number
}

/**
 * Opens the file, after checking all of it on a connection that cannot write. What is damaged, of a newer version, or of
 * another program is left as it is, to the byte.
 * @throws {HeadgateError} `store_corrupt`, `store_newer`, or `store_unavailable` when it cannot be written
 */
export function openSqliteStores<Counts>({
  file,
  busyTimeoutMs = BUSY_TIMEOUT_MS,
  openTimeoutMs = OPEN_TIMEOUT_MS,
}: SqliteStoreOptions): Stores<Counts> {
  try {
    if (!existsSync(file)) create(file)
    check(file, openTimeoutMs)
    const database = openForWriting(file, openTimeoutMs, busyTimeoutMs)
    return sqlStores(sqlDatabase(database, file), checkpointsOn(database))
  } catch (error) {
    throw faultOf(error, file)
  }
}

/**
 * Makes the file elsewhere and links it into its place when it is whole, so that no crash leaves a file that looks new: an
 * empty one has lost its latch. Another process may be first; then theirs is used.
 */
function create(file: string): void {
  if (existsSync(`${file}-wal`)) {
    throw corrupt(file, `it is gone, but its write-ahead log ${file}-wal is there`)
  }
  const folder = dirname(file)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const made = `${file}.${randomUUID()}.new`
  try {
    closeSync(openSync(made, 'wx', 0o600))
    const database = new DatabaseSync(made)
    try {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      database.exec(`BEGIN IMMEDIATE; ${SCHEMA} ${CHECKPOINTS} COMMIT`)
    } finally {
      database.close()
    }
    linkSync(made, file)
    const directory = openSync(folder, 'r')
    fsyncSync(directory)
    closeSync(directory)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(made + suffix, { force: true })
  }
}

/** A connection that can write would, at its end, move the write-ahead log into a damaged file. */
function check(file: string, timeoutMs: number): void {
  if (statSync(file).size === 0) throw corrupt(file, 'it is empty')
  const database = new DatabaseSync(file, { readOnly: true, timeout: timeoutMs })
  try {
    const ours = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'headgate'").get()
    if (ours === undefined) throw corrupt(file, 'it is a database of another program')
    const schema = database.prepare('SELECT schema FROM headgate').get()?.schema
    if (typeof schema === 'number' && schema > SCHEMA_VERSION) throw newer(file, schema)
    const found = database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check
    if (found !== 'ok' || schema !== SCHEMA_VERSION) {
      throw corrupt(file, `integrity_check says: ${found}; schema ${schema}`)
    }
    const rollout = database.prepare(DISAGREEING).get()?.rollout
    if (rollout !== undefined) {
      throw corrupt(file, `the record of rollout ${rollout} is not what its audit log says`)
    }
  } catch (error) {
    // Damage shows as any error of SQL too: a name that is not what the schema says, text that is no JSON.
    if (error instanceof HeadgateError || unavailableOf(error) !== null) throw error
    throw corrupt(file, error instanceof Error ? error.message : String(error), error)
  } finally {
    database.close()
  }
}

function openForWriting(file: string, openTimeoutMs: number, busyTimeoutMs: number): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: openTimeoutMs })
  try {
    const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode
    if (mode !== 'wal') {
      throw new HeadgateError(
        'store_unavailable',
        `${file} is on a file system without write-ahead logs (journal_mode ${mode}): put it on a local disk`,
      )
    }
    // A read-only file opens well, and even begins a transaction; it fails at the first write.
    database.exec('BEGIN IMMEDIATE; UPDATE headgate SET schema = schema; ROLLBACK')
    database.exec(`BEGIN IMMEDIATE; ${LEDGER_SCHEMA} ${PAIRS_SCHEMA} ${FORGOTTEN_SCHEMA} COMMIT`)
    database.exec(`PRAGMA busy_timeout = ${Math.trunc(busyTimeoutMs)}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function sqlDatabase(database: DatabaseSync, file: string): SqlDatabase {
  let synchronous: 'FULL' | 'NORMAL' | null = null
  return {
    prepare(text) {
      const statement = database.prepare(text)
      return (...values) => statement.all(...values)
    },
    transaction(durable, write) {
      if (synchronous !== durable) database.exec(`PRAGMA synchronous = ${durable}`)
      synchronous = durable
      database.exec('BEGIN IMMEDIATE')
      try {
        const result = write()
        database.exec('COMMIT')
        return result
      } catch (error) {
        // A full disk ends the transaction by itself.
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    },
    faultOf: (error) => faultOf(error, file),
    async close() {
      if (!database.isOpen) return
      try {
        database.close()
      } catch (error) {
        throw faultOf(error, file)
      }
    },
  }
}

function checkpointsOn(database: DatabaseSync): Checkpoints {
  const read = database.prepare('SELECT * FROM checkpoints WHERE rollout = ?')
  const write = database.prepare(
    `INSERT INTO checkpoints (rollout, position, kept) VALUES (?, ?, ?)
      ON CONFLICT (rollout) DO UPDATE SET position = excluded.position, kept = excluded.kept
      WHERE excluded.position > checkpoints.position`,
  )
  return {
    read(rollout) {
      const row = read.get(rollout)
      if (row === undefined) return null
      return { rollout, position: row.position as number, kept: row.kept as string }
    },
    write({ rollout, position, kept }) {
      write.run(rollout, position, kept)
    },
  }
}

/** Primary result codes of SQLite (sqlite.org/rescode.html) that another moment, or an administrator, can change. */
const UNAVAILABLE: Readonly<Record<number, string>> = {
  3: 'permission is denied',
  5: 'another process is writing to it',
  6: 'another process is writing to it',
  7: 'there is no memory left',
  8: 'it is read-only',
  10: 'the disk fails to read or write',
  13: 'the disk is full',
  14: 'it cannot be opened: see its permissions, and its folder’s',
  22: 'its file system cannot hold it',
  23: 'permission is denied',
}
const CORRUPT: readonly number[] = [11, 26]

/** What a caller is told of anything that was thrown here. A defect of ours stays what it is. */
function faultOf(error: unknown, file: string): unknown {
  if (error instanceof HeadgateError) return error
  const words = unavailableOf(error)
  if (words !== null) {
    const message = `${file} cannot be used: ${words}. What was acknowledged is safe, and the share does not grow meanwhile.`
    return new HeadgateError('store_unavailable', message, { cause: error })
  }
  const code = primaryCodeOf(error)
  if (error instanceof SyntaxError || (code !== null && CORRUPT.includes(code))) {
    return corrupt(file, (error as Error).message, error)
  }
  return error
}

/** Why another attempt may do better; null when none will. */
function unavailableOf(error: unknown): string | null {
  const code = primaryCodeOf(error)
  if (code !== null) return UNAVAILABLE[code] ?? null
  // Of the file system: making the file, its folder, its link.
  return error instanceof Error && 'syscall' in error ? error.message : null
}

/** The low byte of SQLite's extended result code; null for what SQLite did not throw. */
function primaryCodeOf(error: unknown): number | null {
  if (!(error instanceof Error && 'errcode' in error)) return null
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null
}

function corrupt(file: string, found: string, cause?: unknown): HeadgateError {
  return new HeadgateError(
    'store_corrupt',
    `${file} is damaged: ${found}. Nothing in it was changed. Stop every process that uses it, then move it aside with its -wal and -shm files and put a backup in its place. Without a backup rollouts with a plan begin idle at 0 %; those without one follow their flag again, also where they were rolled back: set the flag to 0 first.`,
    { cause },
  )
}

function newer(file: string, schema: number): HeadgateError {
  return new HeadgateError(
    'store_newer',
    `${file} has schema ${schema}, and this version of Headgate reads up to ${SCHEMA_VERSION}. Nothing in it was changed. Run the version that wrote it, or put a backup from before the upgrade in its place.`,
  )
}
