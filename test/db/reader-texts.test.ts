// Arrays of texts: what PostgreSQL writes is read as what was stored.
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isoOf, rowsOf, valuesOf } from '../../src/db/reader/texts.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase
let client: pg.Client
beforeAll(async () => {
  test = await createTestDatabase()
  client = new pg.Client({ connectionString: test.runtimeUrl })
  await client.connect()
  await client.query("SET TimeZone = 'UTC'")
})
afterAll(async () => {
  await client?.end()
  await test?.drop()
})

const SEED = Number(process.env.TEXTS_SEED ?? Date.now() % 1_000_000_000)
const awkward = fc.constantFrom(
  '',
  'NULL',
  'null',
  '"',
  '\\',
  '{',
  '}',
  ',',
  '{}',
  ' a ',
  '\\"',
  '{"a","b"}',
  '😀',
  '\n',
  'ü\u2028',
)
// PostgreSQL stores no NUL and no half of a surrogate pair.
const text = fc.oneof(
  awkward,
  fc.string({ unit: 'binary', maxLength: 20 }).map((value) => value.replaceAll('\0', '')),
)
const value = fc.option(text)

describe(`arrays (TEXTS_SEED=${SEED})`, () => {
  it('of any values, one to three deep', async () => {
    const row = fc.array(value, { minLength: 2, maxLength: 2 })
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 4 }), async (rows) => {
        const { rows: answers } = await client.query<{ flat: string; rows: string; nested: string }>(
          `WITH given AS (SELECT v->>0 AS a, v->>1 AS b FROM jsonb_array_elements($1::jsonb) v)
           SELECT ARRAY(SELECT a FROM given)::text AS flat, ARRAY(SELECT ARRAY[a, b] FROM given)::text AS rows,
             ARRAY(SELECT ARRAY[b, ARRAY(SELECT ARRAY[a, ARRAY(SELECT ARRAY[b] FROM given)::text] FROM given)::text] FROM given)::text AS nested`,
          [JSON.stringify(rows)],
        )
        const [answer] = answers
        if (answer === undefined) throw new Error('a row is always answered')
        expect(valuesOf(answer.flat)).toEqual(rows.map(([a]) => a))
        expect(rowsOf(answer.rows)).toEqual(rows)
        const nested = rowsOf(answer.nested).map(([b, lists]) => [
          b,
          rowsOf(lists ?? '').map(([a, list]) => [a, rowsOf(list ?? '')]),
        ])
        const inner = rows.map(([, b]) => [b])
        expect(nested).toEqual(rows.map(([, b]) => [b, rows.map(([a]) => [a, inner])]))
      }),
      { seed: SEED, numRuns: 100 },
    )
  })

  it.each(['', 'x', '{', '{"', '{"a', '{a', '{{a}', '{"a"x}'])('and %s is refused', (text) => {
    expect(() => [rowsOf(text), valuesOf(text)]).toThrow('PostgreSQL answered')
  })
})

describe('instants', () => {
  it('in the form of JavaScript, to the millisecond', async () => {
    const instants = [
      '2026-01-31 12:00:00+00',
      '2026-01-31 12:00:00.1+02',
      '0001-01-01 00:00:00.123+00',
      '9999-12-31 23:59:59.999+00',
      '1969-12-31 23:59:59.000001+00',
    ]
    const { rows } = await client.query<{ text: string; millis: string }>(
      'SELECT t::text AS text, (extract(epoch FROM date_trunc($2, t)) * 1000)::bigint::text AS millis FROM unnest($1::timestamptz[]) t',
      [instants, 'milliseconds'],
    )
    for (const { text, millis } of rows) expect(isoOf(text)).toBe(new Date(Number(millis)).toISOString())
    expect(rows).toHaveLength(instants.length)
  })

  it('a date begins at midnight', () => expect(isoOf('2026-01-31')).toBe('2026-01-31T00:00:00.000Z'))
  it('what JavaScript has no date for is refused', () => expect(() => isoOf('infinity')).toThrow(RangeError))
})
