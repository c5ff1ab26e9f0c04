// The shapes of the tenants' tables, from the catalogue. fixture-rows.ts makes their rows.
import type pg from 'pg'

export interface ColumnShape {
  name: string
  /** In SQL's form: `character(3)`, `bigint`, `order_status`. */
  type: string
  notNull: boolean
  /** Its default expression; null: none. */
  default: string | null
  /** An enum's labels, in order. */
  labels: string[] | null
}

export interface ReferenceShape {
  columns: string[]
  parent: string
  parentColumns: string[]
}

export interface CheckShape {
  columns: string[]
  expression: string
}

export interface TableShape {
  name: string
  /** Without generated columns. */
  columns: ColumnShape[]
  /** The columns of every unique index, the primary key's first; expressions in an index are left out. */
  keys: string[][]
  references: ReferenceShape[]
  checks: CheckShape[]
}

/** The names of the columns at these positions of `c`, in order. */
const namesOf = (places: string) => `(SELECT coalesce(json_agg(n.attname ORDER BY p.place), '[]')
  FROM unnest(${places}) WITH ORDINALITY AS p (attnum, place)
  JOIN pg_attribute n ON n.attrelid = c.oid AND n.attnum = p.attnum)`

const COLUMNS = `(SELECT json_agg(json_build_object(
    'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
    'default', pg_get_expr(d.adbin, d.adrelid),
    'labels', (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = a.atttypid)
  ) ORDER BY a.attnum)
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a')`

const KEYS = `(SELECT coalesce(json_agg(${namesOf('i.indkey')} ORDER BY i.indisprimary DESC, i.indexrelid), '[]')
  FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique)`

const REFERENCES = `(SELECT coalesce(json_agg(json_build_object(
    'columns', ${namesOf('k.conkey')}, 'parent', parent.relname,
    'parentColumns', (SELECT json_agg(n.attname ORDER BY p.place)
      FROM unnest(k.confkey) WITH ORDINALITY AS p (attnum, place)
      JOIN pg_attribute n ON n.attrelid = k.confrelid AND n.attnum = p.attnum)) ORDER BY k.oid), '[]')
  FROM pg_constraint k JOIN pg_class parent ON parent.oid = k.confrelid
  WHERE k.conrelid = c.oid AND k.contype = 'f')`

const CHECKS = `(SELECT coalesce(json_agg(json_build_object(
    'columns', ${namesOf('k.conkey')}, 'expression', pg_get_expr(k.conbin, k.conrelid)) ORDER BY k.oid), '[]')
  FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c')`

/** Every table in schema public with a tenant. */
export async function tableShapes(client: pg.Client): Promise<TableShape[]> {
  const { rows } = await client.query<TableShape>(
    `SELECT c.relname AS name, ${COLUMNS} AS columns, ${KEYS} AS keys, ${REFERENCES} AS references, ${CHECKS} AS checks
     FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped)
     ORDER BY c.relname`,
  )
  return rows
}
