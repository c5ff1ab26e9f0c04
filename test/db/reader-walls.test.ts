// The reader respects tenants: which rows it reads, on which connection.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, EVERYTHING, openDatabase, type TenantClient } from '../../src/db/database.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fixtureId, SEEDED, TENANT_A, TENANT_B } from '../support/two-tenants.ts'

let test: TestDatabase
let database: Database
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  database = openDatabase({
    url: test.runtimeUrl,
    poolMax: 2,
    namedStatements: true,
    logger: createLogger('silent'),
  })
})
afterAll(async () => {
  await database?.close()
  await test?.drop()
})

const A = { tenantId: TENANT_A.id }
const ofB = (table: string) => fixtureId(TENANT_B, table, 1)

describe.each([
  ['on the handle', <T>(work: (db: TenantClient) => Promise<T>) => work(database.forTenant(A))],
  ['in a transaction', <T>(work: (db: TenantClient) => Promise<T>) => database.withTenant(A, work)],
])('%s', (_, run) => {
  it("cross-tenant: another tenant's id finds nothing, in a filter, in a list, in an OR and beneath a relation", async () => {
    const [exported, chunk] = [ofB('exports'), ofB('export_chunks')]
    for (const where of [
      { id: exported },
      { id: { in: [exported] } },
      { OR: [{ tenantId: TENANT_B.id }, { id: exported }] },
      { tenantId: TENANT_B.id },
      { NOT: { tenantId: TENANT_A.id } },
      { chunks: { some: { id: chunk } } },
      { chunks: { some: { tenantId: TENANT_B.id } } },
      { chunks: { some: { export: { tenantId: TENANT_B.id } } } },
    ]) {
      expect(await run((db) => db.export.readMany({ where, select: { id: true } }))).toEqual([])
      expect(await run((db) => db.export.readCount({ where }))).toBe(0)
    }
  })

  it('cross-tenant: a row comes with nothing of another tenant', async () => {
    const rows = await run((db) =>
      db.export.readMany({
        select: {
          tenantId: true,
          chunks: { select: { tenantId: true, export: { select: { tenantId: true } } } },
        },
      }),
    )
    expect(rows.length).toBeGreaterThan(0)
    expect(new Set(JSON.stringify(rows).match(/"tenantId":"[^"]+"/g))).toEqual(
      new Set([`"tenantId":"${TENANT_A.id}"`]),
    )
  })
})

describe('the connection', () => {
  const data = { requestedBy: 'new', status: 'COMPLETED' } as const
  const where = { requestedBy: 'new' }
  const undo = new Error('undone')

  it('of a transaction is the one that it reads on: it sees what the transaction wrote, and a handle is refused there', async () => {
    const work = database.withTenant({ ...A, writes: EVERYTHING }, async (tx) => {
      await tx.export.create({ data })
      expect(await tx.export.readMany({ where, select: { status: true } })).toEqual([{ status: 'COMPLETED' }])
      expect(await tx.export.readCount({ where })).toBe(1)
      await expect(database.forTenant(A).export.readMany({ where })).rejects.toThrow(
        'outside its transaction',
      )
      throw undo
    })
    await expect(work).rejects.toBe(undo)
    expect(await database.forTenant(A).export.readMany({ where })).toEqual([])
  })

  it('of an ended transaction is no longer used', async () => {
    const ended = await database.withTenant(A, async (tx) => {
      expect(await tx.export.readCount()).toBe(SEEDED)
      return { tx }
    })
    await expect(ended.tx.export.readMany()).rejects.toThrow()
    expect(await database.forTenant(A).export.readCount()).toBe(SEEDED)
  })

  it('is not acquired without a tenant’s id', async () => {
    const nobody = database.forTenant({ tenantId: '' })
    await expect(nobody.export.readMany()).rejects.toThrow('a scope needs the uuid of a tenant')
    await expect(nobody.export.readCount()).rejects.toThrow('a scope needs the uuid of a tenant')
  })
})
