// A customer's address has one normalized form in the database, by every way of writing it.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { asOwner, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TENANT_A } from '../../support/two-tenants.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
})
afterAll(() => database?.drop())

const insert = (email: string) =>
  asOwner(database, TENANT_A.id, (owner) =>
    owner.query(`INSERT INTO customers (id, email, name) VALUES (gen_random_uuid(), $1, 'N')`, [email]),
  )

it.each(['New@acme.example', 'jo\u0308@acme.example', '\u212A@acme.example'])('not as %j', async (email) => {
  await expect(insert(email)).rejects.toThrow('customers_email_check')
})

it.each(['\u0130@acme.example', '\u0131@acme.example'])('as %j', async (email) => {
  expect((await insert(email)).rowCount).toBe(1)
})
