import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase, type Transaction } from '../../src/db/database.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'

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
