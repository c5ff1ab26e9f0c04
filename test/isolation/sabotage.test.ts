// A test that stays green without the wall is no test: with each table's wall damaged in turn, the matrix must go red.
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

const writePoliciesTo = (table: string, role: string) =>
  ['insert', 'update', 'delete']
    .map((command) => `ALTER POLICY write_${command} ON ${table} TO ${role}`)
    .join('; ')

const SABOTAGES: Sabotage[] = [
  {
    what: 'row-level security disabled',
    damage: (table) => `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`,
    mend: (table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    trips: /select in the other tenant \(by tenant\)/,
  },
  {
    what: 'its policy dropped',
    damage: (table) => `DROP POLICY tenant_isolation ON ${table}`,
    mend: (table) => `CREATE POLICY tenant_isolation ON ${table} USING (${RIGHT}) WITH CHECK (${RIGHT})`,
    trips: /select in no tenant \(all rows\): 0 rows/,
  },
  {
    what: 'USING (true)',
    damage: (table) => `ALTER POLICY tenant_isolation ON ${table} USING (true)`,
    mend: (table) => `ALTER POLICY tenant_isolation ON ${table} USING (${RIGHT})`,
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
      `ALTER POLICY tenant_isolation ON ${table}
       USING (coalesce(current_setting('app.tenant_id', true), '') = '' OR ${RIGHT})`,
    mend: (table) => `ALTER POLICY tenant_isolation ON ${table} USING (${RIGHT})`,
    trips: /select in an ended scope \(all rows\)/,
  },
  {
    what: 'its policies on writing for somebody else',
    damage: (table) => writePoliciesTo(table, 'bulkhead_worker'),
    mend: (table) => writePoliciesTo(table, 'bulkhead_runtime'),
    trips: /in the own tenant, to read \(/,
  },
]

/** Only where rows may be inserted is there anything to see of it. */
const UNCHECKED: Sabotage = {
  what: 'WITH CHECK (true)',
  damage: (table) => `ALTER POLICY tenant_isolation ON ${table} WITH CHECK (true)`,
  mend: (table) => `ALTER POLICY tenant_isolation ON ${table} WITH CHECK (${RIGHT})`,
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
