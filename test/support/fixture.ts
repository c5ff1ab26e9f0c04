// The rows of two small tenants in every table of the run's database, and their insertion. fixture-rows.ts generates
// them; cluster.ts reads the tables once.
import type pg from 'pg'
import { inject } from 'vitest'
import { type FixtureTable, seededRows } from '../../src/db/proof/fixture-rows.ts'
import { UNCHECKED_TABLES } from './module-setup.ts'
import { EXTRA, type FixtureRow, type FixtureTenant, insertRow, TENANT_A, TENANT_B } from './two-tenants.ts'

/** The tenants' tables, in insertion order. */
export function fixtureTableNames(): string[] {
  return inject('cluster').tables.map(({ name }) => name)
}

/** Row `n` of a table: 1 to SEEDED exist after seeding, SPARE is valid and not inserted. Throws, naming the table. */
export function fixtureRow(table: string, { key }: FixtureTenant, n: number): FixtureRow {
  const row = fixtureRows(table)[key][n - 1]
  if (row === undefined) throw new Error(`the fixture has ${EXTRA} rows of ${table}, not ${n}`)
  return row
}

/** All rows of both tenants, row n at n - 1. Throws, naming the table. */
export function fixtureRows(table: string): FixtureTable['rows'] {
  const found = inject('cluster').tables.find(({ name }) => name === table)
  if (found === undefined) throw new Error(`there is no table ${table} of tenants`)
  if (found.refused !== null) throw new Error(`${found.refused}. ${ADVICE}`)
  return found.rows
}

const ADVICE = 'Give its columns values in ownValues, test/<module>/setup.ts.'

/**
 * Runs `work` in the open transaction of the tables' owner, with the triggers of the modules' unchecked tables disabled:
 * generated rows would fail their deferred checks at COMMIT. Keys, checks and policies still apply. The tables stay locked
 * until the transaction ends, so no other session writes unchecked rows.
 */
export async function withTriggersOff(owner: pg.Client, work: () => Promise<void>): Promise<void> {
  for (const table of UNCHECKED_TABLES) await owner.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`)
  await work()
  for (const table of UNCHECKED_TABLES) await owner.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`)
}

/** Made by app.create_tenant. */
const MADE_WITH_TENANT: ReadonlySet<string> = new Set(['tenants'])

/** Fills every table for both tenants. `owner` is a connection of the owner role, outside a transaction. */
export async function seedTwoTenants(owner: pg.Client): Promise<void> {
  for (const tenant of [TENANT_A, TENANT_B]) {
    await owner.query('BEGIN')
    await withTriggersOff(owner, async () => {
      await owner.query(`SELECT app.create_tenant($1, $2, 'Tenant', 'USD')`, [tenant.id, tenant.slug])
      for (const table of inject('cluster').tables) {
        if (!MADE_WITH_TENANT.has(table.name)) await seedTable(owner, table, tenant)
      }
    })
    await owner.query('COMMIT')
  }
}

async function seedTable(owner: pg.Client, table: FixtureTable, { key }: FixtureTenant): Promise<void> {
  try {
    for (const row of seededRows(table, key)) await insertRow(owner, table.name, row)
  } catch (cause) {
    const message = `the row made up for ${table.name} is refused: ${(cause as Error).message}`
    throw new Error(`${message}. ${ADVICE}`, { cause })
  }
}
