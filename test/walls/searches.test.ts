// The columns that a list says it is searched by are those whose words a trigger keeps: others would never be found.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SEARCHES } from '../../src/graphql/resource/list.ts'
import { loadGraphql } from '../../src/wiring.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'

await loadGraphql()

let database: TestDatabase
let triggers: Map<string, string[]>
beforeAll(async () => {
  database = await createTestDatabase()
  triggers = await asSuperuser(database, async (client) => {
    const { rows } = await client.query<{ name: string; columns: string[] }>(
      `SELECT t.tgname AS name, ARRAY(SELECT a.attname::text FROM unnest(t.tgattr::int2[]) n
         JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = n) AS columns
       FROM pg_trigger t WHERE t.tgname LIKE 'keep_words_of_%'`,
    )
    return new Map(rows.map(({ name, columns }) => [name, columns]))
  })
})
afterAll(() => database?.drop())

const declared = SEARCHES.flatMap(({ subject, sources }) =>
  Object.entries(sources).map(
    ([source, columns]) => [`keep_words_of_${subject}_from_${source}`, columns] as const,
  ),
)

it('each searched column of a list has its trigger, and each trigger its list', () => {
  expect([...triggers.keys()].sort()).toEqual(declared.map(([name]) => name).sort())
})

// Without a searched list there is none.
it.each([...declared, ['none', []] as const])('%s keeps the words of %j', (name, columns) => {
  expect(triggers.get(name) ?? []).toEqual(expect.arrayContaining([...columns]))
})
