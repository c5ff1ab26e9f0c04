// Named statements are bounded by use, and our record of them agrees with the server's, wherever a message fails.
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { KEPT_STATEMENTS_MAX } from '../../src/db/kept-statements.ts'
import { connectionOf } from '../../src/db/pg-internals.ts'
import { EVERYTHING, enterScope } from '../../src/db/scope.ts'
import { ScopedPool } from '../../src/db/scoped-pool.ts'
import { statementName } from '../../src/db/statement-name.ts'
import { asAdmin } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TENANT_A } from '../support/two-tenants.ts'
import { findPgBouncer, type PgBouncer, preparesStatements, startPgBouncer } from '../walls/pgbouncer.ts'

const A = { tenantId: TENANT_A.id, writes: EVERYTHING }
const MESSAGES = 1_500
const SHAPES = KEPT_STATEMENTS_MAX + 60
const SEED = Math.floor(Math.random() * 2 ** 31)

let database: TestDatabase
let bouncer: PgBouncer | null = null
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  await asAdmin(database.ownerUrl, async (owner) => {
    await owner.query(
      'CREATE TABLE late (id int PRIMARY KEY, other int REFERENCES late DEFERRABLE INITIALLY DEFERRED)',
    )
    await owner.query('GRANT INSERT ON late TO bulkhead_runtime')
  })
  if (findPgBouncer() !== null) bouncer = await startPgBouncer(database.runtimeUrl, 2)
})
afterAll(async () => {
  await bouncer?.stop()
  await database?.drop()
})

function open(
  url: string,
  connectionsMax = 1,
  namedStatements = true,
): { pool: ScopedPool; clients: pg.PoolClient[] } {
  const pool = new ScopedPool({
    url,
    connectionsMax,
    acquireTimeoutMs: 20_000,
    namedStatements,
    logger: createLogger('silent'),
  })
  const clients: pg.PoolClient[] = []
  pool.on('connect', (client) => clients.push(client))
  return { pool, clients }
}

/** https://en.wikipedia.org/wiki/Linear_congruential_generator */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Fails at its Parse, its Bind, its Execute, at the transaction's end, or not at all. */
const KINDS = ['good', 'good', 'good', 'parse', 'bind', 'execute', 'end'] as const

function statementOf(kind: (typeof KINDS)[number], shape: number) {
  const text = {
    good: `SELECT $1::int + ${shape}`,
    parse: `SELECT $1::int + ${shape} FROM nowhere`,
    bind: `SELECT $1::int + 1${shape}`,
    execute: `SELECT $1::int / ($1::int - $1::int) + ${shape}`,
    // Its foreign key is checked when the transaction ends.
    end: `INSERT INTO late SELECT $1::int + ${shape}, -1`,
  }[kind]
  return { text, name: `${kind}_${shape}`, values: [kind === 'bind' ? 'no number' : '1'] }
}

async function kept(pool: ScopedPool): Promise<string[]> {
  const rows = await pool.queryBeforeTenant<{ name: string }>('SELECT name FROM pg_prepared_statements', [])
  return rows.map(({ name }) => name).toSorted()
}

