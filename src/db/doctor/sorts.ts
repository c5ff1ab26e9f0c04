// The rule that a list which is sorted as people sort has an index in that order. The API's own check at the start knows the
// indexes of Prisma's schema, which have no collations.
import { ROOT_COLLATION } from '../../core/collation.ts'
import type { AlphabeticalColumn } from '../models.ts'
import type { Finding, Patient } from './check.ts'

export async function examineSorts(
  { query }: Patient,
  columns: readonly AlphabeticalColumn[],
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { table, column } of columns) {
    const [row] = await query(
      `SELECT ($3 = ANY (app.indexed_collations($1, $2)))::text COLLATE "C" AS is_indexed`,
      [table, column, ROOT_COLLATION],
    )
    if (row?.is_indexed === 'true') continue
    findings.push({
      level: 'error',
      code: 'sort-index-missing',
      object: `public.${table}`,
      message: `is sorted by ${column} without an index in that order. In a migration: CREATE INDEX ON "${table}" ("tenant_id", "${column}" COLLATE "${ROOT_COLLATION}", "id")`,
    })
  }
  return findings
}
