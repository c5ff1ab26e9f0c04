// A text comes back byte for byte, whatever it looks like: every column of the catalogue that holds one, both ways to a file.
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { columnRulesOf } from '../../../src/db/column-rules.ts'
import { openDatabase } from '../../../src/db/database.ts'
import { queryOf } from '../../../src/db/names.ts'
import { restoreTenant } from '../../../src/desk/tenants/restore-tenant.ts'
import { tenantFile } from '../../../src/desk/tenants/tenant-file.ts'
import { TRANSIENT_TABLES } from '../../../src/desk/tenants/tenant-rows.ts'
import { asSuperuser } from '../../support/database.ts'
import { mendRows } from '../../support/module-setup.ts'
import { TENANT_A } from '../../support/two-tenants.ts'
import { type Installation, openInstallation, sealer, silent } from './installation.ts'

const NOW = new Date('2026-11-24T12:00:00Z')
const SEED = Date.now() % 1_000_000
const RUNS = 6

let here: Installation
let columns: Column[]
beforeAll(async () => {
  here = await openInstallation({ seed: 'two-tenants' })
  await asSuperuser(here.database, (client) => mendRows(client, TENANT_A.id))
  columns = await textColumns()
})
afterAll(() => here?.close())

type Column = { table: string; column: string; type: string }

/**
 * Every column of text, of texts, or of JSON of every exported table, from the catalogue: but those that refer to others' rows,
 * and those that a restored tenant has otherwise.
 */
async function textColumns(): Promise<Column[]> {
  return await asSuperuser(here.database, async (client) => {
    const { rows } = await client.query<Column>(
      `SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, NULL) AS type
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       WHERE c.oid IN (SELECT format('public.%I', t.table_name)::regclass FROM app.tenant_tables() t)
         AND c.relname <> ALL ($1) AND a.atttypid IN ('text'::regtype, 'text[]'::regtype, 'jsonb'::regtype, 'varchar'::regtype)
         AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f'
           AND ((k.conrelid = c.oid AND a.attnum = ANY (k.conkey)) OR (k.confrelid = c.oid AND a.attnum = ANY (k.confkey))))
       ORDER BY 1, 2`,
      [Object.keys(TRANSIENT_TABLES)],
    )
    const isOther = ({ table, column }: Column) =>
      columnRulesOf(table)[column] !== undefined && `${table}.${column}` !== 'tenants.name'
    return rows.filter((column) => !isOther(column))
  })
}

/** Texts that look like something: to a parser of dates or numbers, to JSON, to COPY, to this very file. */
const LOOKALIKES = [
  ...[
    '2024-02-30',
    '2026-11-24T12:00:00.000Z',
    '1e999',
    '007',
    '1.10',
    '-0',
    'NaN',
    'Infinity',
    'true',
    'null',
    'NULL',
  ],
  ...[
    '\\N',
    '\\.',
    '\\u0000',
    '\\"',
    '"',
    '""',
    '"\\u0000"',
    '{"a":1}',
    '[]',
    '{}',
    '{NULL}',
    '{"$type":"Json"}',
    '$1',
  ],
  ...[
    '  leading',
    'trailing  ',
    ' ',
    '',
    '\t',
    '\r',
    '\n',
    '\r\n',
    'a\rb',
    '\u2028',
    '\u2029',
    '\u0085',
    '\u007f',
    '\u0001',
  ],
  ...[
    '\ufeffmark',
    'e\u0301',
    '\u1100\u1161',
    '\u212b',
    '\ufb01',
    'ß',
    'İ',
    '\u200b',
    '\u202e',
    '\ufffe',
    '\uffff',
    '😀',
    '👩‍👩‍👧',
  ],
  ...[
    '{"table":"orders","row":{}}',
    '{"rows":{},"total":0}',
    'inst_00000000000000000000000000',
    'cust_01k4gd3x0ve9v9qmh6rp4pmf1b',
  ],
  // The tenant's own id, alone and where a quotation mark stands before it: these were taken for the tenant.
  ...[
    TENANT_A.id,
    `"${TENANT_A.id}"`,
    `x"${TENANT_A.id}`,
    `${TENANT_A.id}"x`,
    `"${TENANT_A.id}`,
    '"true"',
    'true"',
  ],
]

