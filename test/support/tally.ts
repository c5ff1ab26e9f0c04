// Named counters for tests of writes: the `row_count` of exports that are never run, found by `requested_by`.
import { defineWorkSql } from '../../src/commands/one-statement.ts'
import type { Transaction } from '../../src/db/database.ts'
import { asSuperuser, type TestDatabase } from './database.ts'

/** Sets the counters to 0 for each of the tenants. */
export async function resetTallies(
  database: TestDatabase,
  tenantIds: readonly string[],
  names: readonly string[],
): Promise<void> {
  await asSuperuser(database, async (client) => {
    await client.query('DELETE FROM exports WHERE requested_by = ANY ($1)', [names])
    await client.query(
      `INSERT INTO exports (tenant_id, id, requested_by, status)
       SELECT tenant, gen_random_uuid(), name, 'FAILED' FROM unnest($1::uuid[]) tenant, unnest($2::text[]) name`,
      [tenantIds, names],
    )
  })
}

/** Adds 1 through the tenant's client. */
export async function raise(tx: Transaction, name: string): Promise<void> {
  await tx.export.updateMany({ where: { requestedBy: name }, data: { rowCount: { increment: 1 } } })
}

/** Adds 1 by SQL; returns the row's `tenant_id`. */
export const raiseRaw = (tx: Transaction, name: string) =>
  tx.$queryRaw`UPDATE exports SET row_count = row_count + 1 WHERE requested_by = ${name} RETURNING tenant_id`

/** Adds 1 by a command's one statement; `$1` is the name. */
export const RAISE_IN_ONE_STATEMENT = defineWorkSql(
  'raise_tally',
  `raised AS (
    UPDATE exports SET row_count = row_count + 1 WHERE requested_by = $1 RETURNING row_count
  ), work AS (
    SELECT '{}'::jsonb AS before, jsonb_build_object('value', row_count) AS result, '[]'::jsonb AS events FROM raised
  )`,
)

/** SQL for the value of a counter. `tenant`: an expression. */
export const tallyOf = (tenant: string, name: string) =>
  `(SELECT row_count FROM exports WHERE exports.tenant_id = ${tenant} AND requested_by = '${name}')`
