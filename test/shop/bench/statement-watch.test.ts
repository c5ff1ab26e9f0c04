// What the benchmark believes of a connection's prepared statements is what PostgreSQL has.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { messageReader, watchStatements } from '../../../bench/statement-watch.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

test('named statements are counted for each connection, others are not', async () => {
  const watch = await watchStatements(database.runtimeUrl)
  const [one, other] = [0, 0].map(() => new pg.Client({ connectionString: watch.url }))
  try {
    for (const client of [one, other]) await client?.connect()
    for (const name of ['first', 'second', 'second']) await one?.query({ name, text: 'SELECT 1' })
    await one?.query('SELECT $1::int', [1])
    expect(watch.counts()).toEqual([2, 0])
    const { rows } = (await one?.query('SELECT count(*)::int AS n FROM pg_prepared_statements')) ?? {}
    expect(rows?.[0]).toEqual({ n: 2 })
  } finally {
    for (const client of [one, other]) await client?.end()
    watch.stop()
  }
})

test('a statement that is closed counts no more, in whatever pieces its message arrives', () => {
  const message = (type: string, body: string) => {
    const bytes = Buffer.from(`${type}0000${body}`)
    bytes.writeInt32BE(bytes.length - 1, 1)
    return bytes
  }
  const start = Buffer.from('0000start')
  start.writeInt32BE(start.length)
  const sent = Buffer.concat([
    start,
    message('P', 'a\0SELECT 1\0\0\0'),
    message('P', 'b\0SELECT 1\0\0\0'),
    // A portal of that name.
    message('C', 'Pb\0'),
    message('C', 'Sa\0'),
  ])
  for (const size of [1, 7, sent.length]) {
    const prepared = new Set<string>()
    const read = messageReader(prepared)
    for (let at = 0; at < sent.length; at += size) read(sent.subarray(at, at + size))
    expect([...prepared]).toEqual(['b'])
  }
})
