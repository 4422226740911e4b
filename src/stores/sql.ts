import { HeadgateError } from '../errors.ts'
import type {
  Checkpoint,
  EvidenceStore,
  LedgerKey,
  LedgerLine,
  LedgerStore,
  LoggedBatch,
  PairStore,
  StateStore,
  StoredRollout,
  Stores,
} from '../ports.ts'
import type { Content, Dwell, Pair, RolloutEvent, RolloutRecord } from '../types.ts'

/** What the stores on SQLite have in common: tables, statements, and what one commit is. It opens nothing. */

export const SCHEMA_VERSION = 1

export const SCHEMA = `
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
  CREATE TRIGGER events_stay BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
  CREATE TRIGGER events_last BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
`

/**
 * Added to what was made without it: versions that do not know it leave it alone, so the schema keeps its number. Amounts
 * are decimal text, since a day's picodollars may pass 64 bits.
 */
export const LEDGER_SCHEMA = `
  CREATE TABLE IF NOT EXISTS ledger (
    day TEXT NOT NULL,
    line TEXT NOT NULL CHECK (json_valid(line)),
    amounts TEXT NOT NULL CHECK (json_valid(amounts)),
    PRIMARY KEY (day, line)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ledger_writers (
    process TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
`

/** As the ledger. */
export const FORGOTTEN_SCHEMA = `
  CREATE TABLE IF NOT EXISTS evidence_forgotten (
    rollout TEXT PRIMARY KEY,
    batches INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
`

