// Sabotage: with each table's wall damaged in turn, the matrix must fail.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asOwner, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fixtureTableNames } from '../support/fixture.ts'
import { type Attempt, attemptsOn, tableFacts, violations } from './matrix.ts'

const RIGHT = 'tenant_id = (SELECT app.tenant_id())'

interface Sabotage {
  what: string
  damage: (table: string) => string
  mend: (table: string) => string
  /** What the matrix must complain of, among other things. */
  trips: RegExp
}

/** Keeps the table's writers. */
const again = (table: string) => `SELECT app.set_policies('${table}')`

const SABOTAGES: Sabotage[] = [
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
  },
]

/** Visible only where rows may be inserted. */
const UNCHECKED: Sabotage = {
  what: 'WITH CHECK (true)',
  damage: (table) => `CREATE POLICY anything ON ${table} FOR INSERT WITH CHECK (true)`,
  mend: (table) => `DROP POLICY anything ON ${table}`,
  trips: /insert in the other tenant \(a row of A\)/,
}

let database: TestDatabase
let runtime: pg.Client
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  runtime = new pg.Client({ connectionString: database.runtimeUrl })
  await runtime.connect()
})
afterAll(async () => {
  await runtime?.end()
  await database?.drop()
})

describe.each(fixtureTableNames())('the matrix goes red when %s has', (table) => {
  let attempts: Attempt[]
  beforeAll(async () => {
    attempts = attemptsOn(await tableFacts(database, table))
  })

  it.each(table === 'tenants' ? SABOTAGES : [...SABOTAGES, UNCHECKED])(
    '$what',
    async ({ damage, mend, trips }) => {
      await asOwner(database, null, (owner) => owner.query(damage(table)))
      const damaged = await violations(runtime, table, attempts)
      await asOwner(database, null, (owner) => owner.query(mend(table)))
      expect(damaged).toEqual(expect.arrayContaining([expect.stringMatching(trips)]))
      expect(await violations(runtime, table, attempts), 'mended').toEqual([])
    },
  )
})
