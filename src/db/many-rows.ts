// Statements on rows of any model: inserts one, locks one; locks many in one order, and updates them by one statement.
import type { Model } from './models.ts'

/** A row to update: its id, and the values of the columns that change, by the field's name in the client. */
export type RowUpdate = { readonly id: string } & Readonly<Record<string, unknown>>

type ManyStatement = { readonly text: string; readonly values: readonly unknown[] }

/** Locks the rows until the transaction ends, in the order of their ids, so that concurrent calls do not deadlock. */
export function lockStatement({ table }: Model, tenantId: string, ids: readonly string[]): ManyStatement {
  const text = `SELECT id FROM "${table}" WHERE tenant_id = $1::uuid AND id = ANY ($2::uuid[]) ORDER BY id FOR NO KEY UPDATE`
  return { text, values: [tenantId, ids] }
}

/** Locks the row as `lockStatement` does, and reads it as the lock found it. */
export function lockRowStatement({ table, columns }: Model, tenantId: string, id: string): ManyStatement {
  const selected = [...columns].map(
    ([field, { name, isEnum }]) => `"${name}"${isEnum ? '::text' : ''} AS "${field}"`,
  )
  const text = `SELECT ${selected.join(', ')} FROM "${table}" WHERE tenant_id = $1::uuid AND id = $2::uuid FOR NO KEY UPDATE`
  return { text, values: [tenantId, id] }
}

/** All rows must have the same columns. Throws a plain Error for an unknown one. */
export function updateStatement(
  { table, columns }: Model,
  tenantId: string,
  rows: readonly RowUpdate[],
): ManyStatement {
  const fields = Object.keys(rows[0] ?? {}).filter((field) => field !== 'id')
  const nameOf = (field: string) => nameIn(table, columns, field)
  const sets = fields.map((field) => `"${nameOf(field)}" = r."${nameOf(field)}"`)
  const values = rows.map((row) => ({
    id: row.id,
    ...Object.fromEntries(fields.map((field) => [nameOf(field), row[field]])),
  }))
  // The table's own type reads each value as its column does: digits as bigint, ISO 8601 as a time.
  const text = `UPDATE "${table}" t SET ${sets.join(', ')} FROM jsonb_populate_recordset(NULL::"${table}", $2::jsonb) r WHERE t.tenant_id = $1::uuid AND t.id = r.id`
  return { text, values: [tenantId, JSON.stringify(values, asText)] }
}

/**
 * Inserts a row with these fields, `parameter` being rowText() of it; other columns get their defaults. Throws a plain Error for an
 * unknown field.
 */
export function insertSql({ table, columns }: Model, fields: readonly string[], parameter: string): string {
  const names = fields.map((field) => `"${nameIn(table, columns, field)}"`).join(', ')
  return `INSERT INTO "${table}" (${names}) SELECT ${names} FROM jsonb_populate_record(NULL::"${table}", ${parameter}::jsonb)`
}

export function rowText({ table, columns }: Model, row: Readonly<Record<string, unknown>>): string {
  const named = Object.entries(row).map(([field, value]) => [nameIn(table, columns, field), value])
  return JSON.stringify(Object.fromEntries(named), asText)
}

function nameIn(table: string, columns: Model['columns'], field: string): string {
  const column = columns.get(field)
  if (column === undefined) throw new Error(`${table} has no column ${field}`)
  return column.name
}

function asText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
