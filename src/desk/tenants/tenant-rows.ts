// Reads and inserts a tenant's rows as text, table by table: which tables are not exported, which columns never leave,
// and which change in a restored tenant. make-export.ts and tenant-file.ts make files of them.
import { encodeId } from '../../core/ids.ts'
import { columnRulesOf } from '../../db/column-rules.ts'
import { escapeIdentifier, escapeLiteral } from '../../db/names.ts'
import type { OwnerQuery } from '../../db/owner.ts'

/** Tables that are not exported, each with the reason. */
export const TRANSIENT_TABLES: Readonly<Record<string, string>> = {
  idempotency_keys: 'answers to repeated calls, kept for three days: nobody repeats a call to another tenant',
  outbox_events: 'events still to be delivered: a restored tenant must not deliver them again',
  search_words: 'made again from the restored rows, by their triggers',
  exports: 'earlier exports of this tenant',
  export_chunks: 'the bytes of exports',
  audit_seals:
    'a chain that names this tenant, under a key of this installation: it would prove nothing elsewhere',
}

/** Rows per page; a process holds a few pages at a time. */
const PAGE_ROWS_MAX = 500
const PAGE_BYTES_MAX = 1_048_576
/** A row as exported, and the same without the columns that change in a restored tenant. */
export type RowText = { readonly line: string; readonly proof: string }

/** The database's newest migration. */
export async function schemaVersion(query: OwnerQuery): Promise<string> {
  const [row] = await query<{ version: string }>('SELECT app.schema_version() AS version')
  if (row === undefined) throw new Error('the database has no version')
  return row.version
}

/** This installation's public name, as in its files: `inst_…`. */
export async function installationName(query: OwnerQuery): Promise<string> {
  const [row] = await query<{ id: string }>('SELECT app.installation_id() AS id')
  if (row === undefined) throw new Error('the database has no name')
  return encodeId('inst', row.id)
}

/** The exported tables, referenced ones first. */
export async function exportedTables(query: OwnerQuery): Promise<string[]> {
  const tables = await query<{ name: string }>(
    'SELECT table_name AS name FROM app.tenant_tables() ORDER BY "position"',
  )
  return tables.map(({ name }) => name).filter((name) => TRANSIENT_TABLES[name] === undefined)
}

/** All rows of a table of the tenant in scope, by their keys, a page at a time. */
export async function* readRows(query: OwnerQuery, table: string): AsyncGenerator<RowText[]> {
  const rules = Object.entries(columnRulesOf(table))
  const hidden = rules.flatMap(([column, { hidden }]) => (hidden === true ? [column] : []))
  const unproven = rules.map(([column]) => column)
  let after: string | null = null
  for (;;) {
    const page: (RowText & { key: string })[] = await query(
      `SELECT line, proof, key FROM app.export_page($1::text, $2::text[], $3::text[], $4::text, $5::int, $6::int)`,
      [table, hidden, unproven, after, PAGE_ROWS_MAX, PAGE_BYTES_MAX],
    )
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    after = last.key
  }
}

/**
 * Inserts exported rows of one table into the tenant in scope, as the owner; returns the proof of each, in order.
 * Throws the database's error for rows that do not fit.
 */
export async function insertRows(
  query: OwnerQuery,
  { table, lines, tenantId, name }: InsertedRows,
): Promise<string[]> {
  const known = insertStatements.get(query) ?? new Map<string, string>()
  insertStatements.set(query, known)
  const statement = known.get(table) ?? (await insertStatement(query, table))
  known.set(table, statement)
  const values = [tenantId, lines]
  const takesName = statement.includes('$3')
  const rows = await query<{ proof: string }>(statement, takesName ? [...values, name] : values)
  return rows.map(({ proof }) => proof)
}

export type InsertedRows = {
  readonly table: string
  readonly lines: readonly string[]
  readonly tenantId: string
  /** The restored tenant's name; null: the exported one. */
  readonly name: string | null
}

/** Cached per table and connection, since there are many pages. */
const insertStatements = new WeakMap<OwnerQuery, Map<string, string>>()

async function insertStatement(query: OwnerQuery, table: string): Promise<string> {
  const rules = columnRulesOf(table)
  const columns = await query<{ name: string; isId: boolean }>(
    `SELECT attname::text AS name, atttypid = 'uuid'::regtype AND attname <> 'tenant_id' AS "isId" FROM pg_attribute
     WHERE attrelid = format('public.%I', $1::text)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     ORDER BY attnum`,
    [table],
  )
  const target = `public.${escapeIdentifier(table)}`
  const names = columns.map(({ name }) => escapeIdentifier(name))
  const values = columns.map(({ name }) => rules[name]?.restored ?? `r.${escapeIdentifier(name)}`)
  const unproven = Object.keys(rules).map((column) => escapeLiteral(column))
  // app.export_page writes `true` for an id column that held the tenant's id; here it becomes the new tenant's.
  const ownIds = columns
    .filter(({ isId }) => isId)
    .map(({ name }) => escapeLiteral(name))
    .map(
      (name) =>
        `|| CASE input.content -> ${name} WHEN 'true' THEN jsonb_build_object(${name}, $1::text) ELSE '{}' END`,
    )
  return `
    WITH input AS MATERIALIZED (
      SELECT l.n, l.line::jsonb AS content FROM unnest($2::text[]) WITH ORDINALITY AS l (line, n)
    ), made AS (
      INSERT INTO ${target} (${names.join(', ')})
      SELECT ${values.join(', ')}
      FROM input, jsonb_populate_record(NULL::${target}, input.content || jsonb_build_object('tenant_id', $1::text)
        ${ownIds.join('\n        ')}) AS r
    )
    SELECT (content - ARRAY[${unproven.join(', ')}]::text[])::text AS proof FROM input ORDER BY n`
}
