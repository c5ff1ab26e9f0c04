// The sandbox's store, one SQLite file: objects as they are answered, answers by idempotency key, and pending work. A
// transaction of `atomically` is durable when it returns.
import { DatabaseSync } from 'node:sqlite'

/** An object of the API in its answered form. */
export type Stored = { readonly id: string; readonly object: string; readonly created: number } & Record<
  string,
  unknown
>

export type KeptAnswer = {
  readonly fingerprint: string
  /** Null: a call with the key was lost on the way, without effect. */
  readonly status: number | null
  readonly body: string
  /** How many faults were injected into calls with this key. */
  readonly faults: number
}

/** A delayed action. */
export type Timer = { readonly account: string; readonly action: string; readonly subject: string }

export type Delivery = {
  readonly id: number
  readonly account: string
  readonly event: string
  readonly endpoint: string
  readonly attempts: number
}

export type DeliveryState = Delivery & {
  readonly dueAtMs: number
  readonly state: 'WAITING' | 'DONE' | 'GIVEN_UP'
  readonly outcome: string | null
}

/** A selection of an account's objects, newest first. */
export type Selection = {
  readonly kind: string
  /** Seconds, both inclusive. */
  readonly created: { readonly from: number; readonly until: number }
  /** Each field must have one of its values. */
  readonly matches: readonly (readonly [field: string, values: readonly string[]])[]
  /** The object before or after which the page lies. */
  readonly cursor: { readonly id: string; readonly side: 'OLDER' | 'NEWER' } | null
  readonly limit: number
}

export type Store = ReturnType<typeof openStore>

