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
import type { LoggedBatch, StoredRollout, Stores } from '../ports.ts'
import type { Dwell, RolloutEvent, RolloutRecord } from '../types.ts'

/**
 * Rollouts, their audit log and their evidence in one SQLite file, shared by any number of processes of one machine. Calls
 * run on the caller's thread: a commit waits for the disk, counts and dwell times do not. Node only.
 */

const SCHEMA_VERSION = 1

const SCHEMA = `
  CREATE TABLE headgate (schema INTEGER NOT NULL) STRICT;
  INSERT INTO headgate VALUES (${SCHEMA_VERSION});
  CREATE TABLE rollouts (
    rollout TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version > 0),
    record TEXT NOT NULL CHECK (json_valid(record)),
    dwell_ms REAL NOT NULL,
    dwell_at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    rollout TEXT NOT NULL,
    version INTEGER NOT NULL,
    event TEXT NOT NULL CHECK (length(event ->> 'by') > 0 AND length(event ->> 'reason') > 0),
    UNIQUE (rollout, version)
  ) STRICT;
  CREATE TABLE evidence (
    position INTEGER PRIMARY KEY,
    rollout TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    process TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at REAL NOT NULL,
    counts TEXT NOT NULL CHECK (json_valid(counts)),
    UNIQUE (rollout, process, sequence)
  ) STRICT;
  CREATE INDEX evidence_by_epoch ON evidence (rollout, epoch);
  CREATE TABLE checkpoints (
    rollout TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    kept TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER events_stay BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
  CREATE TRIGGER events_last BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
`

