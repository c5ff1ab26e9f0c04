// The lean message: one text, read under the scope.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { openDatabase } from '../../src/db/database.ts'
import { CommitUnknown, faultOf, violatedConstraint } from '../../src/db/faults.ts'
import { EVERYTHING, enterScope } from '../../src/db/scope.ts'
import { ScopedPool } from '../../src/db/scoped-pool.ts'
import { asAdmin } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { SEEDED, TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { startWireProxy, type WireMessage, type WireProxy } from '../support/wire-proxy.ts'

let database: TestDatabase
let proxy: WireProxy
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
})
afterAll(() => database?.drop())

const A = { tenantId: TENANT_A.id, writes: EVERYTHING }
const B = { tenantId: TENANT_B.id, writes: EVERYTHING }

describe.each([true, false])('with named statements: %s', (named) => {
  let pool: ScopedPool
  const open = (connectionsMax = 1, silenceTimeoutMs = 30_000): ScopedPool =>
    new ScopedPool({
      url: proxy.url,
      connectionsMax,
      acquireTimeoutMs: 10_000,
      silenceTimeoutMs,
      namedStatements: named,
      logger: createLogger('silent'),
    })
  beforeEach(async () => {
    proxy = await startWireProxy(database.runtimeUrl)
    pool = open()
  })
  afterEach(async () => {
    await pool.end()
    await proxy.close()
  })

  const read = (scope: { tenantId: string }, text: string, values: readonly unknown[] = [], name = 'same') =>
    pool.readText(scope, named ? { text, values, name } : { text, values })
  const backend = () => read(A, 'SELECT pg_backend_pid()', [], 'pid')
  const setting = async () => {
    const [row] = await pool.queryBeforeTenant<{ tenant: string | null }>(
      `SELECT current_setting('app.tenant_id', true) AS tenant`,
      [],
    )
    return row?.tenant ?? ''
  }

  it('scope and statement are one message, and one round trip', async () => {
    await read(A, 'SELECT count(*) FROM exports')
    const { messages, result } = await proxy.during(() => read(A, 'SELECT count(*) FROM exports'))
    expect(result).toBe(String(SEEDED))
    expect(typesOf(messages)).toBe(named ? 'BEBES' : 'PBEPBES')
    expect(await setting()).toBe('')
  })

  it('the answer is the first column of the first row: null without a row, for NULL, and for no statement', async () => {
    expect(await read(A, `SELECT v, 'x' FROM unnest(ARRAY['1', '2']) v`)).toBe('1')
    expect(await read(A, `SELECT v FROM unnest(ARRAY[NULL, '2']) v`, [], 'null first')).toBeNull()
    expect(await read(A, 'SELECT 1 WHERE false', [], 'none')).toBeNull()
    expect(await read(A, 'SELECT NULL', [], 'null')).toBeNull()
    expect(await read(A, 'SELECT', [], 'no column')).toBeNull()
    expect(await read(A, '', [], 'empty')).toBeNull()
    expect(await read(A, `SELECT ''`, [], 'empty text')).toBe('')
    expect(await read(A, `SELECT 'next'`, [], 'next')).toBe('next')
  })

  it.each<[type: string, value: unknown, text: string | null]>([
    ['text', 'plain', 'plain'],
    ['text', '', ''],
    ['text', `ä€𝄞 "q" \\ 'a' {1,2} \n`, `ä€𝄞 "q" \\ 'a' {1,2} \n`],
    ['text', null, null],
    ['integer', -7, '-7'],
    ['double precision', 1.5e-7, '1.5e-07'],
    ['bigint', 9_007_199_254_740_993n, '9007199254740993'],
    ['boolean', true, 'true'],
    ['boolean', false, 'false'],
    ['timestamptz', new Date('2026-03-29T01:30:00.123Z'), '2026-03-29 01:30:00.123+00'],
    ['bytea', new Uint8Array([0, 92, 255]), '\\x005cff'],
    ['bytea', new Uint8Array([1, 2, 3]).subarray(1), '\\x0203'],
    ['text[]', [], '{}'],
    ['text[]', ['a', '', 'NULL', null, 'x,y', '{z}', ' s '], '{a,"","NULL",NULL,"x,y","{z}"," s "}'],
    ['text[]', ['"', '\\', '\\"', 'ä\n'], '{"\\"","\\\\","\\\\\\"","ä\n"}'],
    ['integer[]', [1, null, -2], '{1,NULL,-2}'],
    ['bigint[]', [9_007_199_254_740_993n], '{9007199254740993}'],
    ['boolean[]', [true, false], '{t,f}'],
    ['timestamptz[]', [new Date(0)], '{"1970-01-01 00:00:00+00"}'],
    ['bytea[]', [new Uint8Array([1, 255])], '{"\\\\x01ff"}'],
    [
      'integer[]',
      [
        [1, 2],
        [3, 4],
      ],
      '{{1,2},{3,4}}',
    ],
  ])('a value as %s: %o', async (type, value, text) => {
    expect(await read(A, `SELECT $1::${type}::text`, [value], `as ${type}`)).toBe(text)
  })

  it('a value that cannot be sent is an error before the wire, and the next statement is answered', async () => {
    await backend()
    const before = proxy.bytes
    for (const value of [undefined, {}, () => {}, Symbol('s'), [undefined], [{}], new Date(Number.NaN)])
      await expect(read(A, 'SELECT $1::text', [value])).rejects.toThrow()
    await expect(read(A, 'SELECT $1::text', Array(65_536).fill(''))).rejects.toThrow('at most 65535')
    expect(proxy.bytes).toBe(before)
    expect(await read(A, 'SELECT $1::text', ['fine'])).toBe('fine')
  })

  it('a large value and a large answer come whole, in many packets', async () => {
    const large = 'aé€𝄞'.repeat(500_000)
    expect(await read(A, 'SELECT $1::text', [large])).toBe(large)
    expect(await read(A, `SELECT repeat('é', 3000000)`, [], 'large')).toBe('é'.repeat(3_000_000))
    expect(await read(A, 'SELECT 1', [], 'next')).toBe('1')
  })

  it('cross-tenant: one statement of one name and connection shows each tenant its own rows', async () => {
    const pid = await backend()
    for (const scope of [A, B, A, B])
      expect(await read(scope, `SELECT string_agg(DISTINCT tenant_id::text, ',') FROM exports`)).toBe(
        scope.tenantId,
      )
    expect(await backend()).toBe(pid)
  })

  it('cross-tenant: two tenants at the same time on a few connections, with statements that fail among them', async () => {
    await pool.end()
    pool = open(3)
    const text = `SELECT string_agg(DISTINCT tenant_id::text, ',') || ' ' || $1 FROM exports WHERE 1 / $2::int = 1`
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        read(n % 2 === 0 ? A : B, text, [String(n), n % 7 === 0 ? 0 : 1]).catch((error: unknown) => error),
      ),
    )
    for (const [n, answer] of answers.entries()) {
      if (n % 7 === 0) expect(answer).toMatchObject({ code: '22012' })
      else expect(answer).toBe(`${(n % 2 === 0 ? A : B).tenantId} ${n}`)
    }
  })

  it('an SQL error is reported as pg does, and the connection stays in use', async () => {
    const pid = await backend()
    for (let attempt = 0; attempt < 2; attempt += 1)
      await expect(read(A, 'SELECT nothing FROM nowhere')).rejects.toMatchObject({ code: '42P01' })
    await expect(read(A, 'SELECT 1 / $1::int', [0], 'divide')).rejects.toMatchObject({ code: '22012' })
    expect(await read(A, 'SELECT 1 / $1::int', [1], 'divide')).toBe('1')
    expect(await read(A, 'SELECT 2')).toBe('2')
    const refused = await read(A, 'UPDATE exports SET byte_count = -1', [], 'refused').catch(
      (e: unknown) => e,
    )
    expect(refused).toMatchObject({ code: '23514', table: 'exports', constraint: expect.any(String) })
    expect(violatedConstraint(refused)).toBe((refused as { constraint: string }).constraint)
    expect((refused as Error).message).toContain('(constraint "')
    expect(await backend()).toBe(pid)
    expect(await setting()).toBe('')
  })

  it('an error in the scope is the statement’s, which is not run', async () => {
    await asAdmin(database.adminUrl, async (admin) => {
      await admin.query('REVOKE EXECUTE ON FUNCTION set_config(text, text, boolean) FROM PUBLIC')
      try {
        for (let attempt = 0; attempt < 2; attempt += 1)
          await expect(read(A, 'UPDATE exports SET row_count = 99')).rejects.toMatchObject({ code: '42501' })
      } finally {
        await admin.query('GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC')
      }
    })
    expect(await read(A, 'SELECT count(*) FROM exports WHERE row_count = 99', [], 'count')).toBe('0')
  })

  it('a COPY gets no data and does not hold its connection', async () => {
    const pid = await backend()
    await expect(read(A, 'COPY exports FROM STDIN')).rejects.toMatchObject({ code: '0A000' })
    expect(await read(A, 'COPY (SELECT 1) TO STDOUT', [], 'out')).toBeNull()
    expect(await read(A, 'SELECT 1', [], 'one')).toBe('1')
    expect(await backend()).toBe(pid)
  })

  it('without a tenant, and inside a transaction, nothing reaches the wire', async () => {
    await backend()
    const before = proxy.bytes
    const statement = { text: 'SELECT 1', values: [] }
    for (const tenantId of ['', 'no uuid', TENANT_A.id.toUpperCase()]) {
      await expect(pool.readText({ tenantId }, statement)).rejects.toThrow('needs the uuid of a tenant')
      await expect(pool.runAtOnce({ tenantId }, [statement])).rejects.toThrow('needs the uuid of a tenant')
    }
    for (const scope of [A, B]) {
      await expect(enterScope(A, () => pool.readText(scope, statement), {})).rejects.toThrow('transaction')
      await expect(enterScope(A, () => pool.runAtOnce(scope, [statement]), {})).rejects.toThrow('transaction')
    }
    expect(proxy.bytes).toBe(before)
  })

  it.each(['lost' as const, 'unanswered' as const])(
    'a connection that breaks, %s, is replaced',
    async (how) => {
      const pid = await backend()
      proxy.breakAt = ({ text }) => (text.includes('breaks') ? how : null)
      const error = await read(A, `SELECT 'breaks', pg_sleep(0.1)`).catch((thrown: unknown) => thrown)
      expect(faultOf(error)).toBe('CONNECTION_LOST')
      const unknown = await pool
        .runAtOnce(A, [{ text: `SELECT 'breaks', pg_sleep(0.1)`, values: [] }])
        .catch((thrown: unknown) => thrown)
      expect(unknown).toBeInstanceOf(CommitUnknown)
      proxy.breakAt = () => null
      expect(await read(A, 'SELECT 1', [], 'one')).toBe('1')
      expect(await backend()).not.toBe(pid)
    },
  )

  it('a backend that is killed in the middle of an answer', async () => {
    const pid = await backend()
    const answer = read(A, 'SELECT pg_sleep(30)::text').catch((thrown: unknown) => thrown)
    await asAdmin(database.adminUrl, async (admin) => {
      await expect
        .poll(async () => {
          await admin.query('SELECT pg_terminate_backend($1)', [pid])
          return (await admin.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount
        })
        .toBe(0)
    })
    expect(faultOf(await answer)).toBe('CONNECTION_LOST')
    expect(await read(A, 'SELECT 1', [], 'one')).toBe('1')
  })

  it('a silent server: UNAVAILABLE, and its late answer reaches nobody', async () => {
    await pool.end()
    pool = open(1, 300)
    await backend()
    proxy.breakAt = ({ text }) => (text.includes('silence') ? 'silent' : null)
    const error = await read(A, `SELECT 'silence'`).catch((thrown: unknown) => thrown)
    expect(faultOf(error)).toBe('UNAVAILABLE')
    proxy.breakAt = () => null
    expect(await read(B, 'SELECT 1', [], 'one')).toBe('1')
    expect(await read(B, 'SELECT 2', [], 'two')).toBe('2')
  })

  it('a statement that no longer fits the schema is read again, on every connection', async () => {
    await pool.end()
    pool = open(3)
    const everywhere = () =>
      Promise.all(
        [1, 2, 3].map(() =>
          read(A, 'SELECT count(failure), pg_sleep(0.05) FROM exports WHERE row_count = $1', ['0']),
        ),
      )
    const migrate = (sql: string) => asAdmin(database.ownerUrl, (owner) => owner.query(sql))
    const before = await everywhere()
    await migrate(
      'ALTER TABLE exports ALTER row_count DROP DEFAULT, ALTER row_count TYPE text USING row_count::text',
    )
    expect(await everywhere()).toEqual(before)
    await migrate(
      'ALTER TABLE exports ALTER row_count TYPE integer USING row_count::integer, ALTER row_count SET DEFAULT 0',
    )
    expect(await everywhere()).toEqual(before)
  })

  it('statements that were discarded, or whose names are taken, are sent again without names', async () => {
    await read(A, 'SELECT 1')
    for (const text of ['DEALLOCATE ALL', 'DISCARD ALL']) {
      await pool.queryBeforeTenant(text, [])
      expect(await read(A, 'SELECT 1')).toBe('1')
    }
    await pool.queryBeforeTenant('PREPARE taken AS SELECT 2', [])
    expect(await read(A, 'SELECT 1', [], 'taken')).toBe('1')
    expect(await read(A, 'SELECT 3', [], 'three')).toBe('3')
  })

  it('statements at once: one message, the last one’s text; all are done or none', async () => {
    const name = (own: string) => (named ? { name: own } : {})
    const set = (count: number) => ({
      text: 'UPDATE exports SET row_count = $1::int',
      values: [String(count)],
      ...name('set'),
    })
    const sum = { text: 'SELECT sum(row_count) FROM exports', values: [], ...name('sum') }
    await pool.runAtOnce(A, [set(2), sum])
    const { messages, result } = await proxy.during(() => pool.runAtOnce(A, [set(3), set(4), sum]))
    expect(result).toBe(String(4 * SEEDED))
    expect(typesOf(messages)).toBe(named ? 'BEBEBEBES' : 'PBEPBEPBEPBES')
    expect(await pool.runAtOnce(B, [sum])).not.toBe(result)
    for (const fails of [
      { text: 'SELECT 1 / 0', values: [] },
      { text: 'SELECT nothing', values: [], ...name('nothing') },
    ])
      for (const statements of [
        [set(5), fails],
        [set(5), fails, sum],
        [fails, set(5)],
      ])
        await expect(pool.runAtOnce(A, statements)).rejects.toThrow()
    expect(await pool.runAtOnce(A, [sum])).toBe(result)
    expect(await pool.runAtOnce(A, [set(0), { text: 'SELECT 1 WHERE false', values: [] }])).toBeNull()
  })
})

