// Makes the indexes by which lists are sorted in the languages of the tenants, beside the one in Unicode's own order that
// migrations make. Until then such a tenant's lists are in that order. Runs as the owner.
import { collationOf, ROOT_COLLATION } from '../../core/collation.ts'
import type { AlphabeticalColumn } from '../../db/models.ts'
import { escapeIdentifier } from '../../db/names.ts'
import type { OwnerConnection } from '../../db/owner.ts'
import { listTenants } from './tenant-directory.ts'

/** It takes as long as the tables are large, and waits for older transactions. */
const NO_TIMEOUTS = 'SET statement_timeout = 0; SET lock_timeout = 0'

/** Returns the names of the new indexes, sorted. Tables stay writable. Again after a failure: it continues. */
export async function makeSortIndexes(
  connection: OwnerConnection,
  columns: readonly AlphabeticalColumn[],
): Promise<string[]> {
  const collations = await collationsOfTenants(connection)
  await connection.query(NO_TIMEOUTS)
  const made: string[] = []
  for (const { table, column } of columns) {
    const [row] = await connection.query<{ indexed: string[] }>(
      'SELECT app.indexed_collations($1, $2) AS indexed',
      [table, column],
    )
    for (const collation of collations) {
      if (row?.indexed.includes(collation) === true) continue
      const name = nameOf(table, column, collation)
      const index = escapeIdentifier(name)
      // What a failed attempt left: it is not used, and costs each write.
      await connection.query(`DROP INDEX CONCURRENTLY IF EXISTS public.${index}`)
      await connection.query(
        `CREATE INDEX CONCURRENTLY ${index} ON public.${escapeIdentifier(table)}
           (tenant_id, ${escapeIdentifier(column)} COLLATE ${escapeIdentifier(collation)}, id)`,
      )
      made.push(name)
    }
  }
  return made.toSorted()
}

/** The ones besides ROOT_COLLATION that the server has, sorted. */
async function collationsOfTenants(connection: OwnerConnection): Promise<string[]> {
  const wanted = new Set<string>()
  for (const { id } of await listTenants(connection)) {
    const [tenant] = await connection.inTenant(id, (query) =>
      query<{ locale: string }>('SELECT locale FROM tenants'),
    )
    if (tenant !== undefined) wanted.add(collationOf(tenant.locale))
  }
  wanted.delete(ROOT_COLLATION)
  const known = await connection.query<{ name: string }>(
    `SELECT collname AS name FROM pg_collation
     WHERE collprovider = 'i' AND collnamespace = 'pg_catalog'::regnamespace AND collname = ANY ($1::text[])`,
    [[...wanted]],
  )
  return known.map(({ name }) => name).toSorted()
}

/** `sv_products_title_idx`: the language first, since PostgreSQL cuts long names at their end. */
function nameOf(table: string, column: string, collation: string): string {
  const language = collation.replace(/-x-icu$/, '').replaceAll('-', '_')
  return `${language}_${table}_${column}_idx`.toLowerCase()
}
