// lockRow reads by SQL what Prisma reads by its own query, in the same types.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLogger } from '../../../src/core/logger.ts'
import { camelOf } from '../../../src/core/names.ts'
import { type Database, openDatabase, type Transaction } from '../../../src/db/database.ts'
import { manyRowsOf } from '../../../src/db/reader/any-model.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TENANT_A, TENANT_B } from '../../support/two-tenants.ts'

// Their columns are of all types that a locked model has: enums, documents, bytes, amounts, times, dates.
const MODELS = ['Order', 'Payment', 'PaymentProvider', 'Refund', 'Dispute', 'Customer', 'Variant'] as const

let test: TestDatabase
let database: Database
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  database = openDatabase({
    url: test.runtimeUrl,
    poolMax: 4,
    namedStatements: true,
    logger: createLogger('silent'),
  })
})
afterAll(async () => {
  await database?.close()
  await test?.drop()
})

const inTenant = <T>(tenantId: string, work: (tx: Transaction) => Promise<T>) =>
  database.withTenant({ tenantId, writes: EVERYTHING }, work)

type Table = { findMany(): Promise<{ id: string }[]> }
const rowsOf = (tx: Transaction, model: string) =>
  (tx as unknown as Readonly<Record<string, Table>>)[camelOf(model)]?.findMany() ?? Promise.resolve([])

it.each(MODELS)('%s: the row as it is, and nothing of another tenant', async (model) => {
  const rows = await inTenant(TENANT_A.id, async (tx) => {
    const found = await rowsOf(tx, model)
    expect(found.length).toBeGreaterThan(0)
    for (const row of found) expect(await manyRowsOf(tx, model).lockRow(row.id)).toEqual(row)
    return found
  })
  await inTenant(TENANT_B.id, async (tx) => {
    for (const { id } of rows) expect(await manyRowsOf(tx, model).lockRow(id)).toBeNull()
  })
})

it('another transaction waits for the lock, and then reads what the first one wrote', async () => {
  const locked = Promise.withResolvers<string>()
  const free = Promise.withResolvers<void>()
  const first = inTenant(TENANT_A.id, async (tx) => {
    const [row] = await rowsOf(tx, 'Customer')
    const id = row?.id ?? ''
    await manyRowsOf(tx, 'Customer').lockRow(id)
    await tx.customer.updateMany({ where: { id }, data: { name: 'first' } })
    locked.resolve(id)
    await free.promise
  })
  const id = await locked.promise
  const second = inTenant(TENANT_A.id, (tx) => manyRowsOf(tx, 'Customer').lockRow<{ name: string }>(id))
  const waiting = () =>
    asSuperuser(test, async (client) => {
      const { rows } = await client.query(
        `SELECT count(*)::int AS waiting FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      return rows[0].waiting
    })
  await expect.poll(waiting).toBe(1)
  free.resolve()
  await first
  expect((await second)?.name).toBe('first')
})

it('outside of a transaction it is refused', async () => {
  const handle = database.forTenant({ tenantId: TENANT_A.id }) as unknown as Transaction
  await expect(manyRowsOf(handle, 'Customer').lockRow(TENANT_A.id)).rejects.toThrow('in a transaction only')
})
