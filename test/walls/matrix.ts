// The tables of the fixture, as the proof's matrix takes them.
import { appendOnlyTables } from '../../src/db/append-only.ts'
import type { Right, TableFacts } from '../../src/db/proof/statements.ts'
import { asSuperuser, type TestDatabase } from '../support/database.ts'
import { fixtureRows } from '../support/fixture.ts'
import { RIGHTS, UPDATABLE } from '../support/module-setup.ts'
import { type FixtureTenant, TENANT_A, TENANT_B } from '../support/two-tenants.ts'

const APPEND_ONLY: ReadonlySet<string> = new Set(
  appendOnlyTables().map((table) => table.replace('public.', '')),
)
const APPEND_ONLY_RIGHTS: readonly Right[] = ['select', 'insert']
const USUAL_RIGHTS: readonly Right[] = ['select', 'insert', 'update', 'delete']

/** What the runtime role may do with a table. */
export function rightsOf(table: string): readonly Right[] {
  return RIGHTS[table] ?? (APPEND_ONLY.has(table) ? APPEND_ONLY_RIGHTS : USUAL_RIGHTS)
}

/** Counts as a superuser, bypassing the policies. Throws when the fixture has no rows of a tenant in the table. */
export async function tableFacts(database: TestDatabase, name: string): Promise<TableFacts> {
  return asSuperuser(database, async (client) => {
    const key = await client.query<{ name: string }>(
      `SELECT a.attname AS name FROM pg_index i
       CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
       WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY k.place`,
      [name],
    )
    const count = async (tenant: FixtureTenant) =>
      (await client.query(`SELECT FROM "${name}" WHERE tenant_id = $1`, [tenant.id])).rowCount ?? 0
    const rows = fixtureRows(name)
    const facts = {
      name,
      keyColumns: key.rows.map((row) => row.name),
      rowsOfA: await count(TENANT_A),
      rowsOfB: await count(TENANT_B),
      rows,
      rights: rightsOf(name),
      updatable: UPDATABLE[name] ?? Object.keys(rows.a[0] ?? {})[0] ?? '',
    }
    if (facts.rowsOfA === 0 || facts.rowsOfB === 0) {
      throw new Error(`the fixture has no rows of both tenants in ${name}`)
    }
    return facts
  })
}