describe('statements around a transaction', () => {
  const open = () =>
    openDatabase({
      url: database.runtimeUrl,
      poolMax: 1,
      namedStatements: true,
      logger: createLogger('silent'),
    })

  it('several are sent before COMMIT, and each tells its text', async () => {
    const walls = open()
    const received: unknown[] = []
    const tell = (text: string) => ({
      text,
      values: [],
      receive: (answer: string | null) => void received.push(answer),
    })
    await walls.withTenant(A, (tx) => tx.export.updateMany({ data: { requestedBy: 'around' } }), {
      opening: tell('SELECT count(*) FROM exports'),
      closing: () => [
        tell(`SELECT string_agg(DISTINCT requested_by, ',') FROM exports`),
        { text: 'SELECT 1', values: [] },
        tell('SELECT 1 WHERE false'),
        tell('SELECT NULL'),
        tell(`SELECT v FROM unnest(ARRAY[NULL, '2']) v`),
        tell(`UPDATE exports SET requested_by = 'after' RETURNING requested_by`),
      ],
    })
    expect(received).toEqual([String(SEEDED), 'around', null, null, null, 'after'])
    expect(await walls.forTenant(A).export.count({ where: { requestedBy: 'after' } })).toBe(SEEDED)
    await walls.close()
  })

  it('one that fails undoes all, and those behind it tell nothing', async () => {
    const walls = open()
    const received: unknown[] = []
    const receive = (answer: string | null) => void received.push(answer)
    const work = walls.withTenant(A, (tx) => tx.export.updateMany({ data: { requestedBy: 'undone' } }), {
      closing: () => [
        { text: `SELECT 'first'`, values: [], receive },
        { text: 'SELECT 1 / 0', values: [], receive },
        { text: `SELECT 'third'`, values: [], receive },
      ],
    })
    await expect(work).rejects.toThrow()
    expect(received).toEqual(['first'])
    expect(await walls.forTenant(A).export.count({ where: { requestedBy: 'undone' } })).toBe(0)
    expect(
      await walls.readText(A, {
        text: 'SELECT count(*) FROM exports WHERE requested_by = $1',
        values: ['after'],
      }),
    ).toBe(String(SEEDED))
    await walls.close()
  })
})

function typesOf(messages: readonly WireMessage[]): string {
  return messages.map(({ type }) => type).join('')
}
