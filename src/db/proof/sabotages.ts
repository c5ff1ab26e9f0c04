// Damages of a table's wall, each of which the matrix must see: a proof that stays green without the wall proves nothing.
import type { Right } from './statements.ts'

const RIGHT = 'tenant_id = (SELECT app.tenant_id())'

export interface Sabotage {
  what: string
  damage: (table: string) => string
  mend: (table: string) => string
  /** What the matrix must complain of, among other things. */
  trips: RegExp
  /** Visible only where the runtime role has one of these rights. Default: select. */
  needs?: readonly Right[]
}

/** Keeps the table's writers. */
const again = (table: string) => `SELECT app.set_policies('${table}')`

const SABOTAGES: readonly Sabotage[] = [
  {
    what: 'row-level security disabled',
    damage: (table) => `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`,
    mend: (table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    trips: /select in the other tenant \(by tenant\)/,
  },
  {
    what: 'its policy on reading dropped',
    damage: (table) => `DROP POLICY tenant_select ON ${table}`,
    mend: again,
    trips: /select in no tenant \(all rows\): 0 rows/,
  },
  {
    what: 'USING (true)',
    damage: (table) => `ALTER POLICY tenant_select ON ${table} USING (true)`,
    mend: again,
    trips: /select in the other tenant \(by tenant\)/,
  },
  {
    what: 'a second permissive policy',
    damage: (table) => `CREATE POLICY everything ON ${table} USING (true)`,
    mend: (table) => `DROP POLICY everything ON ${table}`,
    trips: /select in the other tenant \(by key\)/,
  },
  {
    what: 'a policy that opens when no tenant is set',
    damage: (table) =>
      `ALTER POLICY tenant_select ON ${table}
       USING (coalesce(current_setting('app.tenant_id', true), '') = '' OR ${RIGHT})`,
    mend: again,
    trips: /select in an ended scope \(all rows\)/,
  },
  {
    what: 'a policy on writing that asks for no permission',
    damage: (table) => `CREATE POLICY anybody ON ${table} USING (${RIGHT}) WITH CHECK (${RIGHT})`,
    mend: (table) => `DROP POLICY anybody ON ${table}`,
    trips: /in the own tenant, to read \(/,
    needs: ['insert', 'update', 'delete'],
  },
  {
    what: 'WITH CHECK (true)',
    // Triggers that write to another table, such as those of text search, are refused by that table's wall.
    damage: (table) =>
      `ALTER TABLE ${table} DISABLE TRIGGER USER; CREATE POLICY anything ON ${table} FOR INSERT WITH CHECK (true)`,
    mend: (table) => `ALTER TABLE ${table} ENABLE TRIGGER USER; DROP POLICY anything ON ${table}`,
    trips: /insert in the other tenant \(a row of A\)/,
    needs: ['insert'],
  },
]

/** Those that can be seen on a table with these rights. */
export function sabotagesFor(rights: readonly Right[]): readonly Sabotage[] {
  return SABOTAGES.filter(({ needs = ['select'] }) => needs.some((right) => rights.includes(right)))
}
