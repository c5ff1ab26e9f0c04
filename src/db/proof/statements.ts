// The SQL of the matrix, for any table. matrix.ts has the expected answers.
import pg from 'pg'
import { type FixtureRow, insertStatement } from './rows.ts'
import type { ProofTenant } from './tenants.ts'

export interface Statement {
  text: string
  values?: unknown[]
}

export type Right = 'select' | 'insert' | 'update' | 'delete'

/** A table, with its actual content. */
export interface TableFacts {
  name: string
  keyColumns: readonly string[]
  rowsOfA: number
  rowsOfB: number
  /** Row n at n - 1; the row SPARE is valid and not in the table. */
  rows: Readonly<Record<ProofTenant['key'], readonly FixtureRow[]>>
  /** What the runtime role may do. */
  rights: readonly Right[]
  /** A column that it may update, where it may update at all. */
  updatable: string
}

/** Row `n` of a tenant, from 1. */
export function rowOf({ name, rows }: TableFacts, { key }: ProofTenant, n: number): FixtureRow {
  const row = rows[key][n - 1]
  if (row === undefined) throw new Error(`there is no row ${n} of ${name}`)
  return row
}

const literal = (value: unknown) => pg.escapeLiteral(String(value))

export function keyOf(table: TableFacts, tenant: ProofTenant, n: number): string {
  const row: FixtureRow = { ...rowOf(table, tenant, n), tenant_id: tenant.id }
  return table.keyColumns.map((column) => `"${column}" = ${literal(row[column])}`).join(' AND ')
}

/** By the id without the tenant, as a client would. Where the tenants' keys are equal, by the whole key. */
export function ownIdOf(table: TableFacts, tenant: ProofTenant): string {
  const { id } = rowOf(table, tenant, 1)
  return id === undefined ? keyOf(table, tenant, 1) : `id = ${literal(id)}`
}

export function onConflict(table: string, row: FixtureRow, action: string): Statement {
  const { text, values } = insertStatement(table, row)
  return { text: `${text} ON CONFLICT ${action}`, values }
}

export function insertedFor(table: string, row: FixtureRow, tenant: ProofTenant): Statement {
  const { text, values } = insertStatement(table, row)
  return {
    text: `WITH made AS (${text} RETURNING tenant_id) SELECT FROM made WHERE tenant_id = '${tenant.id}'`,
    values,
  }
}

const merge = (table: string, tenantId: unknown, rest: string) =>
  `MERGE INTO "${table}" AS t USING (VALUES (${literal(tenantId)}::uuid)) AS aimed (tenant) ON t.tenant_id = aimed.tenant ${rest}`

export function mergeUpdate({ name, updatable }: TableFacts, tenant: ProofTenant): string {
  return merge(name, tenant.id, `WHEN MATCHED THEN UPDATE SET "${updatable}" = t."${updatable}"`)
}

export function mergeDelete(table: string, tenant: ProofTenant): string {
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
