// Prepared statements survive schema changes and a pooler's switch: the connection is replaced, and the work is run again.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { isRetryable } from '../../src/db/faults.ts'
import { EVERYTHING, enterScope } from '../../src/db/scope.ts'
import { ScopedPool } from '../../src/db/scoped-pool.ts'
import { type Api, startApi } from '../support/api.ts'
import { asAdmin } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { SEEDED, TENANT_A } from '../support/two-tenants.ts'

const SCOPE = { tenantId: TENANT_A.id, writes: EVERYTHING }

describe('a connection with prepared statements', () => {
  let database: TestDatabase
  let pool: ScopedPool
  beforeAll(async () => {
    database = await createTestDatabase({ seed: 'two-tenants' })
  })
  afterAll(() => database?.drop())
  beforeEach(() => {
    pool = new ScopedPool({
      url: database.runtimeUrl,
      connectionsMax: 3,
      acquireTimeoutMs: 5_000,
      namedStatements: true,
      logger: createLogger('silent'),
    })
  })
  afterEach(() => pool.end())

  const query = (text: string, name: string, values: unknown[] = []) =>
    enterScope(SCOPE, () => pool.query({ name, text, values }))
  const migrate = (sql: string) => asAdmin(database.ownerUrl, (owner) => owner.query(sql))
  /** On three connections at once, so that each has the statement prepared. */
  const everywhere = (work: () => Promise<unknown>) => Promise.all([work(), work(), work()])

  it('reads again after a column that it returns changed its type, on every connection', async () => {
    const read = () => query('SELECT failure, pg_sleep(0.05) FROM exports', 'failures')
    await everywhere(read)
    await migrate('ALTER TABLE exports ALTER failure TYPE varchar(300)')
    for (let round = 0; round < 2; round += 1)
      for (const { rowCount } of (await everywhere(read)) as { rowCount: number }[])
        expect(rowCount).toBe(SEEDED)
  })

  it('reads again after a column that it compares changed its type', async () => {
    const read = () => query('SELECT id FROM exports WHERE row_count = $1', 'by_count', ['0'])
    await read()
    await migrate(
      'ALTER TABLE exports ALTER row_count DROP DEFAULT, ALTER row_count TYPE text USING row_count::text',
    )
    expect((await read()).rowCount).toBe(SEEDED)
    await migrate(
      `ALTER TABLE exports ALTER row_count TYPE integer USING row_count::integer, ALTER row_count SET DEFAULT 0`,
    )
  })

  it('reads again after its statements were discarded, as by a pooler', async () => {
    await query('SELECT 1 AS one', 'one')
    for (const text of ['DEALLOCATE ALL', 'DISCARD ALL']) {
      await pool.queryBeforeTenant(text, [])
      expect((await query('SELECT 1 AS one', 'one')).rows).toEqual([{ one: 1 }])
    }
  })

  it('reads again when the name is taken there by another statement', async () => {
    await pool.queryBeforeTenant('PREPARE taken AS SELECT 2 AS two', [])
    expect((await query('SELECT 1 AS one', 'taken')).rows).toEqual([{ one: 1 }])
  })

  it('runs statements at once again: all of them, once', async () => {
    const insert = {
      text: `UPDATE exports SET row_count = row_count + 1 RETURNING *`,
      values: [],
      name: 'count',
    }
    const value = async () =>
      Number((await query('SELECT sum(row_count) AS sum FROM exports', '')).rows[0].sum)
    await pool.runAtOnce(SCOPE, [insert])
    const before = await value()
    await migrate('ALTER TABLE exports ADD COLUMN note text')
    await pool.runAtOnce(SCOPE, [insert])
    await migrate('ALTER TABLE exports DROP COLUMN note')
    expect((await value()) - before).toBe((await query('SELECT FROM exports', '')).rowCount)
  })

  it('fails a transaction so that it is run again, on another connection', async () => {
    const transaction = async () => {
      const connection = await enterScope(SCOPE, () => pool.connect())
      try {
        return await enterScope(SCOPE, async () => {
          await connection.query({ text: 'BEGIN' })
          const result = await connection.query({ name: 'askers', text: 'SELECT requested_by FROM exports' })
          await connection.query({ text: 'COMMIT' })
          return result.rowCount
        })
      } finally {
        connection.release()
      }
    }
    await everywhere(transaction)
    await migrate('ALTER TABLE exports ALTER requested_by TYPE varchar(300)')
    const error = await transaction().catch((thrown: unknown) => thrown)
    expect(isRetryable(error)).toBe(true)
    // The other two have it prepared as well, and are destroyed unused.
    expect(await everywhere(transaction)).toEqual([SEEDED, SEEDED, SEEDED])
  })

  it('reports a genuine error of the same kind unchanged', async () => {
    await query('SELECT id FROM exports', 'gone')
    await migrate('ALTER TABLE exports RENAME TO exports_elsewhere')
    const again = query('SELECT id FROM exports', 'gone')
    await expect(again).rejects.toMatchObject({ code: '42P01' })
    await migrate('ALTER TABLE exports_elsewhere RENAME TO exports')
  })
})

describe('an API under load while a migration changes its columns', () => {
  let api: Api
  beforeAll(async () => {
    api = await startApi()
  })
  afterAll(() => api?.close())

  it('answers every query and mutation', async () => {
    const owner = api.as('A')
    const failures: unknown[] = []
    let asked = 0
    let over = false
    const ask = async (source: (n: number) => string) => {
      while (!over) {
        const { errors, data } = await owner.send(source(asked))
        asked += 1
        if (errors.length > 0 || Object.values(data)[0] === null) failures.push(...errors)
      }
    }
    const create = (n: number) =>
      `mutation { memberInvite(input: { role: VIEWER, name: "N", email: "load${n}.${Math.random()}@x.example" }) {
        invitation { id name } userErrors { code } } }`
    const asking = [
      ask(() => '{ invitations(first: 5) { nodes { id name email } totalCount } }'),
      ask(() => '{ members(first: 5) { nodes { id name email } } }'),
      ask(create),
      ask(create),
    ]
    for (let round = 0; round < 6; round += 1) {
      await sleep(300)
      const type = round % 2 === 0 ? 'varchar(300)' : 'text'
      await asAdmin(api.database.ownerUrl, (client) =>
        client.query(`ALTER TABLE members ALTER name TYPE ${type}; ALTER TABLE invitations ALTER name TYPE ${type};
          ALTER TABLE audit_entries ALTER request_id TYPE ${type}`),
      )
    }
    await sleep(300)
    over = true
    await Promise.all(asking)
    expect(asked).toBeGreaterThan(4)
    expect(failures).toEqual([])
  })
})