describe('a connection', () => {
  it(`keeps what its record says after every message, wherever messages fail (seed ${SEED})`, async () => {
    const { pool, clients } = open(database.runtimeUrl)
    const random = generator(SEED)
    const some = () => statementOf(KINDS[random(KINDS.length)] ?? 'good', random(SHAPES))
    const several = () => Array.from({ length: 1 + random(4) }, some)
    const messages: (() => Promise<unknown>)[] = [
      () => pool.readText(A, some()),
      () => pool.runAtOnce(A, several()),
      () => enterScope(A, () => pool.query(some())),
      // A COMMIT that fails costs its connection.
      () =>
        transaction(
          pool,
          several().filter(({ name }) => !name.startsWith('end')),
        ),
    ]
    let failed = 0
    let most = 0
    for (let count = 0; count < MESSAGES; count += 1) {
      await messages[random(messages.length)]?.().catch(() => {
        failed += 1
      })
      if (count % 5 !== 0) continue
      const [client] = clients
      if (client === undefined) throw new Error('there is no connection')
      const names = await kept(pool)
      expect(names).toEqual(Object.keys(connectionOf(client).parsedStatements).toSorted())
      expect(names.length).toBeLessThanOrEqual(KEPT_STATEMENTS_MAX)
      most = Math.max(most, names.length)
    }
    expect(failed).toBeGreaterThan(MESSAGES / 4)
    expect(most).toBeGreaterThan(KEPT_STATEMENTS_MAX / 2)
    // No failure, and no bound, has cost the connection.
    expect(clients).toHaveLength(1)
    await pool.end()
  })

  it('keeps the statements in use, and closes the others', async () => {
    const { pool } = open(database.runtimeUrl)
    const used = ['often', 'also']
    for (let shape = 0; shape < 3 * KEPT_STATEMENTS_MAX; shape += 1) {
      for (const name of used) await pool.readText(A, { text: `SELECT '${name}'`, values: [], name })
      await pool.readText(A, statementOf('good', shape))
    }
    const names = await kept(pool)
    expect(names).toHaveLength(KEPT_STATEMENTS_MAX)
    expect(names).toEqual(expect.arrayContaining(used))
    expect(names).toContain(`good_${3 * KEPT_STATEMENTS_MAX - 1}`)
    expect(names).not.toContain('good_0')
    await pool.end()
  })

  it('that has closed a statement prepares it again', async () => {
    const { pool, clients } = open(database.runtimeUrl)
    for (let round = 0; round < 2; round += 1)
      for (let shape = 0; shape < SHAPES; shape += 1) {
        expect(await pool.readText(A, statementOf('good', shape))).toBe(String(shape + 1))
        const { rows } = await enterScope(A, () =>
          pool.query({ ...statementOf('good', shape), rowMode: 'array' }),
        )
        expect(rows).toEqual([[shape + 1]])
      }
    expect(clients).toHaveLength(1)
    await pool.end()
  })

  it('sends a message with more statements than it keeps', async () => {
    const { pool, clients } = open(database.runtimeUrl)
    const many = Array.from({ length: 2 * KEPT_STATEMENTS_MAX }, (_, shape) => statementOf('good', shape))
    expect(await pool.runAtOnce(A, many)).toBe(String(many.length))
    expect(await pool.runAtOnce(A, many)).toBe(String(many.length))
    await pool.readText(A, statementOf('good', 0))
    expect((await kept(pool)).length).toBeLessThanOrEqual(KEPT_STATEMENTS_MAX)
    expect(clients).toHaveLength(1)
    await pool.end()
  })

  it.skipIf(findPgBouncer() === null)('behind a PgBouncer, by name if that supports it', async () => {
    const isNamed = preparesStatements()
    const { pool, clients } = open(bouncer?.url ?? '', 4, isNamed)
    const formOf = ({ name, ...statement }: ReturnType<typeof statementOf>) =>
      isNamed ? { ...statement, name } : statement
    const random = generator(SEED)
    for (let round = 0; round < 60; round += 1)
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          const kind = KINDS[random(KINDS.length)] ?? 'good'
          const shape = random(SHAPES)
          const statement = formOf(statementOf(kind, shape))
          const answers = [
            () => pool.readText(A, statement),
            () => pool.runAtOnce(A, [formOf(statementOf('good', random(SHAPES))), statement]),
            async () =>
              String((await enterScope(A, () => pool.query({ ...statement, rowMode: 'array' }))).rows[0][0]),
          ]
          const answer = answers[random(answers.length)]?.()
          if (kind === 'good') expect(await answer, `seed ${SEED}`).toBe(String(shape + 1))
          else
            await expect(answer, `seed ${SEED}`).rejects.toMatchObject({
              code: /^(42P01|22P02|22012|23503)$/,
            })
        }),
      )
    expect(clients.length).toBeLessThanOrEqual(4)
    await pool.end()
  })
})

async function transaction(pool: ScopedPool, statements: readonly pg.QueryConfig[]): Promise<void> {
  const connection = await enterScope(A, () => pool.connect())
  try {
    await enterScope(A, async () => {
      await connection.query({ text: 'BEGIN' })
      // Those behind one that failed are refused, and close statements all the same.
      const outcomes = []
      for (const statement of statements) outcomes.push(await connection.query(statement).catch(() => null))
      await connection.query({ text: outcomes.includes(null) ? 'ROLLBACK' : 'COMMIT' })
      if (outcomes.includes(null)) throw new Error('a statement failed')
    })
  } finally {
    connection.release()
  }
}

describe('the name of a statement', () => {
  it('is given at its second use, and stays the same', () => {
    const sql = `SELECT 'the name of a statement'`
    expect(statementName({ sql })).toBe('')
    const name = statementName({ sql })
    expect(name).toMatch(/^bk_[0-9a-f]{24}$/)
    expect(statementName({ sql })).toBe(name)
    for (let other = 0; other < 5_000; other += 1) statementName({ sql: `SELECT ${other}` })
    expect([statementName({ sql }), statementName({ sql })]).toEqual(['', name])
  })
})
