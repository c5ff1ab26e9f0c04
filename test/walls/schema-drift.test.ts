// schema.prisma and the migrations must describe the same tables: the client relies on the one, the database on the
// other. What Prisma's language cannot express (checks, policies, rights, partial indexes, deferral of keys, the expressions
// of generated columns, the collation of indexes in the order of people's alphabets) is not compared.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { diffDatamodels } from '../../src/db/migrations/schema-engine.ts'
import { readSchema } from '../../src/db/migrations/write-migration.ts'
import { asAdmin } from '../support/cluster.ts'
import {
  asSuperuser,
  createEmptyDatabase,
  createTestDatabase,
  type TestDatabase,
} from '../support/database.ts'

const SCHEMA_DIR = fileURLToPath(new URL('../../prisma/schema', import.meta.url))
/** Makes the schema app and app.tenant_id(), which the defaults of the schema use; makes no tenant's table. */
const WALLS = new URL('../../prisma/migrations/20261201040000_walls/migration.sql', import.meta.url)

const TABLES = `pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
  AND c.relkind IN ('r', 'p') AND c.relname <> '_prisma_migrations'`

/** Each returns lines of text; names are printed with their schemas. The order of columns does not matter. */
const SHAPES = {
  enums: `SELECT format('%s: %s', t.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)) AS line
    FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname = 'public' GROUP BY t.typname`,
  columns: `SELECT format('%s.%s %s%s default %s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attnotnull THEN ' not null' END, coalesce(pg_get_expr(d.adbin, d.adrelid), 'none'),
      nullif(a.attidentity::text, '')) AS line
    FROM ${TABLES} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum AND a.attgenerated = ''`,
  keys: `SELECT format('%s: %s %s', c.relname, k.conname, replace(pg_get_constraintdef(k.oid), ' DEFERRABLE', '')) AS line
    FROM ${TABLES} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'f', 'u', 'x')`,
  indexes: `SELECT replace(pg_get_indexdef(i.indexrelid), ' COLLATE "und-x-icu"', '') AS line
    FROM ${TABLES} JOIN pg_index i ON i.indrelid = c.oid AND i.indpred IS NULL AND i.indexprs IS NULL`,
}

type Shape = Record<keyof typeof SHAPES, string[]>

function shapeOf(database: TestDatabase): Promise<Shape> {
  return asSuperuser(database, async (client) => {
    await client.query('SET LOCAL search_path = pg_catalog')
    const lines = async (sql: string) =>
      (await client.query<{ line: string }>(sql)).rows.map(({ line }) => line).toSorted()
    return {
      enums: await lines(SHAPES.enums),
      columns: await lines(SHAPES.columns),
      keys: await lines(SHAPES.keys),
      indexes: await lines(SHAPES.indexes),
    }
  })
}

let declared: Shape
let scratch: TestDatabase
beforeAll(async () => {
  scratch = await createEmptyDatabase()
  const [walls, tables] = await Promise.all([
    readFile(WALLS, 'utf8'),
    readSchema(SCHEMA_DIR).then((schema) => diffDatamodels(null, schema)),
  ])
  await asAdmin(scratch.ownerUrl, (owner) => owner.query(`${walls};${tables}`))
  declared = await shapeOf(scratch)
})
afterAll(() => scratch?.drop())

describe('schema.prisma and the migrations', () => {
  it.each(Object.keys(SHAPES) as (keyof Shape)[])('make the same %s', async (part) => {
    const database = await createTestDatabase()
    const migrated = await shapeOf(database).finally(() => database.drop())
    expect(declared[part].length).toBeGreaterThan(0)
    expect(migrated[part], 'run `npm run db:migration -- NAME`, or take the change back').toEqual(
      declared[part],
    )
  })

  it.each([
    ['a column more', 'ALTER TABLE exports ADD COLUMN stray text'],
    ['a column less', 'ALTER TABLE exports DROP COLUMN failure'],
    ['another type', 'ALTER TABLE members ALTER version TYPE bigint'],
    ['another length', 'ALTER TABLE tenants ALTER currency TYPE char(4)'],
    ['a column that may be null', 'ALTER TABLE exports ALTER requested_by DROP NOT NULL'],
    ['another default', `ALTER TABLE exports ALTER failure SET DEFAULT 'x'`],
    ['an enum’s label more', `ALTER TYPE export_status ADD VALUE 'LOST'`],
    ['an index less', 'DROP INDEX exports_tenant_id_created_at_id_idx'],
    [
      'an index in another language',
      'DROP INDEX members_tenant_id_email_key; CREATE UNIQUE INDEX members_tenant_id_email_key ON members (tenant_id, email COLLATE "sv-x-icu")',
    ],
    [
      'an index in another order',
      'DROP INDEX exports_tenant_id_created_at_id_idx; CREATE INDEX exports_tenant_id_created_at_id_idx ON exports (tenant_id, created_at DESC, id)',
    ],
    [
      'a unique index that is none',
      'DROP INDEX members_tenant_id_email_key; CREATE INDEX members_tenant_id_email_key ON members (tenant_id, email)',
    ],
    [
      'a foreign key less',
      'ALTER TABLE export_chunks DROP CONSTRAINT export_chunks_tenant_id_export_id_fkey',
    ],
    [
      'a foreign key that cascades no longer',
      `ALTER TABLE export_chunks DROP CONSTRAINT export_chunks_tenant_id_export_id_fkey,
       ADD CONSTRAINT export_chunks_tenant_id_export_id_fkey FOREIGN KEY (tenant_id, export_id) REFERENCES exports ON UPDATE RESTRICT`,
    ],
    ['a table more', 'CREATE TABLE stray (id uuid)'],
  ])('are seen to differ by %s', async (_, sql) => {
    const database = await createTestDatabase()
    try {
      // As a superuser: forced policies also apply to the owner's own check of a new foreign key.
      await asAdmin(database.adminUrl, (admin) => admin.query(sql))
      expect(await shapeOf(database)).not.toEqual(declared)
    } finally {
      await database.drop()
    }
  })
})