/** As the ledger. Texts stand apart, so that they can be let go, and a list need not read them. */
export const PAIRS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS pairs (
    id TEXT PRIMARY KEY,
    rollout TEXT NOT NULL,
    at TEXT NOT NULL,
    differs INTEGER NOT NULL,
    found INTEGER NOT NULL,
    pair TEXT NOT NULL CHECK (json_valid(pair)),
    texts TEXT CHECK (texts IS NULL OR json_valid(texts))
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS pairs_by_time ON pairs (rollout, at, id);
`

/** A rollout whose record is not what its last event left, or whose log has a gap. Both were written in one transaction. */
export const DISAGREEING = `
  SELECT rollout FROM rollouts LEFT JOIN events USING (rollout, version)
    WHERE event IS NULL OR event -> 'after' <> record
  UNION
  SELECT events.rollout FROM events LEFT JOIN rollouts USING (rollout)
    GROUP BY events.rollout
    HAVING rollouts.version IS NOT max(events.version) OR count(*) <> max(events.version)
  LIMIT 1
`

export type SqlValue = string | number | null
export type Row = Readonly<Record<string, unknown>>
/** One statement, made ready. @returns the rows it gives, in order */
export type Statement = (...values: readonly SqlValue[]) => readonly Row[]

/** One opened database. Its calls are synchronous, and what they throw is turned into a `HeadgateError` by `faultOf`. */
export interface SqlDatabase {
  prepare(text: string): Statement
  /** All or nothing: what `write` throws undoes it. @param durable against a loss of power, or against the death of the process */
  transaction<Result>(durable: 'FULL' | 'NORMAL', write: () => Result): Result
  /** What a caller is told of anything that was thrown here; a defect of ours stays what it is. */
  faultOf(error: unknown): unknown
  close(): Promise<void>
}

/** Where checkpoints are, which differs: a row has a bound in some places. Called inside a transaction where it writes. */
export interface Checkpoints {
  read(rollout: string): Checkpoint | null
  write(checkpoint: Checkpoint): void
}

export function sqlStores<Counts>(database: SqlDatabase, checkpoints: Checkpoints): Stores<Counts> {
  const guarded = guardOf(database)
  const close = (): Promise<void> => database.close()
  return {
    state: stateStore(database, guarded, close),
    evidence: evidenceStore(database, checkpoints, guarded, close),
    ledger: ledgerStore(database, guarded, close),
    pairs: pairStore(database, guarded, close),
    close,
  }
}

interface Guard {
  reading<Result>(read: () => Result): Promise<Result>
  /** One transaction. `write` calls `undo` to leave everything as it was, with what to resolve with then. */
  writing<Result>(
    durable: 'FULL' | 'NORMAL',
    write: (undo: (result: Result) => never) => Result,
  ): Promise<Result>
}

/** Once the data was found damaged nothing is read or written any more. */
function guardOf(database: SqlDatabase): Guard {
  let damage: HeadgateError | null = null

  async function reading<Result>(read: () => Result): Promise<Result> {
    if (damage !== null) throw damage
    try {
      return read()
    } catch (error) {
      const fault = database.faultOf(error)
      if (fault instanceof HeadgateError && fault.code === 'store_corrupt') damage = fault
      throw fault
    }
  }

  return {
    reading,
    writing<Result>(
      durable: 'FULL' | 'NORMAL',
      write: (undo: (result: Result) => never) => Result,
    ): Promise<Result> {
      return reading(() => {
        const undo = (result: Result): never => {
          throw new Undone(result)
        }
        try {
          return database.transaction(durable, () => write(undo))
        } catch (error) {
          if (error instanceof Undone) return error.result as Result
          throw error
        }
      })
    },
  }
}

/** Thrown by `undo` through one transaction, and caught where that began. */
class Undone {
  readonly result: unknown

  constructor(result: unknown) {
    this.result = result
  }
}

function stateStore(
  database: SqlDatabase,
  { reading, writing }: Guard,
  close: () => Promise<void>,
): StateStore {
  const readOne = database.prepare('SELECT * FROM rollouts WHERE rollout = ?')
  const readEach = database.prepare('SELECT * FROM rollouts ORDER BY rollout')
  const insertRollout = database.prepare(
    'INSERT INTO rollouts (version, record, dwell_ms, dwell_at, rollout) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING version',
  )
  const updateRollout = database.prepare(
    'UPDATE rollouts SET version = ?, record = ?, dwell_ms = ?, dwell_at = ? WHERE rollout = ? AND version = ? RETURNING version',
  )
  const updateDwell = database.prepare(
    'UPDATE rollouts SET dwell_ms = ?, dwell_at = ? WHERE rollout = ? AND version = ? RETURNING version',
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
  return {
    read: (rollout) => reading(() => readOne(rollout).map(storedOf)[0] ?? null),
    readAll: () => reading(() => readEach().map(storedOf)),
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
          const { version } = after
          const values = [version, JSON.stringify(after), dwell.ms, dwell.at, rollout] as const
          const written =
            before.version === 0
              ? insertRollout(...values)
              : updateRollout(...values, before.version)
          if (written.length !== 1) return undo('conflict')
          if (findEvent(id).length > 0) throw new RangeError(`event ${id} is there already`)
          insertEvent(id, rollout, version, JSON.stringify(event))
        }
        return 'written'
      })
    },
    keepDwell(rollout, version, { ms, at }) {
      return writing('NORMAL', (undo) =>
        updateDwell(ms, at, rollout, version).length === 1 ? 'written' : undo('conflict'),
      )
    },
    events({ rollout, after, limit }) {
      return reading(() => {
        const from = after === undefined ? 0 : findEvent(after)[0]?.position
        if (typeof from !== 'number') return 'unknown_event'
        const rows =
          rollout === undefined ? readEvents(from, limit) : readEventsOf(from, rollout, limit)
        return rows.map(({ event }) => JSON.parse(String(event)) as RolloutEvent)
      })
    },
    close,
  }
}

function evidenceStore<Counts>(
  database: SqlDatabase,
  checkpoints: Checkpoints,
  { reading, writing }: Guard,
  close: () => Promise<void>,
): EvidenceStore<Counts> {
  const insertBatch = database.prepare(
    'INSERT INTO evidence (rollout, epoch, process, sequence, at, counts) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING position',
  )
  // `+`: along the log. By an index SQLite sorts all that a rollout has, again for every page.
  const readBatches = database.prepare(
    'SELECT * FROM evidence WHERE +rollout = ? AND position > ? ORDER BY position LIMIT ?',
  )
  const readBatchesOf = database.prepare(
    'SELECT * FROM evidence WHERE rollout = ? AND epoch = ? AND position > ? ORDER BY position LIMIT ?',
  )
  // By the index alone, which is in the order of positions within an epoch: the rest of a long log costs nothing.
  const readOldest = database.prepare('SELECT min(epoch) AS epoch FROM evidence WHERE rollout = ?')
  const forgetBatches = database.prepare(
    `DELETE FROM evidence WHERE position IN
      (SELECT position FROM evidence WHERE rollout = ? AND epoch = ? ORDER BY position LIMIT ?)
      AND at < ? AND position < (SELECT max(position) FROM evidence) RETURNING at`,
  )
  const readForgotten = database.prepare('SELECT * FROM evidence_forgotten WHERE rollout = ?')
  const writeForgotten = database.prepare(
    `INSERT INTO evidence_forgotten (rollout, batches, epoch, at) VALUES (?, ?, ?, ?)
      ON CONFLICT (rollout) DO UPDATE SET batches = batches + excluded.batches,
        epoch = max(epoch, excluded.epoch), at = max(at, excluded.at)`,
  )
  return {
    append(batches) {
      return writing('NORMAL', () => {
        const fresh: LoggedBatch<Counts>[] = []
        for (const { rollout, epoch, process, sequence, at, counts } of batches) {
          const text = JSON.stringify(counts)
          const [row] = insertBatch(rollout, epoch, process, sequence, at, text)
          if (row === undefined) continue
          const position = row.position as number
          fresh.push({ rollout, epoch, process, sequence, at, counts: JSON.parse(text), position })
        }
        return fresh
      })
    },
    read({ rollout, epoch, after = 0, limit }) {
      return reading(() => {
        const rows =
          epoch === undefined
            ? readBatches(rollout, after, limit)
            : readBatchesOf(rollout, epoch, after, limit)
        return rows.map((row) => batchOf<Counts>(row))
      })
    },
    forget({ rollout, epoch, before, limit }) {
      return writing('NORMAL', () => {
        const oldest = readOldest(rollout)[0]?.epoch
        if (typeof oldest !== 'number' || oldest >= epoch) return 0
        const gone = forgetBatches(rollout, oldest, limit, before)
        if (gone.length === 0) return 0
        writeForgotten(rollout, gone.length, oldest, Math.max(...gone.map(({ at }) => Number(at))))
        return gone.length
      })
    },
    forgotten(rollout) {
      return reading(() => {
        const [row] = readForgotten(rollout)
        if (row === undefined) return null
        return { batches: Number(row.batches), epoch: Number(row.epoch), at: Number(row.at) }
      })
    },
    checkpoint: (rollout) => reading(() => checkpoints.read(rollout)),
    keepCheckpoint: (checkpoint) => writing('NORMAL', () => checkpoints.write(checkpoint)),
    close,
  }
}

function ledgerStore(
  database: SqlDatabase,
  { reading, writing }: Guard,
  close: () => Promise<void>,
): LedgerStore {
  const readWriter = database.prepare('SELECT sequence FROM ledger_writers WHERE process = ?')
  const writeWriter = database.prepare(
    `INSERT INTO ledger_writers (process, sequence, at) VALUES (?, ?, ?)
      ON CONFLICT (process) DO UPDATE SET sequence = excluded.sequence, at = excluded.at`,
  )
  const readLine = database.prepare('SELECT amounts FROM ledger WHERE day = ? AND line = ?')
  const writeLine = database.prepare(
    `INSERT INTO ledger (day, line, amounts) VALUES (?, ?, ?)
      ON CONFLICT (day, line) DO UPDATE SET amounts = excluded.amounts`,
  )
  const readDays = database.prepare(
    'SELECT day, line, amounts FROM ledger WHERE day BETWEEN ? AND ? ORDER BY day, line',
  )
  const forgetDays = database.prepare('DELETE FROM ledger WHERE day < ?')
  const forgetWriters = database.prepare('DELETE FROM ledger_writers WHERE at < ?')
  return {
    add({ process, sequence, at, lines }) {
      return writing('NORMAL', () => {
        const last = readWriter(process)[0]?.sequence
        if (typeof last === 'number' && sequence <= last) return 'known'
        writeWriter(process, sequence, at)
        for (const { key, amounts } of lines) {
          const line = lineText(key)
          const [before] = readLine(key.day, line)
          const sums = before === undefined ? {} : amountsOf(before)
          for (const [name, amount] of Object.entries(amounts)) {
            sums[name] = (sums[name] ?? 0n) + amount
          }
          writeLine(key.day, line, amountsText(sums))
        }
        return 'added'
      })
    },
    read: ({ from, to }) => reading(() => readDays(from, to).map(ledgerLineOf)),
    forget(before) {
      return writing('NORMAL', () => {
        forgetDays(before)
        forgetWriters(Date.parse(before))
      })
    },
    close,
  }
}

/** The texts of a pair. */
type Texts = readonly [
  question: string | null,
  control: Content | null,
  canary: Content | null,
  again: Content | null,
]

function pairStore(
  database: SqlDatabase,
  { reading, writing }: Guard,
  close: () => Promise<void>,
): PairStore {
  const insert = database.prepare(
    'INSERT INTO pairs (id, rollout, at, differs, found, pair, texts) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  )
  const readOne = database.prepare('SELECT pair, texts FROM pairs WHERE id = ?')
  const readMany = database.prepare(
    `SELECT pair FROM pairs WHERE (? = '' OR rollout = ?) AND (at, id) < (?, ?) AND differs >= ? AND found >= ?
      ORDER BY at DESC, id DESC LIMIT ?`,
  )
  const forgetOld = database.prepare('DELETE FROM pairs WHERE rollout = ? AND at < ?')
  const forgetMany = database.prepare(
    `DELETE FROM pairs WHERE id IN
      (SELECT id FROM pairs WHERE rollout = ? ORDER BY at DESC, id DESC LIMIT -1 OFFSET ?)`,
  )
  const forgetTexts = database.prepare(
    'UPDATE pairs SET texts = NULL WHERE rollout = ? AND at < ? AND texts IS NOT NULL',
  )
  return {
    add(pairs) {
      return writing('NORMAL', () => {
        for (const pair of pairs) {
          const { id, rollout, at, verdict, findings, question, control, canary, again } = pair
          const texts: Texts = [question, control.content, canary.content, again?.content ?? null]
          const bare = withTexts(pair, [null, null, null, null])
          insert(
            id,
            rollout,
            at,
            Number(verdict === 'different'),
            findings.length,
            JSON.stringify(bare),
            texts.every((text) => text === null) ? null : JSON.stringify(texts),
          )
        }
      })
    },
    read({ rollout = '', after = NEWEST, only, limit }) {
      const differs = Number(only === 'different')
      const found = Number(only === 'findings')
      return reading(() =>
        readMany(rollout, rollout, after.at, after.id, differs, found, limit).map(
          ({ pair }) => JSON.parse(String(pair)) as Pair,
        ),
      )
    },
    get(id) {
      return reading(() => {
        const [row] = readOne(id)
        if (row === undefined) return null
        const pair = JSON.parse(String(row.pair)) as Pair
        return row.texts === null ? pair : withTexts(pair, JSON.parse(String(row.texts)))
      })
    },
    forget(rollout, { keep, before, textBefore }) {
      return writing('NORMAL', () => {
        forgetOld(rollout, before)
        forgetMany(rollout, keep)
        forgetTexts(rollout, textBefore)
      })
    },
    close,
  }
}

/** Later than any that there can be. */
const NEWEST = { at: '~', id: '' }

function withTexts(pair: Pair, [question, control, canary, again]: Texts): Pair {
  return {
    ...pair,
    question,
    control: { ...pair.control, content: control },
    canary: { ...pair.canary, content: canary },
    again: pair.again === null ? null : { ...pair.again, content: again },
  }
}

function lineText({ rollout, arm, role, upstream, model, prices, caller }: LedgerKey): string {
  const line = [rollout, arm, role, upstream, model, prices]
  return JSON.stringify(caller === undefined ? line : [...line, caller])
}

function ledgerLineOf(row: Row): LedgerLine {
  const [rollout, arm, role, upstream, model, prices, caller] = JSON.parse(String(row.line))
  const common = { day: row.day as string, rollout, arm, role, upstream, model, prices }
  const key = caller === undefined ? common : { ...common, caller }
  return { key, amounts: amountsOf(row) }
}

function amountsOf(row: Row): Record<string, bigint> {
  const texts = Object.entries(JSON.parse(String(row.amounts)) as Record<string, string>)
  return Object.fromEntries(texts.map(([name, text]) => [name, BigInt(text)]))
}

function amountsText(amounts: Readonly<Record<string, bigint>>): string {
  const texts = Object.entries(amounts).map(([name, amount]) => [name, amount.toString()])
  return JSON.stringify(Object.fromEntries(texts))
}

function storedOf(row: Row): StoredRollout {
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
