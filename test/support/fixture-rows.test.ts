// Tests the generated rows for tables without hand-written ones: PostgreSQL must accept them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tableShapes } from '../../src/db/proof/catalogue.ts'
import { type FixtureTable, fixtureTables } from '../../src/db/proof/fixture-rows.ts'
import { asAdmin } from './cluster.ts'
import { asOwner, createTestDatabase, type TestDatabase } from './database.ts'
import { OWN_VALUES } from './module-setup.ts'
import { EXTRA, insertRow, insertStatement, SPARE, TENANT_A } from './two-tenants.ts'

const KEY = 'tenant_id uuid, id uuid, PRIMARY KEY (tenant_id, id)'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
})
afterAll(() => database?.drop())

/** Makes tables, inserts their rows like the fixture, including the spare one, and rolls everything back. */
async function fill(...definitions: string[]): Promise<FixtureTable[]> {
  const names = definitions.map((definition) => /^\w+/.exec(definition)?.[0] ?? '')
  let filled: FixtureTable[] = []
  const attempt = asOwner(database, TENANT_A.id, async (owner) => {
    await owner.query(`CREATE TYPE size AS ENUM ('S', 'M')`)
    for (const [index, definition] of definitions.entries())
      await owner.query(`CREATE TABLE ${definition}; SELECT app.protect('${names[index]}')`)
    const tables = await fixtureTables(owner, await tableShapes(owner), OWN_VALUES)
    filled = tables.filter(({ name }) => names.includes(name))
    for (const { name, rows } of tables.filter(({ hasExtra }) => hasExtra)) {
      const { text, values } = insertStatement(name, rows.a[EXTRA - 1] ?? {})
      await owner.query(`${text} ON CONFLICT DO NOTHING`, values)
    }
    for (const { name, rows, isSingle } of filled)
      for (const row of rows.a.slice(0, isSingle ? 1 : SPARE)) await insertRow(owner, name, row)
    throw new Undo()
  })
  await expect(attempt).rejects.toThrow(Undo)
  return filled
}

class Undo extends Error {}

describe('rows are made up for', () => {
  it('every type of column that has no default, and of no other', async () => {
    const [table] = await fill(`plenty (${KEY}, a text NOT NULL, b varchar(4) NOT NULL, c char(2) NOT NULL,
      d int NOT NULL, e numeric(8, 2) NOT NULL, f bool NOT NULL, g date NOT NULL, h timestamptz(3) NOT NULL,
      i jsonb NOT NULL, j bytea NOT NULL, k size NOT NULL, l text[] NOT NULL, m interval NOT NULL, n inet NOT NULL,
      o uuid NOT NULL, p time NOT NULL, q text, r int NOT NULL DEFAULT 7)`)
    expect(table?.refused).toBeNull()
    expect(Object.keys(table?.rows.a[0] ?? {})).toEqual(['id', ...'abcdefghijklmnop'])
  })

  it('checks on one column, on several, and on what has a default or may be null', async () => {
    const [table] = await fill(`checked (${KEY}, currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9](-?[a-z0-9]){0,62}$'), url text NOT NULL CHECK (url ~ '^https://'),
      least int NOT NULL, most int NOT NULL DEFAULT 0, CHECK (most > least),
      phone text, email text, CHECK (num_nonnulls(phone, email) = 1),
      percent int NOT NULL CHECK (percent BETWEEN 0 AND 100))`)
    expect(table?.refused).toBeNull()
  })

  it('unique columns, though they have a default or are short', async () => {
    await fill(`unlike (${KEY}, place int NOT NULL DEFAULT 0, code char(2) NOT NULL, UNIQUE (tenant_id, place),
      UNIQUE (tenant_id, code))`)
  })

  it('references: to rows that are there, to one row each where a key is made of them, to themselves', async () => {
    await fill(
      `joined (tenant_id uuid, member_id uuid, chunk_id uuid, PRIMARY KEY (tenant_id, member_id, chunk_id),
        FOREIGN KEY (tenant_id, member_id) REFERENCES members, FOREIGN KEY (tenant_id, chunk_id) REFERENCES export_chunks)`,
      `trees (${KEY}, above_id uuid, FOREIGN KEY (tenant_id, above_id) REFERENCES trees)`,
      `rings (${KEY}, above_id uuid NOT NULL, FOREIGN KEY (tenant_id, above_id) REFERENCES rings)`,
    )
  })

  it('a table with one row for each tenant', async () => {
    const [table] = await fill(`settings (tenant_id uuid PRIMARY KEY, theme text NOT NULL)`)
    expect(table?.isSingle).toBe(true)
  })
})

describe('a table that no row can be made up for is refused by its name and reason', () => {
  it.each([
    ['a type that is not known', 'place point NOT NULL', /odd: nothing is known of column place, point/],
    [
      'a check that no value passes',
      `code text NOT NULL CHECK (code = 'x1y2z3')`,
      /odd: no value known here passes/,
    ],
    ['a check that fails', 'n text NOT NULL CHECK (n::int > 0)', /odd: invalid input syntax/],
  ])('%s', async (_, column, reason) => {
    await asOwner(database, null, (owner) => owner.query(`CREATE TABLE odd (${KEY}, ${column})`))
    const [table] = await asAdmin(database.adminUrl, async (admin) => {
      const shapes = await tableShapes(admin)
      return fixtureTables(
        admin,
        shapes.filter(({ name }) => name === 'odd'),
        OWN_VALUES,
      )
    })
    await asOwner(database, null, (owner) => owner.query('DROP TABLE odd'))
    expect(table?.refused).toMatch(reason)
    expect(table?.rows).toEqual({ a: [], b: [] })
  })
})
