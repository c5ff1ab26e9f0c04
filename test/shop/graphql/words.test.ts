// The words of text search: folded as a query is, kept by triggers, found by an index behind row-level security.
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../../src/core/ids.ts'
import { DATAMODEL } from '../../../src/db/datamodel.ts'
import { compileRead } from '../../../src/db/reader/read-sql.ts'
import { fold } from '../../../src/graphql/fold.ts'
import { searchWords } from '../../../src/graphql/word-search.ts'
import { asOwner, asRuntime, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TENANT_A, TENANT_B } from '../../support/two-tenants.ts'

const PRODUCTS = 20_000
const RUNS = 300

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  await asOwner(database, TENANT_A.id, (owner) =>
    owner.query(
      `INSERT INTO products (id, handle, title, vendor)
       SELECT gen_random_uuid(), 'bulk-' || n, 'Item ' || n || ' ' || md5(n::text), 'Vendor ' || n % 50
       FROM generate_series(1, ${PRODUCTS}) n`,
    ),
  )
  await asOwner(database, TENANT_A.id, (owner) => owner.query('ANALYZE products, search_words'))
})
afterAll(() => database?.drop())

it('a query is folded as stored texts are', async () => {
  // PostgreSQL and Node have Unicode of different years: only letters that both have had for long.
  const unit = fc.oneof(
    ...[
      [0x20, 0x6ff],
      [0x1e00, 0x20ff],
      [0x3041, 0x30ff],
      [0xfb00, 0xfb06],
      [0xff01, 0xff9f],
    ].map(([min, max]) =>
      fc.integer({ min: min as number, max: max as number }).map((code) => String.fromCodePoint(code)),
    ),
  )
  const seed = Date.now()
  const texts = fc.sample(fc.string({ unit, maxLength: 20 }), { numRuns: RUNS, seed })
  const storable = [...texts, 'Straße ẞ ǅ ﬁ ＡＢ １ ΟΔΟΣ İı Łódź Ærø Þór'].filter(
    (text) => text.isWellFormed() && !text.includes('\0'),
  )
  await asRuntime(database, TENANT_A.id, async (client) => {
    const { rows } = await client.query<{ text: string; folded: string }>(
      'SELECT text, app.fold(text) AS folded FROM unnest($1::text[]) AS text',
      [storable],
    )
    for (const { text, folded } of rows)
      expect(fold(text), `seed ${seed}: ${JSON.stringify(text)}`).toBe(folded)
  })
})

describe('the triggers', () => {
  const PRODUCT = newId()
  const OTHER = newId()
  const VARIANT = newId()
  const wordsOf = async (client: pg.Client, row: string) => {
    const { rows } = await client.query<{ word: string }>(
      `SELECT word FROM search_words WHERE subject = 'products' AND row_id = $1 ORDER BY word`,
      [row],
    )
    return rows.map(({ word }) => word)
  }

  it('follow every write of a row and of the rows that it is found by', async () => {
    await asRuntime(database, TENANT_A.id, async (client) => {
      for (const id of [PRODUCT, OTHER])
        await client.query('INSERT INTO products (id, handle, title) VALUES ($1, $2, $3)', [
          id,
          id,
          'Red Kettle',
        ])
      expect(await wordsOf(client, PRODUCT)).toEqual(['kettle', 'red'])
      await client.query(
        `INSERT INTO variants (id, product_id, sku, title, price_minor, currency) VALUES ($1, $2, 'RED-1', 'One', 1, 'USD')`,
        [VARIANT, PRODUCT],
      )
      expect(await wordsOf(client, PRODUCT)).toEqual(['1', 'kettle', 'red', 'red-1'])
      await client.query(`UPDATE products SET title = 'Blue Kettle' WHERE id = $1`, [PRODUCT])
      expect(await wordsOf(client, PRODUCT)).toEqual(['1', 'blue', 'kettle', 'red-1'])
      await client.query('UPDATE variants SET product_id = $2 WHERE id = $1', [VARIANT, OTHER])
      expect(await wordsOf(client, PRODUCT)).toEqual(['blue', 'kettle'])
      expect(await wordsOf(client, OTHER)).toEqual(['1', 'kettle', 'red', 'red-1'])
      await client.query('DELETE FROM variants WHERE id = $1', [VARIANT])
      await client.query('DELETE FROM products WHERE id = ANY ($1)', [[PRODUCT, OTHER]])
      expect([...(await wordsOf(client, PRODUCT)), ...(await wordsOf(client, OTHER))]).toEqual([])
    })
  })

  it('cross-tenant: another tenant sees no word, and its rows of one id have words of their own', async () => {
    const titled = (tenant: string, title: string) =>
      asRuntime(database, tenant, (client) =>
        client.query('INSERT INTO products (id, handle, title) VALUES ($1, $2, $3)', [
          PRODUCT,
          PRODUCT,
          title,
        ]),
      )
    await titled(TENANT_A.id, 'Anchor')
    await titled(TENANT_B.id, 'Bollard')
    await asRuntime(database, TENANT_B.id, (client) =>
      client.query('DELETE FROM products WHERE id = $1', [PRODUCT]),
    )
    expect(await asRuntime(database, TENANT_B.id, (client) => wordsOf(client, PRODUCT))).toEqual([])
    expect(await asRuntime(database, TENANT_A.id, (client) => wordsOf(client, PRODUCT))).toEqual(['anchor'])
  })

  it('the words are made again, for the rows of every tenant, when the columns change', async () => {
    await asOwner(database, TENANT_A.id, async (owner) => {
      const count = async () =>
        (
          await owner.query<{ n: string }>(
            `SELECT count(*) AS n FROM search_words WHERE subject = 'products'`,
          )
        ).rows
      const before = await count()
      await owner.query(`SELECT app.make_searchable('products', '{title,vendor,category}')`)
      expect(await count()).toEqual(before)
    })
  })
})

describe('a search behind the wall reads no table as a whole', () => {
  it.each([
    ['a rare word', '12345', 'title'],
    ['a word of every row', 'item', 'title'],
    ['one letter', 'a', 'createdAt'],
    ['a rare and a frequent word', 'item 777', 'title'],
    ['no such word', 'nothinglikeit', 'createdAt'],
  ])('%s', async (_name, query, column) => {
    const orderBy = [{ [column]: 'asc' }, { id: 'asc' }]
    const asked = { where: searchWords(query), select: { id: true }, orderBy, take: 21 }
    const { text, values } = compileRead(DATAMODEL, 'Product', asked, TENANT_A.id)
    const plan = await asRuntime(database, TENANT_A.id, async (client) => {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values])
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    })
    expect(plan).not.toContain('Seq Scan')
    expect(plan).toContain('search_words')
  })
})
