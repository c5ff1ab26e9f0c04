// The rule that a table's writers, as given to app.protect, are permissions of the program.
import type { WrittenSchema } from '../models.ts'
import { type Finding, type Patient, TENANT_TABLES } from './check.ts'

/** `permissions`: the program's write permissions. `schema`: its models. */
export type KnownWriters = { readonly permissions: readonly string[]; readonly schema: WrittenSchema }

/**
 * A table without any known writer cannot be written: an error. For a table without a model here it is a warning: a newer
 * version of the program may be running too.
 */
export async function examineWriters({ query }: Patient, known: KnownWriters): Promise<Finding[]> {
  const tables = new Set(known.schema.models.map(([, { table }]) => `public.${table}`))
  const rows = await query(
    `SELECT object, array_to_string(writers, ', ') AS writers FROM (
       SELECT object, substring(pg_get_expr(p.polwithcheck, p.polrelid) from $re$'({[^']*})'::text\\[\\]$re$)::text[] AS writers
       FROM (${TENANT_TABLES}) t JOIN pg_policy p ON p.polrelid = t.oid AND p.polname = 'tenant_insert') w
     WHERE writers <> '{}' AND NOT writers && $1::text[] ORDER BY object`,
    [known.permissions],
  )
  return rows.map(({ object, writers }) => ({
    level: tables.has(object ?? '') ? 'error' : 'warning',
    code: 'writers-unknown',
    object: object ?? '',
    message: `is written with ${writers}, which no module defines as a permission to write: define it, or call app.protect with other writers in a new migration`,
  }))
}
