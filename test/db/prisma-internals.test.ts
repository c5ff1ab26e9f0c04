// The undocumented parts of Prisma's client that src/db depends on: a test fails when one of them changes.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase, type Transaction } from '../../src/db/database.ts'
import { placeOf, turnOffBatching } from '../../src/db/prisma-internals.ts'
import { enterScope } from '../../src/db/scope.ts'
import { Prisma, type PrismaClient } from '../../src/generated/prisma/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { openUnprotected } from '../walls/many-tenants.ts'

let test: TestDatabase
let database: Database
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  const logger = createLogger('error')
  database = openDatabase({ url: test.runtimeUrl, poolMax: 6, namedStatements: true, logger })
})
afterAll(async () => {
  await database?.close()
  await test?.drop()
})

const reads: Record<string, (tx: Transaction) => Promise<string | undefined>> = {
  'raw SQL': async (tx) => (await tx.$queryRaw<{ t: string }[]>`SELECT app.tenant_id() AS t`)[0]?.t,
  findMany: async (tx) => (await tx.export.findMany({ take: 1 }))[0]?.tenantId,
  findFirst: async (tx) => (await tx.export.findFirst())?.tenantId,
  groupBy: async (tx) => (await tx.export.groupBy({ by: ['tenantId'] }))[0]?.tenantId,
}

it.each(Object.keys(reads))(
  'cross-tenant: transactions that %s in one tick each keep their own tenant',
  async (name) => {
    const read = reads[name] as (tx: Transaction) => Promise<string | undefined>
    const tenants = [TENANT_A.id, TENANT_B.id, TENANT_A.id, TENANT_B.id]
    // The first round opens the connections, one after another; from the second on all start in the same tick.
    for (let round = 1; round <= 3; round += 1) {
      const seen = await Promise.all(tenants.map((tenantId) => database.withTenant({ tenantId }, read)))
      expect(seen).toEqual(tenants)
    }
  },
)

it('a client whose data loader is built otherwise is refused, and not used as it is', () => {
  expect(() => turnOffBatching({} as PrismaClient)).toThrow('data loader is not supported')
})

/** The result of `placeOf` for the context of an all-models method, on a client and in its transaction. */
async function placesOf(client: PrismaClient) {
  const extended = client.$extends({
    model: {
      $allModels: {
        place() {
          return placeOf(Prisma.getExtensionContext(this) as object)
        },
      },
    },
  })
  return await enterScope({ tenantId: TENANT_A.id }, () =>
    extended.$transaction(async (tx) => {
      const inside = tx.exportChunk.place()
      const rows = await inside.transaction?.$queryRawUnsafe(
        'SELECT app.tenant_id() AS t, txid_current()::text AS id',
      )
      const same = await tx.$queryRawUnsafe('SELECT app.tenant_id() AS t, txid_current()::text AS id')
      return { outside: extended.exportChunk.place(), inside, rows, same }
    }),
  )
}

it("a model's method knows its model, and the transaction that it is called in", async () => {
  const unprotected = openUnprotected(test.runtimeUrl)
  try {
    const { outside, inside, rows, same } = await placesOf(unprotected.client)
    expect(outside).toEqual({ model: 'ExportChunk', transaction: null })
    expect(inside.model).toBe('ExportChunk')
    expect(rows).toEqual(same)
  } finally {
    await unprotected.close()
  }
})

it('a context of another kind is refused', () => {
  expect(() => placeOf({ $name: 'Export' })).toThrow('models are not supported')
  expect(() => placeOf({ $parent: { $queryRawUnsafe: () => null } })).toThrow('models are not supported')
})

it('the adapter takes a connection for each transaction, and begins, sets and ends it by these statements', async () => {
  const { pool, client, close } = openUnprotected(test.runtimeUrl)
  const sent: string[] = []
  const connect = pool.connect.bind(pool)
  pool.connect = async () => {
    const connection = await connect()
    const query = connection.query.bind(connection)
    connection.query = (config: { text: string }) => {
      sent.push(config.text)
      return query(config)
    }
    return connection
  }
  const inTransaction = (sql: string) =>
    enterScope({ tenantId: TENANT_A.id }, () =>
      client.$transaction((tx) => tx.$queryRawUnsafe(sql), { isolationLevel: 'RepeatableRead' }),
    )
  try {
    await inTransaction('SELECT 1')
    await expect(inTransaction('SELECT 1 / 0')).rejects.toThrow('division by zero')
  } finally {
    await close()
  }
  const opening = ['BEGIN', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ']
  expect(sent).toEqual([...opening, 'SELECT 1', 'COMMIT', ...opening, 'SELECT 1 / 0', 'ROLLBACK'])
})
