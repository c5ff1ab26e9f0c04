// Inserting the rows of a proof. fixture-rows.ts makes them; those of the two tenants differ only in ids and in what the caller
// gives.
import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { ProofTenant } from './tenants.ts'

/** Rows 1 to SEEDED of each table exist after seeding; row SPARE is valid and not inserted. */
export const SEEDED = 2
export const SPARE = 3
/** Also seeded where a spare row of another table needs one to which no other refers. */
export const EXTRA = 4

export type FixtureRow = Record<string, unknown>

/** The same id for the same tenant, table and number, in every run. */
export function fixtureId(tenant: ProofTenant, table: string, n: number): string {
  const hex = createHash('sha256').update(`${tenant.key}/${table}/${n}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Inserts one row and returns the number of inserted rows. */
export async function insertRow(client: pg.Client, table: string, row: FixtureRow): Promise<number> {
  const { text, values } = insertStatement(table, row)
  return (await client.query(text, values)).rowCount ?? 0
}

/** The statement that inserts `row`, for adding an ON CONFLICT or RETURNING clause. */
export function insertStatement(table: string, row: FixtureRow): { text: string; values: unknown[] } {
  const columns = Object.keys(row).map((column) => `"${column}"`)
  const places = columns.map((_, index) => `$${index + 1}`)
  return {
    text: `INSERT INTO "${table}" (${columns.join(', ')}) VALUES (${places.join(', ')})`,
    values: Object.values(row),
  }
}
