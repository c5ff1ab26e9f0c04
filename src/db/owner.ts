// The owner's connection, for work outside a tenant's request (seeding, making a tenant). Never used for serving.
import pg from 'pg'
import { prepareSession } from './session-settings.ts'

/** Runs one statement. The caller states the type of its rows. */
export type OwnerQuery = <Row = Record<string, unknown>>(
  text: string,
  values?: readonly unknown[],
) => Promise<Row[]>

export interface OwnerConnection {
  query: OwnerQuery
  /**
   * Runs `work` in one transaction in the tenant's scope. The policies apply to the owner too, so it sees and writes no
   * other tenant's rows. One at a time: a second call throws while the first runs. `isLong`: for all of a tenant's rows
   * as of its first statement, with a time limit of an hour.
   */
  inTenant<T>(
    tenantId: string,
    work: (query: OwnerQuery) => Promise<T>,
    options?: { readonly isLong?: boolean },
  ): Promise<T>
  /** Closes the connection. The server rolls back an open transaction. */
  end(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 10_000
/** The time limit of a statement, and of a pause between two, in work on all of a tenant's rows. */
const LONG_TIMEOUT_MS = 3_600_000
const LONG_BOUNDS_SQL = `SELECT set_config('statement_timeout', $1, true),
  set_config('idle_in_transaction_session_timeout', $1, true)`

/** Connects as the role of `url`, which owns the tables. Throws pg's error when it cannot within ten seconds. */
export async function connectOwner(url: string): Promise<OwnerConnection> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'bulkhead-owner',
  })
  // A connection lost between statements emits this event, which would end the process without a listener. The next
  // statement fails with its own error.
  client.on('error', () => {})
  await client.connect()
  await prepareSession(client)

  const query: OwnerQuery = async <Row>(text: string, values: readonly unknown[] = []) => {
    const { rows } = await client.query(text, [...values])
    // Only the author of a statement knows its rows' type, not the compiler.
    return rows as Row[]
  }

  let busy = false
  return {
    query,
    async inTenant(tenantId, work, { isLong = false } = {}) {
      if (busy) throw new Error('a transaction is already open on this connection')
      busy = true
      try {
        await query(isLong ? 'BEGIN ISOLATION LEVEL REPEATABLE READ' : 'BEGIN')
        if (isLong) await query(LONG_BOUNDS_SQL, [`${LONG_TIMEOUT_MS}ms`])
        await query(`SELECT set_config('app.tenant_id', $1, true)`, [tenantId])
        const result = await work(query)
        await query('COMMIT')
        return result
      } catch (error) {
        // The first error is the relevant one; if the connection cannot roll back, it was lost, which rolls back too.
        await query('ROLLBACK').catch(() => {})
        throw error
      } finally {
        busy = false
      }
    },
    end: () => client.end(),
  }
}
