// Makes sure that no tenant's table is empty in the leak tests: a table that nothing in the API has filled gets a
// generated row in both tenants.
import type pg from 'pg'
import type { Api, TenantKey } from '../support/api.ts'
import { asOwner } from '../support/database.ts'
import { fixtureRow, fixtureTableNames } from '../support/fixture.ts'
import { type FixtureTenant, fixtureId, insertStatement, TENANT_A, TENANT_B } from '../support/two-tenants.ts'

const MADE_UP: Record<TenantKey, FixtureTenant> = { A: TENANT_A, B: TENANT_B }

/** Puts a row into each table in which a tenant has none. */
export async function fillEmptyTables(api: Api): Promise<void> {
  for (const tenant of ['A', 'B'] as const)
    await asOwner(api.database, api.tenantIds[tenant], async (owner) => {
      for (const table of fixtureTableNames()) {
        const { rowCount } = await owner.query(`SELECT FROM "${table}" LIMIT 1`)
        if (rowCount === 0) await insertMadeUp(owner, table, MADE_UP[tenant])
      }
    })
}

/** The rows that it refers to are generated too, and inserted first. */
async function insertMadeUp(owner: pg.Client, table: string, tenant: FixtureTenant): Promise<void> {
  const row = fixtureRow(table, tenant, 1)
  const named = new Set(Object.values(row))
  for (const parent of fixtureTableNames())
    if (parent !== table && named.has(fixtureId(tenant, parent, 1))) await insertMadeUp(owner, parent, tenant)
  const { text, values } = insertStatement(table, row)
  await owner.query(`${text} ON CONFLICT DO NOTHING`, values)
}
