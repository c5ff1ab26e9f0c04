// The doctor's rule about the writers of tables: permissions that this program knows.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writerNames } from '../../src/auth/permissions.ts'
import { SCHEMA } from '../../src/db/datamodel.ts'
import { examine } from '../../src/db/doctor/doctor.ts'
import '../../src/modules.ts'
import { asAdmin } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const CODE = 'writers-unknown'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

async function found(sql: string) {
  await asAdmin(database.ownerUrl, (owner) => owner.query(sql))
  const findings = await examine(database.runtimeUrl, {
    writers: { permissions: writerNames(), schema: SCHEMA },
  })
  return findings.filter(({ code }) => code === CODE)
}

const protect = (table: string, writers: string) => `SELECT app.protect('${table}', writers => '${writers}')`

it('knows the permissions that write, those of the invited and of the system, and none that reads', () => {
  expect(writerNames()).toEqual(
    expect.arrayContaining(['tenant:manage', 'members:manage', 'invitations:accept', 'system']),
  )
  expect(writerNames().filter((name) => name.endsWith(':read'))).toEqual([])
})

describe('the doctor', () => {
  it('has no finding for the tables as they are', async () => {
    expect(await found('SELECT')).toEqual([])
  })

  it.each(['{tennant:manage}', '{members:read}', '{tennant:manage,members:read}'])(
    'refuses a table with the writers %s, by its name and what to do',
    async (writers) => {
      const named = writers.slice(1, -1).replace(',', ', ')
      expect(await found(protect('exports', writers))).toEqual([
        {
          level: 'error',
          code: CODE,
          object: 'public.exports',
          message: `is written with ${named}, which no module defines as a permission to write: define it, or call app.protect with other writers in a new migration`,
        },
      ])
    },
  )

  it('accepts a table that one known permission may write, and one that any may', async () => {
    expect(await found(protect('exports', '{payments:unknown,tenant:manage}'))).toEqual([])
    expect(await found(protect('exports', '{}'))).toEqual([])
  })

  it('only warns of a table that this program has no model of: a newer one may run beside it', async () => {
    const create = `CREATE TABLE notes (tenant_id uuid, id uuid, PRIMARY KEY (tenant_id, id))`
    expect(await found(`${create}; ${protect('notes', '{notes:write}')}`)).toMatchObject([
      { level: 'warning', object: 'public.notes' },
    ])
  })
})
