// The SQL of the matrix, for any table of the fixture. matrix.ts has the expected answers.
import { fixtureRow } from '../support/fixture.ts'
import { UPDATABLE } from '../support/module-setup.ts'
import { type FixtureRow, type FixtureTenant, insertStatement, TENANT_A } from '../support/two-tenants.ts'

export interface Statement {
  text: string
  values?: unknown[]
}

/** A table's actual content and key. */
export interface TableFacts {
  name: string
  keyColumns: string[]
  rowsOfA: number
  rowsOfB: number
}

/** A column that the runtime role may update wherever it may update at all. */
export function someColumn(table: string): string {
  return `"${UPDATABLE[table] ?? Object.keys(fixtureRow(table, TENANT_A, 1))[0]}"`
}

export function keyOf(table: TableFacts, tenant: FixtureTenant, n: number): string {
  const row: FixtureRow = { ...fixtureRow(table.name, tenant, n), tenant_id: tenant.id }
  return table.keyColumns.map((column) => `"${column}" = '${row[column]}'`).join(' AND ')
}

/** By the id without the tenant, as a client would. Where the tenants' keys are equal, by the whole key. */
export function ownIdOf(table: TableFacts, tenant: FixtureTenant): string {
  const { id } = fixtureRow(table.name, tenant, 1)
  return id === undefined ? keyOf(table, tenant, 1) : `id = '${id}'`
}

export function onConflict(table: string, row: FixtureRow, action: string): Statement {
  const { text, values } = insertStatement(table, row)
  return { text: `${text} ON CONFLICT ${action}`, values }
}

export function insertedFor(table: string, row: FixtureRow, tenant: FixtureTenant): Statement {
  const { text, values } = insertStatement(table, row)
  return {
    text: `WITH made AS (${text} RETURNING tenant_id) SELECT FROM made WHERE tenant_id = '${tenant.id}'`,
    values,
  }
}

const merge = (table: string, tenantId: unknown, rest: string) =>
  `MERGE INTO "${table}" AS t USING (VALUES ('${tenantId}'::uuid)) AS aimed (tenant) ON t.tenant_id = aimed.tenant ${rest}`

export function mergeUpdate(table: string, tenant: FixtureTenant): string {
  const column = someColumn(table)
  return merge(table, tenant.id, `WHEN MATCHED THEN UPDATE SET ${column} = t.${column}`)
}

export function mergeDelete(table: string, tenant: FixtureTenant): string {
  return merge(table, tenant.id, 'WHEN MATCHED THEN DELETE')
}

export function mergeInsert(table: string, row: FixtureRow): Statement {
  const { text, values } = insertStatement(table, row)
  const [columns, places] = text.replace(`INSERT INTO "${table}" `, '').split(' VALUES ')
  return {
    text: merge(table, row.tenant_id, `WHEN NOT MATCHED THEN INSERT ${columns} VALUES ${places}`),
    values,
  }
}
