// Sabotage: with each table's wall damaged in turn, the matrix must fail.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Attempt, attemptsOn, violations } from '../../src/db/proof/matrix.ts'
import { sabotagesFor } from '../../src/db/proof/sabotages.ts'
import { asOwner, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fixtureTableNames } from '../support/fixture.ts'
import { rightsOf, tableFacts } from './matrix.ts'

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

  it.each(sabotagesFor(rightsOf(table)))('$what', async ({ damage, mend, trips }) => {
    await asOwner(database, null, (owner) => owner.query(damage(table)))
    const damaged = await violations(runtime, table, attempts)
    await asOwner(database, null, (owner) => owner.query(mend(table)))
    expect(damaged).toEqual(expect.arrayContaining([expect.stringMatching(trips)]))
    expect(await violations(runtime, table, attempts), 'mended').toEqual([])
  })
})
