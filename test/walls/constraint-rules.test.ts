// Each constraint that a resource turns into a user error is one of the database: a misspelt one would never be met.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CONSTRAINT_RULES } from '../../src/graphql/resource/resource.ts'
import { loadGraphql } from '../../src/wiring.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'

await loadGraphql()

let database: TestDatabase
let names: ReadonlySet<string>
beforeAll(async () => {
  database = await createTestDatabase()
  names = await asSuperuser(database, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'SELECT conname AS name FROM pg_constraint UNION SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique',
    )
    return new Set(rows.map(({ name }) => name))
  })
})
afterAll(() => database?.drop())

// Without a resource there is none.
it.each([...CONSTRAINT_RULES, { model: 'every', constraint: 'members_pkey' }])(
  'the rule $constraint of $model names a constraint of the database',
  ({ constraint }) => {
    expect(names).toContain(constraint)
  },
)
