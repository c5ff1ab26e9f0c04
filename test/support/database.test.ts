import { afterAll, beforeAll, expect, it } from 'vitest'
import { asOwner, asRuntime, asSuperuser, createTestDatabase, type TestDatabase } from './database.ts'
import { TENANT_A, TENANT_B } from './two-tenants.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
})
afterAll(() => database?.drop())

it('a cloned database holds both tenants, each visible to itself alone', async () => {
  for (const tenant of [TENANT_A, TENANT_B]) {
    for (const as of [asRuntime, asOwner]) {
      const { rows } = await as(database, tenant.id, (client) =>
        client.query('SELECT tenant_id FROM tenants'),
      )
      expect(rows).toEqual([{ tenant_id: tenant.id }])
    }
  }
  const { rowCount } = await asSuperuser(database, (client) => client.query('SELECT FROM tenants'))
  expect(rowCount).toBe(2)
})

it('a transaction of a test helper is rolled back when its work throws', async () => {
  const fails = asRuntime(database, TENANT_A.id, async (client) => {
    await client.query(`UPDATE tenants SET name = 'changed'`)
    throw new Error('on purpose')
  })
  await expect(fails).rejects.toThrow('on purpose')
  const { rows } = await asSuperuser(database, (client) => client.query('SELECT DISTINCT name FROM tenants'))
  expect(rows).toEqual([{ name: 'Tenant' }])
})
