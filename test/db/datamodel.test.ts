// Compares the datamodel that `prisma generate` writes with the database that the migrations make.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DATAMODEL } from '../../src/db/datamodel.ts'
import { enumValues, modelOf } from '../../src/db/register.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

it('has every column of every table, nullable and with a default where the database says so', async () => {
  const inDatabase = await asSuperuser(database, async (client) => {
    const { rows } = await client.query<{ column: string; nullable: boolean; defaults: boolean }>(
      `SELECT c.table_name || '.' || c.column_name AS column, c.is_nullable = 'YES' AS nullable,
         c.column_default IS NOT NULL AS defaults
       FROM information_schema.columns c WHERE c.table_schema = 'public'`,
    )
    return new Map(rows.map(({ column, ...facts }) => [column, facts]))
  })
  for (const { table, columns } of DATAMODEL.values()) {
    for (const { name, isNullable, isList, hasDefault } of columns.values()) {
      const facts = inDatabase.get(`${table}.${name}`)
      expect(facts, `${table}.${name}`).toBeDefined()
      if (!isList) expect(facts?.nullable, `${table}.${name} is nullable`).toBe(isNullable)
      // A default of the database is one of the schema; uuid(7) is made by the client.
      if (facts?.defaults === true) expect(hasDefault, `${table}.${name} has a default`).toBe(true)
    }
  }
})

it('has the unique keys and the indexes of every table', async () => {
  const inDatabase = await asSuperuser(database, async (client) => {
    const { rows } = await client.query<{ table: string; unique: boolean; columns: string[] }>(
      `SELECT i.indrelid::regclass::text AS table, i.indisunique AS unique,
         ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(n, place)
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n ORDER BY k.place) AS columns
       FROM pg_index i WHERE i.indpred IS NULL`,
    )
    return new Set(rows.map(({ table, unique, columns }) => `${table} ${unique} ${columns.join()}`))
  })
  for (const { table, columns, keys, indexes } of DATAMODEL.values()) {
    const named = (fields: readonly string[]) => fields.map((field) => columns.get(field)?.name).join()
    for (const { fields } of keys) expect(inDatabase).toContain(`${table} true ${named(fields)}`)
    for (const index of indexes) expect(inDatabase).toContain(`${table} false ${named(index)}`)
  }
})

it('names the keys and the foreign keys as the database does', async () => {
  const names = await asSuperuser(database, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT i.indexrelid::regclass::text AS name FROM pg_index i
       UNION SELECT conname FROM pg_constraint WHERE contype = 'f'`,
    )
    return new Set(rows.map(({ name }) => name))
  })
  for (const { keys, relations } of DATAMODEL.values()) {
    for (const { name } of keys) expect(names).toContain(name)
    for (const { foreignKey } of relations.values())
      if (foreignKey !== null) expect(names).toContain(foreignKey)
  }
})

it('throws for what is not there', () => {
  expect(() => modelOf('Nothing')).toThrow('there is no model Nothing')
  expect(() => enumValues('Nothing')).toThrow('there is no enum Nothing')
})