/** A rollout whose record is not what its last event left, or whose log has a gap. Both were written in one transaction. */
const DISAGREEING = `
  SELECT rollout FROM rollouts LEFT JOIN events USING (rollout, version)
    WHERE event IS NULL OR event -> 'after' <> record
  UNION
  SELECT events.rollout FROM events LEFT JOIN rollouts USING (rollout)
    GROUP BY events.rollout
    HAVING rollouts.version IS NOT max(events.version) OR count(*) <> max(events.version)
  LIMIT 1
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
    return storesOn(openForWriting(file, openTimeoutMs, busyTimeoutMs), file)
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
      database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`)
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
    database.exec(`PRAGMA busy_timeout = ${Math.trunc(busyTimeoutMs)}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function storesOn<Counts>(database: DatabaseSync, file: string): Stores<Counts> {
  /** Once the file was found damaged nothing is written to it any more. */
  let damage: HeadgateError | null = null
  let synchronous: 'FULL' | 'NORMAL' | null = null

  const readOne = database.prepare('SELECT * FROM rollouts WHERE rollout = ?')
  const readEach = database.prepare('SELECT * FROM rollouts ORDER BY rollout')
  const insertRollout = database.prepare(
    'INSERT INTO rollouts (version, record, dwell_ms, dwell_at, rollout) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  )
  const updateRollout = database.prepare(
    'UPDATE rollouts SET version = ?, record = ?, dwell_ms = ?, dwell_at = ? WHERE rollout = ? AND version = ?',
  )
  const updateDwell = database.prepare(
    'UPDATE rollouts SET dwell_ms = ?, dwell_at = ? WHERE rollout = ? AND version = ?',
  )
  const insertEvent = database.prepare(
    'INSERT INTO events (id, rollout, version, event) VALUES (?, ?, ?, ?)',
  )
  const findEvent = database.prepare('SELECT position FROM events WHERE id = ?')
  const readEvents = database.prepare(
    'SELECT event FROM events WHERE position > ? ORDER BY position LIMIT ?',
  )
  const readEventsOf = database.prepare(
    'SELECT event FROM events WHERE position > ? AND rollout = ? ORDER BY position LIMIT ?',
  )
  const insertBatch = database.prepare(
    'INSERT INTO evidence (rollout, epoch, process, sequence, at, counts) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  )
  // `+`: along the log. By an index SQLite sorts all that a rollout has, again for every page.
  const readBatches = database.prepare(
    'SELECT * FROM evidence WHERE +rollout = ? AND position > ? ORDER BY position LIMIT ?',
  )
  const readBatchesOf = database.prepare(
    'SELECT * FROM evidence WHERE rollout = ? AND epoch = ? AND position > ? ORDER BY position LIMIT ?',
  )
  const readCheckpoint = database.prepare('SELECT * FROM checkpoints WHERE rollout = ?')
  const writeCheckpoint = database.prepare(
    `INSERT INTO checkpoints (rollout, position, kept) VALUES (?, ?, ?)
      ON CONFLICT (rollout) DO UPDATE SET position = excluded.position, kept = excluded.kept
      WHERE excluded.position > checkpoints.position`,
  )

  async function reading<Result>(read: () => Result): Promise<Result> {
    if (damage !== null) throw damage
    try {
      return read()
    } catch (error) {
      const fault = faultOf(error, file)
      if (fault instanceof HeadgateError && fault.code === 'store_corrupt') damage = fault
      throw fault
    }
  }

  /** One transaction. `write` returns `undo` to leave everything as it was. */
  async function writing<Result>(
    durable: 'FULL' | 'NORMAL',
    write: (undo: (result: Result) => Undone<Result>) => Result | Undone<Result>,
  ): Promise<Result> {
    return reading(() => {
      if (synchronous !== durable) database.exec(`PRAGMA synchronous = ${durable}`)
      synchronous = durable
      database.exec('BEGIN IMMEDIATE')
      try {
        const result = write((undone) => new Undone(undone))
        database.exec(result instanceof Undone ? 'ROLLBACK' : 'COMMIT')
        return result instanceof Undone ? result.result : result
      } catch (error) {
        // A full disk ends the transaction by itself.
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    })
  }

  async function close(): Promise<void> {
    if (!database.isOpen) return
    try {
      database.close()
    } catch (error) {
      throw faultOf(error, file)
    }
  }

  return {
    state: {
      read: (rollout) => reading(() => storedOf(readOne.get(rollout))),
      readAll: () => reading(() => readEach.all().flatMap((row) => storedOf(row) ?? [])),
      commit(events, dwell) {
        return writing('FULL', (undo) => {
          const last = events.at(-1)
          if (last === undefined)
            throw new RangeError('a commit needs an event: nothing changes silently')
          for (const event of events) {
            const { id, rollout, by, reason, before, after } = event
            if (by === '' || reason === '') throw new RangeError(`event ${id} needs by and reason`)
            if (rollout !== last.rollout) throw new RangeError(`event ${id} is of another rollout`)
            if (after.version !== before.version + 1) return undo('conflict')
            const values = [
              after.version,
              JSON.stringify(after),
              dwell.ms,
              dwell.at,
              rollout,
            ] as const
            const { changes } =
              before.version === 0
                ? insertRollout.run(...values)
                : updateRollout.run(...values, before.version)
            if (changes !== 1) return undo('conflict')
            if (findEvent.get(id) !== undefined)
              throw new RangeError(`event ${id} is there already`)
            insertEvent.run(id, rollout, after.version, JSON.stringify(event))
          }
          return 'written'
        })
      },
      keepDwell(rollout, version, { ms, at }) {
        return writing('NORMAL', (undo) => {
          const { changes } = updateDwell.run(ms, at, rollout, version)
          return changes === 1 ? 'written' : undo('conflict')
        })
      },
      events({ rollout, after, limit }) {
        return reading(() => {
          const from = after === undefined ? 0 : findEvent.get(after)?.position
          if (typeof from !== 'number') return 'unknown_event'
          const rows =
            rollout === undefined
              ? readEvents.all(from, limit)
              : readEventsOf.all(from, rollout, limit)
          return rows.map(({ event }) => JSON.parse(String(event)) as RolloutEvent)
        })
      },
      close,
    },
    evidence: {
      append(batches) {
        return writing('NORMAL', () => {
          const fresh: LoggedBatch<Counts>[] = []
          for (const { rollout, epoch, process, sequence, at, counts } of batches) {
            const text = JSON.stringify(counts)
            const { changes, lastInsertRowid } = insertBatch.run(
              rollout,
              epoch,
              process,
              sequence,
              at,
              text,
            )
            if (changes !== 1) continue
            const position = Number(lastInsertRowid)
            fresh.push({
              rollout,
              epoch,
              process,
              sequence,
              at,
              counts: JSON.parse(text),
              position,
            })
          }
          return fresh
        })
      },
      read({ rollout, epoch, after = 0, limit }) {
        return reading(() => {
          const rows =
            epoch === undefined
              ? readBatches.all(rollout, after, limit)
              : readBatchesOf.all(rollout, epoch, after, limit)
          return rows.map((row) => batchOf<Counts>(row))
        })
      },
      checkpoint(rollout) {
        return reading(() => {
          const row = readCheckpoint.get(rollout)
          if (row === undefined) return null
          return { rollout, position: row.position as number, kept: row.kept as string }
        })
      },
      keepCheckpoint({ rollout, position, kept }) {
        return writing('NORMAL', () => {
          writeCheckpoint.run(rollout, position, kept)
        })
      },
      close,
    },
    close,
  }
}

class Undone<Result> {
  readonly result: Result

  constructor(result: Result) {
    this.result = result
  }
}

type Row = Readonly<Record<string, unknown>>

function storedOf(row: Row | undefined): StoredRollout | null {
  if (row === undefined) return null
  const dwell: Dwell = { ms: row.dwell_ms as number, at: row.dwell_at as number }
  return { record: JSON.parse(String(row.record)) as RolloutRecord, dwell }
}

function batchOf<Counts>(row: Row): LoggedBatch<Counts> {
  return {
    rollout: row.rollout as string,
    epoch: row.epoch as number,
    process: row.process as string,
    sequence: row.sequence as number,
    at: row.at as number,
    counts: JSON.parse(String(row.counts)) as Counts,
    position: row.position as number,
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