/** Waits for a previous process that is ending. */
const LOCK_WAIT_MS = 3_000

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS objects (
    sequence INTEGER PRIMARY KEY, account TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, created INTEGER NOT NULL,
    body TEXT NOT NULL, UNIQUE (account, id));
  CREATE INDEX IF NOT EXISTS objects_kind ON objects (account, kind, sequence);
  CREATE TABLE IF NOT EXISTS answers (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER, body TEXT NOT NULL,
    faults INTEGER NOT NULL, PRIMARY KEY (account, key));
  CREATE TABLE IF NOT EXISTS settings (account TEXT PRIMARY KEY, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS timers (
    sequence INTEGER PRIMARY KEY, account TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
    due_at_ms INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, event TEXT NOT NULL, endpoint TEXT NOT NULL,
    due_at_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'WAITING', outcome TEXT);
  CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (due_at_ms) WHERE state = 'WAITING';
  CREATE INDEX IF NOT EXISTS deliveries_account ON deliveries (account, id);
`

/** Throws when another process has the store open: two would send each webhook twice. */
export function openStore(path: string) {
  const database = new DatabaseSync(path, { timeout: LOCK_WAIT_MS })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
    database.exec(SCHEMA)
  } catch (error) {
    database.close()
    throw isLocked(error) ? new Error(`another sandbox runs on ${path}`, { cause: error }) : error
  }

  const rows = <Row>(sql: string, ...values: (string | number)[]) =>
    database.prepare(sql).all(...values) as Row[]
  const run = (sql: string, ...values: (string | number | null)[]) => database.prepare(sql).run(...values)

  return {
    /** Runs `work`, which must be synchronous, in one durable transaction. */
    atomically<T>(work: () => T): T {
      database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        database.exec('COMMIT')
        return result
      } catch (error) {
        database.exec('ROLLBACK')
        throw error
      }
    },

    find(account: string, id: string): Stored | null {
      const [row] = rows<{ body: string }>(
        'SELECT body FROM objects WHERE account = ? AND id = ?',
        account,
        id,
      )
      return row === undefined ? null : (JSON.parse(row.body) as Stored)
    },
    save(account: string, object: Stored): void {
      run(
        `INSERT INTO objects (account, id, kind, created, body) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (account, id) DO UPDATE SET body = excluded.body`,
        account,
        object.id,
        object.object,
        object.created,
        JSON.stringify(object),
      )
    },
    remove(account: string, id: string): void {
      run('DELETE FROM objects WHERE account = ? AND id = ?', account, id)
    },
    /** Newest first. */
    list(account: string, kind: string): Stored[] {
      return rows<{ body: string }>(
        'SELECT body FROM objects WHERE account = ? AND kind = ? ORDER BY sequence DESC',
        account,
        kind,
      ).map(({ body }) => JSON.parse(body) as Stored)
    },

    /** Newest first. */
    select(account: string, { kind, created, matches, cursor, limit }: Selection): Stored[] {
      const isNewer = cursor?.side === 'NEWER'
      const fields = matches.map(([, values]) => {
        const marks = values.map(() => '?').join(', ')
        return ` AND json_extract(body, '$.' || ?) IN (${marks})`
      })
      const found = rows<{ body: string }>(
        `SELECT body FROM objects WHERE account = ? AND kind = ? AND created BETWEEN ? AND ?${fields.join('')}
         ${cursor === null ? '' : `AND sequence ${isNewer ? '>' : '<'} (SELECT sequence FROM objects WHERE account = ? AND id = ?)`}
         ORDER BY sequence ${isNewer ? 'ASC' : 'DESC'} LIMIT ?`,
        ...[account, kind, created.from, created.until],
        ...matches.flatMap(([field, values]) => [field, ...values]),
        ...(cursor === null ? [] : [account, cursor.id]),
        limit,
      ).map(({ body }) => JSON.parse(body) as Stored)
      return isNewer ? found.reverse() : found
    },
    /** The sums of the balance transactions, by currency. */
    balancesOf(account: string): { currency: string; net: number }[] {
      return rows(
        `SELECT json_extract(body, '$.currency') AS currency, sum(json_extract(body, '$.net')) AS net FROM objects
         WHERE account = ? AND kind = 'balance_transaction' GROUP BY 1 ORDER BY 1`,
        account,
      )
    },

    answerOf(account: string, key: string): KeptAnswer | null {
      const [row] = rows<KeptAnswer>(
        'SELECT fingerprint, status, body, faults FROM answers WHERE account = ? AND key = ?',
        account,
        key,
      )
      return row ?? null
    },
    keepAnswer(account: string, key: string, answer: KeptAnswer): void {
      run(
        `INSERT INTO answers (account, key, fingerprint, status, body, faults) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (account, key) DO UPDATE
         SET fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body, faults = excluded.faults`,
        account,
        key,
        answer.fingerprint,
        answer.status,
        answer.body,
        answer.faults,
      )
    },

    settingsOf(account: string): unknown {
      const [row] = rows<{ body: string }>('SELECT body FROM settings WHERE account = ?', account)
      return row === undefined ? {} : (JSON.parse(row.body) as unknown)
    },
    saveSettings(account: string, settings: unknown): void {
      run(
        `INSERT INTO settings (account, body) VALUES (?, ?)
         ON CONFLICT (account) DO UPDATE SET body = excluded.body`,
        account,
        JSON.stringify(settings),
      )
    },

    addTimer({ account, action, subject }: Timer, dueAtMs: number): void {
      run(
        'INSERT INTO timers (account, action, subject, due_at_ms) VALUES (?, ?, ?, ?)',
        account,
        action,
        subject,
        dueAtMs,
      )
    },
    /** Removes and returns the due timers. Call it within the transaction that runs them. */
    takeTimers(nowMs: number): Timer[] {
      const due = rows<Timer & { sequence: number }>(
        'SELECT sequence, account, action, subject FROM timers WHERE due_at_ms <= ? ORDER BY due_at_ms',
        nowMs,
      )
      for (const { sequence } of due) run('DELETE FROM timers WHERE sequence = ?', sequence)
      return due
    },

    /** Returns its id. */
    addDelivery(delivery: Omit<Delivery, 'id' | 'attempts'>, dueAtMs: number): number {
      const { account, event, endpoint } = delivery
      const { lastInsertRowid } = run(
        'INSERT INTO deliveries (account, event, endpoint, due_at_ms) VALUES (?, ?, ?, ?)',
        account,
        event,
        endpoint,
        dueAtMs,
      )
      return Number(lastInsertRowid)
    },
    postponeDelivery(id: number, dueAtMs: number): void {
      run('UPDATE deliveries SET due_at_ms = ? WHERE id = ?', dueAtMs, id)
    },
    /** The number of earlier deliveries of the account. */
    placeOfDelivery(account: string, id: number): number {
      const [row] = rows<{ place: number }>(
        'SELECT count(*) AS place FROM deliveries WHERE account = ? AND id < ?',
        account,
        id,
      )
      return row?.place ?? 0
    },
    /** The first due deliveries, except those of accounts that hold theirs back. */
    waitingDeliveries(dueAtMs: number, limit: number): Delivery[] {
      return rows<Delivery>(
        `SELECT id, account, event, endpoint, attempts FROM deliveries d
         WHERE state = 'WAITING' AND due_at_ms <= ? AND NOT EXISTS (
           SELECT 1 FROM settings s WHERE s.account = d.account AND json_extract(s.body, '$.webhooks') = 'paused')
         ORDER BY due_at_ms, id LIMIT ?`,
        dueAtMs,
        limit,
      )
    },
    /** All waiting deliveries of an account, due or not, in order of due time. */
    waitingDeliveriesOf(account: string): Delivery[] {
      return rows<Delivery>(
        `SELECT id, account, event, endpoint, attempts FROM deliveries
         WHERE state = 'WAITING' AND account = ? ORDER BY due_at_ms, id`,
        account,
      )
    },
    isWaiting(delivery: number): boolean {
      return rows(`SELECT 1 FROM deliveries WHERE id = ? AND state = 'WAITING'`, delivery).length === 1
    },
    saveDelivery(id: number, state: DeliveryState['state'], outcome: string, dueAtMs: number): void {
      run(
        'UPDATE deliveries SET attempts = attempts + 1, state = ?, outcome = ?, due_at_ms = ? WHERE id = ?',
        state,
        outcome,
        dueAtMs,
        id,
      )
    },
    deliveriesOf(account: string): DeliveryState[] {
      return rows<DeliveryState>(
        `SELECT id, account, event, endpoint, attempts, due_at_ms AS dueAtMs, state, outcome FROM deliveries
         WHERE account = ? ORDER BY id`,
        account,
      )
    },

    close: () => database.close(),
  }
}

const SQLITE_BUSY = 5

function isLocked(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
