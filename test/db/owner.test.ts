import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectOwner, type OwnerConnection } from '../../src/db/owner.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'

let database: TestDatabase
let owner: OwnerConnection
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  owner = await connectOwner(database.ownerUrl)
})
afterAll(async () => {
  await owner?.end()
  await database?.drop()
})

it('cross-tenant: the owner in a tenant’s scope sees and changes only that tenant', async () => {
  const changed = await owner.inTenant(TENANT_A.id, (query) =>
    query('UPDATE tenants SET version = version + 1 RETURNING tenant_id'),
  )
  expect(changed).toEqual([{ tenant_id: TENANT_A.id }])
  const intruding = owner.inTenant(TENANT_A.id, (query) =>
    query(`INSERT INTO exports (tenant_id, id, requested_by) VALUES ($1, gen_random_uuid(), 'intruder')`, [
      TENANT_B.id,
    ]),
  )
  await expect(intruding).rejects.toMatchObject({ code: '42501' })
})

it('the scope ends with the transaction', async () => {
  await owner.inTenant(TENANT_A.id, (query) => query('SELECT FROM tenants'))
  await expect(owner.query('SELECT FROM tenants')).rejects.toMatchObject({ code: 'BK001' })
})

it('work that throws is rolled back, and the connection stays usable', async () => {
  const failing = owner.inTenant(TENANT_B.id, async (query) => {
    await query(`UPDATE tenants SET name = 'half done'`)
    throw new Error('on purpose')
  })
  await expect(failing).rejects.toThrow('on purpose')
  expect(await owner.inTenant(TENANT_B.id, (query) => query('SELECT name FROM tenants'))).toEqual([
    { name: 'Tenant' },
  ])
})

it('a second transaction on the connection is refused, not mixed into the first', async () => {
  const mixed = owner.inTenant(TENANT_A.id, () => owner.inTenant(TENANT_B.id, (query) => query('SELECT 1')))
  await expect(mixed).rejects.toThrow('already open')
  expect(await owner.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
})
