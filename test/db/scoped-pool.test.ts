import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { EVERYTHING, enterScope } from '../../src/db/scope.ts'
import { ScopedPool } from '../../src/db/scoped-pool.ts'
import { ScopedQuery } from '../../src/db/scoped-query.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { SEEDED, TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { startWireProxy, type WireMessage, type WireProxy } from '../support/wire-proxy.ts'

let database: TestDatabase
let proxy: WireProxy
const logged: string[] = []
const logger = createLogger('error', { write: (line) => void logged.push(line) })
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  proxy = await startWireProxy(database.runtimeUrl)
})
afterAll(async () => {
  await proxy?.close()
  await database?.drop()
})

const A = { tenantId: TENANT_A.id, writes: EVERYTHING }
const B = { tenantId: TENANT_B.id, writes: EVERYTHING }
const BAD = { tenantId: 'no uuid' }

describe.each([true, false])('with named statements: %s', (named) => {
  let pool: ScopedPool
  beforeEach(() => {
    logged.length = 0
    pool = new ScopedPool({
      url: proxy.url,
      connectionsMax: 1,
      acquireTimeoutMs: 2_000,
      namedStatements: named,
      logger,
    })
  })
  afterEach(() => pool.end())

  /** One statement in a tenant's scope, as Prisma's adapter sends it. */
  const query = (
    scope: { tenantId: string; writes?: string },
    text: string,
    values: unknown[] = [],
    name = 'same',
  ): Promise<pg.QueryResult> =>
    enterScope(scope, () => pool.query(named ? { name, text, values } : { text, values }))
  const backend = async () => (await query(A, 'SELECT pg_backend_pid() AS pid', [], 'pid')).rows[0].pid
  const connect = (scope: { tenantId: string; writes?: string }) => enterScope(scope, () => pool.connect())
  /** The only connection's setting outside any scope. */
  const setting = async () => {
    const [row] = await pool.queryBeforeTenant<{ tenant: string | null }>(
      `SELECT current_setting('app.tenant_id', true) AS tenant`,
      [],
    )
    return row?.tenant ?? ''
  }

  it('scope and query are one message and one round trip', async () => {
    await query(A, 'SELECT FROM exports')
    const { messages, result } = await proxy.during(() => query(A, 'SELECT FROM exports'))
    expect(result.rowCount).toBe(SEEDED)
    expect(typesOf(messages)).toBe(named ? 'BEBDES' : 'PBEPBDES')
  })

  it('a transaction costs a round trip per statement, and one for its COMMIT: BEGIN and scope go with the first', async () => {
    const transaction = async () => {
      const connection = await connect(A)
      await enterScope(A, async () => {
        await connection.query({ text: 'BEGIN' })
        await connection.query({ text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ' })
        const { rows } = await connection.query({
          text: `SELECT count(*)::int AS count, current_setting('transaction_isolation') AS level FROM exports`,
        })
        expect(rows).toEqual([{ count: SEEDED, level: 'repeatable read' }])
        await connection.query({ text: 'SELECT FROM exports' })
        await connection.query({ text: 'COMMIT' })
      })
      connection.release()
    }
    await transaction()
    const { messages } = await proxy.during(transaction)
    const scope = named ? 'BE' : 'PBE'
    expect(typesOf(messages)).toBe(`PBEPBE${scope}PBDESPBDESPBDES`)
    expect(messages.filter(({ type }) => type === 'P').at(-1)?.text).toBe('COMMIT')
    expect(await setting()).toBe('')
  })

  it('a transaction without a statement sends nothing', async () => {
    const first = await connect(A)
    first.release()
    const { messages } = await proxy.during(async () => {
      const connection = await connect(A)
      await enterScope(A, async () => {
        await connection.query({ text: 'BEGIN' })
        await connection.query({ text: 'COMMIT' })
      })
      connection.release()
    })
    expect(messages).toEqual([])
  })

  it('case 10: one statement of one name and connection shows each tenant its own rows', async () => {
    const pid = await backend()
    for (const scope of [A, B, A, B]) {
      const { rows } = await query(scope, 'SELECT DISTINCT tenant_id FROM exports')
      expect(rows).toEqual([{ tenant_id: scope.tenantId }])
    }
    expect(await backend()).toBe(pid)
  })

  it('an SQL error is reported, and the connection stays in use', async () => {
    const pid = await backend()
    await expect(query(A, 'SELECT 1 / $1::int', [0])).rejects.toMatchObject({ code: '22012' })
    expect((await query(A, 'SELECT 1 / $1::int AS one', [1], 'other')).rows).toEqual([{ one: 1 }])
    expect((await query(B, 'SELECT 1 / $1::int', [1])).rowCount).toBe(1)
    expect(await backend()).toBe(pid)
    expect(await setting()).toBe('')
  })

  it('a statement whose Parse failed may be sent again under its name, and so may another', async () => {
    const pid = await backend()
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(query(A, 'SELECT nothing FROM nowhere')).rejects.toMatchObject({ code: '42P01' })
    }
    expect((await query(A, 'SELECT FROM exports')).rowCount).toBe(SEEDED)
    expect((await query(B, 'SELECT FROM exports')).rowCount).toBe(SEEDED)
    expect(await backend()).toBe(pid)
  })

  it('a statement that was parsed in a transaction that rolled back is still known after it', async () => {
    const pid = await backend()
    const connection = await connect(A)
    await enterScope(A, async () => {
      await connection.query({ text: 'BEGIN' })
      await connection.query({ name: named ? 'kept' : undefined, text: 'SELECT FROM exports' })
      await connection.query({ text: 'ROLLBACK' })
    })
    connection.release()
    expect((await query(B, 'SELECT FROM exports', [], 'kept')).rowCount).toBe(SEEDED)
    expect(await backend()).toBe(pid)
  })

  it('an error in the scope itself is the query’s, which is not run; with a good scope the connection serves on', async () => {
    const client = new pg.Client({ connectionString: proxy.url })
    await client.connect()
    const text = `SELECT set_config('app.tenant_id', ($1::uuid)::text, true)`
    const run = (tenantId: string, sql: string) =>
      new Promise((resolve, reject) => {
        const config = named ? { text: sql, name: sql } : { text: sql }
        const scoped = new ScopedQuery(config, [
          { text, values: [tenantId], ...(named && { name: 'scope' }) },
        ])
        client.query(scoped as unknown as pg.QueryConfig, (error: Error | null, result: pg.QueryResult) =>
          error ? reject(error) : resolve(result.rows),
        )
      })
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(run(BAD.tenantId, 'SELECT 1 AS one')).rejects.toMatchObject({ code: '22P02' })
    }
    expect(await run(A.tenantId, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect(await run(A.tenantId, 'SELECT DISTINCT tenant_id FROM exports')).toEqual([
      { tenant_id: A.tenantId },
    ])
    await client.end()
  })

  it('a role that may no longer set the scope is refused, again and again, and works once it may', async () => {
    const admin = new pg.Client({ connectionString: database.adminUrl })
    await admin.connect()
    try {
      await admin.query('REVOKE EXECUTE ON FUNCTION set_config(text, text, boolean) FROM PUBLIC')
      for (let attempt = 0; attempt < 2; attempt += 1) {
        await expect(query(A, 'SELECT FROM exports')).rejects.toMatchObject({ code: '42501' })
      }
      const connection = await connect(A)
      await enterScope(A, async () => {
        await connection.query({ text: 'BEGIN' })
        await expect(connection.query({ text: 'SELECT 1' })).rejects.toMatchObject({ code: '42501' })
        await expect(connection.query({ text: 'SELECT 1' })).rejects.toMatchObject({ code: '25P02' })
        await connection.query({ text: 'ROLLBACK' })
      })
      connection.release()
    } finally {
      await admin.query('GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC')
      await admin.end()
    }
    expect((await query(A, 'SELECT FROM exports')).rowCount).toBe(SEEDED)
  })

  it('a value that cannot be sent is an error, and the next query is answered', async () => {
    const circular: { self?: unknown } = {}
    circular.self = circular
    await expect(query(A, 'SELECT $1::text', [circular])).rejects.toThrow('circular')
    expect((await query(A, 'SELECT $1::text AS t', ['fine'])).rows).toEqual([{ t: 'fine' }])
  })

  it('a statement that produces no result, and one that is no statement, are answered', async () => {
    expect((await query(A, `UPDATE exports SET requested_by = requested_by WHERE false`)).rowCount).toBe(0)
    expect((await query(A, '', [], 'empty')).rows).toEqual([])
    expect((await query(A, '-- nothing', [], 'comment')).rows).toEqual([])
    expect((await query(B, 'SELECT FROM exports', [], 'rows')).rowCount).toBe(SEEDED)
  })

  it('a COPY gets no data and does not hold its connection', async () => {
    const pid = await backend()
    await expect(query(A, 'COPY exports FROM STDIN')).rejects.toMatchObject({ code: '0A000' })
    const admin = new ScopedPool({
      url: database.adminUrl,
      connectionsMax: 1,
      acquireTimeoutMs: 2_000,
      namedStatements: named,
      logger,
    })
    await expect(
      enterScope(A, () => admin.query({ text: 'COPY export_chunks FROM STDIN' })),
    ).rejects.toMatchObject({ code: '57014' })
    expect((await enterScope(A, () => admin.query({ text: 'SELECT 1 AS one' }))).rows).toEqual([{ one: 1 }])
    await admin.end()
    expect(await backend()).toBe(pid)
  })

  it('case 9, case 7: without a tenant nothing reaches the wire, and it is logged as an error', async () => {
    await backend()
    const before = proxy.bytes
    expect(() => pool.query({ text: 'SELECT secret FROM exports' })).toThrow(
      expect.objectContaining({ code: 'TENANT_REQUIRED' }),
    )
    expect(() => pool.connect()).toThrow(expect.objectContaining({ code: 'TENANT_REQUIRED' }))
    expect(() => enterScope(BAD, () => pool.query({ text: 'SELECT 1' }))).toThrow('uuid')
    expect(proxy.bytes).toBe(before)
    expect(logged.map((line) => JSON.parse(line).level)).toEqual([50, 50])
    expect(logged[0]).toContain('a statement without a tenant was refused')
  })

  it('case 9: inside a transaction, a statement beside it is refused before the wire', async () => {
    await backend()
    const before = proxy.bytes
    expect(() => enterScope(A, () => pool.query({ text: 'SELECT 1' }), {})).toThrow(
      'was sent outside its transaction',
    )
    expect(proxy.bytes).toBe(before)
  })

  it('case 7: a transaction’s connection answers only in the scope of its own tenant', async () => {
    const connection = await connect(A)
    await enterScope(A, () => connection.query({ text: 'BEGIN' }))
    await enterScope(A, () => connection.query({ text: 'SELECT 1' }))
    await expect(enterScope(B, () => connection.query({ text: 'SELECT 1' }))).rejects.toThrow('own tenant')
    await expect(connection.query({ text: 'SELECT 1' })).rejects.toThrow('own tenant')
    await enterScope(A, () => connection.query({ text: 'ROLLBACK' }))
    connection.release()
  })

  it('cross-tenant: a statement that comes after its transaction has ended is not sent', async () => {
    const stale = await connect(A)
    await enterScope(A, async () => {
      await stale.query({ text: 'BEGIN' })
      await stale.query({ text: 'SELECT 1' })
      const ending = stale.query({ text: 'COMMIT' })
      await expect(stale.query({ text: 'SELECT 1' })).rejects.toThrow('after the end')
      await ending
    })
    stale.release()
    const next = await connect(B)
    await enterScope(B, async () => {
      await next.query({ text: 'BEGIN' })
      await next.query({ text: 'SELECT 1' })
    })
    await expect(enterScope(A, () => stale.query({ text: 'SELECT * FROM exports' }))).rejects.toThrow(
      'after the end',
    )
    await enterScope(B, () => next.query({ text: 'ROLLBACK' }))
    next.release()
  })

  it('a connection that is released in the middle of a transaction is destroyed', async () => {
    const pid = await backend()
    const connection = await connect(A)
    await enterScope(A, async () => {
      await connection.query({ text: 'BEGIN' })
      await connection.query({ text: `UPDATE exports SET requested_by = 'half done'` })
    })
    connection.release()
    expect(await backend()).not.toBe(pid)
    expect((await query(A, `SELECT FROM exports WHERE requested_by = 'half done'`)).rowCount).toBe(0)
    expect(await setting()).toBe('')
  })

  it('a COMMIT that the server made a rollback, since a statement had failed, is an error', async () => {
    const pid = await backend()
    const connection = await connect(A)
    await enterScope(A, async () => {
      await connection.query({ text: 'BEGIN' })
      await connection.query({ text: `UPDATE exports SET requested_by = 'lost'` })
      await connection.query({ text: 'SELECT 1 / 0' }).catch(() => {})
      await expect(connection.query({ text: 'COMMIT' })).rejects.toThrow('nothing was committed')
    })
    connection.release()
    expect(await backend()).toBe(pid)
  })
})

function typesOf(messages: readonly WireMessage[]): string {
  return messages.map(({ type }) => type).join('')
}