/** No U+0000 and no half of a letter: PostgreSQL has no such text. */
const isText = (text: string) => !text.includes('\0') && text.isWellFormed()
const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...LOOKALIKES) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).filter(isText) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.constantFrom(...LOOKALIKES), { minLength: 2, maxLength: 3 })
      .map((all) => all.join('')),
  },
)

/** Puts a text into a row of each column; the columns whose rules take it. Around the triggers: they are not in question. */
async function write(texts: readonly string[]): Promise<string[]> {
  return await asSuperuser(here.database, async (client) => {
    await client.query('SET LOCAL session_replication_role = replica')
    const written: string[] = []
    for (const [index, { table, column, type }] of columns.entries()) {
      const text = texts[index % texts.length] ?? ''
      const [value, cast] =
        type === 'jsonb'
          ? [JSON.stringify({ [text]: text, list: [text] }), '::jsonb']
          : type === 'text[]'
            ? [[text, ''], '::text[]']
            : [text, '']
      await client.query('SAVEPOINT one')
      try {
        const { rowCount } = await client.query(
          `UPDATE ${table} SET ${column} = $1${cast} WHERE ctid = (SELECT ctid FROM ${table} WHERE tenant_id = $2 LIMIT 1)`,
          [value, TENANT_A.id],
        )
        if (rowCount === 1) written.push(`${table}.${column}`)
      } catch (error) {
        // A rule of that column refuses such a text: there is none to keep.
        if (!/^(23505|23514)$/.test((error as { code: string }).code)) throw error
        await client.query('ROLLBACK TO SAVEPOINT one')
      }
    }
    return written
  })
}

/** Every text of a tenant as bytes, with where it stands. */
async function bytesOf(tenantId: string): Promise<Map<string, string>> {
  return await asSuperuser(here.database, async (client) => {
    const found = new Map<string, string>()
    for (const { table, column } of columns) {
      const { rows } = await client.query<{ bytes: string }>(
        `SELECT encode(convert_to(coalesce(${column}::text, 'is null'), 'UTF8'), 'hex') AS bytes FROM ${table}
         WHERE tenant_id = $1 ${table === 'audit_entries' ? `AND action <> 'tenantRestore'` : ''} ORDER BY 1`,
        [tenantId],
      )
      found.set(`${table}.${column}`, rows.map(({ bytes }) => bytes).join(' '))
    }
    return found
  })
}

/** The file as the server's job makes it, on the runtime role's connection, or as the owner does at a terminal. */
async function exported(by: 'job' | 'terminal'): Promise<Buffer> {
  const source = { slug: TENANT_A.slug, createdAt: NOW, sealer }
  const collect = async (file: ReturnType<typeof tenantFile>) => {
    const parts: Buffer[] = []
    for await (const bytes of file.bytes()) parts.push(bytes)
    return Buffer.concat(parts)
  }
  if (by === 'terminal')
    return await here.owner.inTenant(TENANT_A.id, (query) => collect(tenantFile(query, source)), {
      isLong: true,
    })
  const database = openDatabase({
    url: here.database.runtimeUrl,
    poolMax: 2,
    namedStatements: true,
    logger: silent,
  })
  try {
    return await database.withTenant({ tenantId: TENANT_A.id }, (tx) =>
      collect(tenantFile(queryOf(tx), source)),
    )
  } finally {
    await database.close()
  }
}

const touched = new Set<string>()
let count = 0
it.each(['terminal', 'job'] as const)(
  'every text comes back as it was, by a file of the %s',
  { timeout: 300_000 },
  async (by) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyText, { minLength: columns.length, maxLength: columns.length }),
        async (texts) => {
          for (const name of await write(texts)) touched.add(name)
          const before = await bytesOf(TENANT_A.id)
          const file = await exported(by)
          count += 1
          const open = async () =>
            (async function* () {
              yield file
            })()
          const { id } = await restoreTenant(here.owner, open, { slug: `texts-${count}`, name: null, sealer })
          const after = await bytesOf(id)
          for (const [where, bytes] of before) expect([where, after.get(where)]).toEqual([where, bytes])
        },
      ),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    )
  },
)

it('texts of every column that may hold any were tried', () => {
  // The others hold one of a few words, by a CHECK; or the one row that there is refuses a second value.
  const untouched = columns
    .map(({ table, column }) => `${table}.${column}`)
    .filter((name) => !touched.has(name))
  expect({ seed: SEED, untouched, tried: touched.size > 15 }).toEqual({ seed: SEED, untouched, tried: true })
})
