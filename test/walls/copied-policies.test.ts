// The policies on an engine that copies them to its nodes without the words AS RESTRICTIVE (Citus does): each must
// restrict to the tenant by itself. The test makes the copy on plain PostgreSQL, since no such engine is available.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attemptsOn, violations } from '../../src/db/proof/matrix.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fixtureTableNames } from '../support/fixture.ts'
import { RESTRICTIVE_POLICIES } from './doctor-policy-sabotages.ts'
import { tableFacts } from './matrix.ts'

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

interface PolicyRow {
  name: string
  on_table: string
  command: string
  roles: string
  using: string | null
  check: string | null
}

/** Drops every policy and creates it again as such an engine prints it. Returns their number. */
function copyPolicies(): Promise<number> {
  return asSuperuser(database, async (client) => {
    const { rows } = await client.query<PolicyRow>(`
      SELECT quote_ident(policyname) AS name, format('%I.%I', schemaname, tablename) AS on_table, cmd AS command,
        (SELECT string_agg(quote_ident(role), ', ') FROM unnest(roles) AS role) AS roles,
        qual AS using, with_check AS check
      FROM pg_policies WHERE schemaname = 'public'`)
    for (const { name, on_table: table, command, roles, using, check } of rows) {
      const clauses = `${using === null ? '' : `USING (${using})`} ${check === null ? '' : `WITH CHECK (${check})`}`
      await client.query(`DROP POLICY ${name} ON ${table}`)
      await client.query(`CREATE POLICY ${name} ON ${table} FOR ${command} TO ${roles} ${clauses}`)
    }
    return rows.length
  })
}

async function violationsOf(tables: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const table of tables)
    found.push(...(await violations(runtime, table, attemptsOn(await tableFacts(database, table)))))
  return found
}

/** Two tables suffice: the policies have the same form for every table. */
const RELYING = ['exports', 'outbox_events']

describe('cross-tenant: policies copied without AS RESTRICTIVE', () => {
  it('hold every table in every scope, as before', async () => {
    expect(await copyPolicies()).toBe(5 * fixtureTableNames().length)
    expect(await violationsOf(fixtureTableNames())).toEqual([])
  }, 120_000)

  it('would not, did one of them rely on another for the tenant', async () => {
    await asSuperuser(database, async (client) => {
      for (const table of RELYING) await client.query(RESTRICTIVE_POLICIES.replaceAll('TABLE_', table))
    })
    expect(await violationsOf(RELYING), 'as they stand').toEqual([])
    await copyPolicies()
    const found = await violationsOf(RELYING)
    // A session of B that updates A's rows to its own tenant, and one that deletes all rows.
    for (const what of [
      /: delete in no tenant \(all rows\): \d+ rows/,
      /: insert in the other tenant \(a row of A\): 1 rows/,
    ])
      expect(found).toEqual(expect.arrayContaining([expect.stringMatching(what)]))
  })
})
