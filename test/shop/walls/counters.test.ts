// Case 16: each tenant has its own counters, so gaps in its numbers reveal nothing about other tenants.
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { asRuntime, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TENANT_A, TENANT_B } from '../../support/two-tenants.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
})
afterAll(() => database?.drop())

it('cross-tenant: two tenants that count in turns each count without a gap', async () => {
  const next = (client: pg.Client) =>
    client.query<{ value: number }>(
      `UPDATE tenant_counters SET value = value + 1 WHERE name = 'order' RETURNING value`,
    )
  for (let round = 1; round <= 3; round += 1)
    for (const tenant of [TENANT_A, TENANT_B])
      expect((await asRuntime(database, tenant.id, next)).rows).toEqual([{ value: round }])
})
