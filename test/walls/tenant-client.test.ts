import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase, type TenantClient } from '../../src/db/database.ts'
import { sqlstateOf } from '../../src/db/faults.ts'
import { EVERYTHING, enterScope } from '../../src/db/scope.ts'
import { Prisma } from '../../src/generated/prisma/client.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fixtureTableNames } from '../support/fixture.ts'
import { fixtureId, SEEDED, TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { startWireProxy, type WireProxy } from '../support/wire-proxy.ts'
import { openUnprotected, type Unprotected } from './many-tenants.ts'

let test: TestDatabase
let proxy: WireProxy
let database: Database
let unprotected: Unprotected
let ofB: unknown
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  proxy = await startWireProxy(test.runtimeUrl)
  const options = { poolMax: 2, namedStatements: false, logger: createLogger('silent') }
  database = openDatabase({ url: proxy.url, ...options })
  unprotected = openUnprotected(proxy.url)
  ofB = await rowsOfB()
})
afterAll(async () => {
  await database?.close()
  await unprotected?.close()
  await proxy?.close()
  await test?.drop()
})

const A = { tenantId: TENANT_A.id }
const B = { tenantId: TENANT_B.id }
const asA = { ...A, writes: EVERYTHING }
const asB = { ...B, writes: EVERYTHING }
const NOBODY = '00000000-0000-7000-8000-00000000dead'
const idOf = (tenant: typeof TENANT_A, table: string, n = 1) => fixtureId(tenant, table, n)
const exportOfB = idOf(TENANT_B, 'exports')
const chunkOfB = idOf(TENANT_B, 'export_chunks')
const uniqueB = { tenantId_id: { tenantId: TENANT_B.id, id: exportOfB } }
const newExport = { requestedBy: 'New', status: 'FAILED' } as const
const newChunk = () => ({ id: newId(), position: 7, content: Buffer.from('new') })

/** All rows of tenant B, read as a superuser. */
async function rowsOfB(): Promise<unknown> {
  return await asSuperuser(test, async (client) => {
    const tables: Record<string, unknown> = {}
    for (const table of fixtureTableNames()) {
      const { rows } = await client.query(
        `SELECT t FROM "${table}" t WHERE tenant_id = $1 ORDER BY t::text`,
        [B.tenantId],
      )
      tables[table] = rows
    }
    return tables
  })
}

/** `P2025`, a SQLSTATE, or the answer. */
async function answerOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    const { code } = error as { code?: unknown }
    return sqlstateOf(error) ?? code ?? (error as Error).message
  }
}

/** Runs `work` as tenant A and rolls it back. */
async function undone(work: (handle: TenantClient) => Promise<unknown>): Promise<unknown> {
  let answer: unknown
  const undo = new Error('undone')
  await database
    .withTenant(asA, async (tx) => {
      answer = await answerOf(() => work(tx))
      throw undo
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error
    })
  return answer
}

describe('the filter that names the tenant', () => {
  const where = { requestedBy: { not: '' } }
  const unique = { tenantId_id: { tenantId: TENANT_A.id, id: idOf(TENANT_A, 'exports', 2) } }
  const data = { requestedBy: 'changed' }
  const operations: [string, (handle: TenantClient) => Promise<unknown>][] = [
    ['findUnique', (handle) => handle.export.findUnique({ where: unique })],
    ['findUniqueOrThrow', (handle) => handle.export.findUniqueOrThrow({ where: unique })],
    ['findFirst', (handle) => handle.export.findFirst()],
    ['findFirst with a filter', (handle) => handle.export.findFirst({ where })],
    ['findFirstOrThrow', (handle) => handle.export.findFirstOrThrow({ where })],
    ['findMany', (handle) => handle.export.findMany()],
    ['findMany with a filter', (handle) => handle.export.findMany({ where: { OR: [where], AND: where } })],
    ['findMany with relations', (handle) => handle.export.findMany({ include: { chunks: true } })],
    ['count', (handle) => handle.export.count()],
    ['aggregate', (handle) => handle.export.aggregate({ where, _max: { requestedBy: true } })],
    ['groupBy', (handle) => handle.export.groupBy({ by: ['requestedBy'], where, _count: true })],
    ['update', (handle) => handle.export.update({ where: unique, data })],
    ['updateMany', (handle) => handle.export.updateMany({ where, data })],
    ['updateMany of all', (handle) => handle.export.updateMany({ data })],
    ['updateManyAndReturn', (handle) => handle.export.updateManyAndReturn({ where, data })],
    ['upsert', (handle) => handle.export.upsert({ where: unique, update: data, create: newExport })],
    [
      'delete',
      (handle) =>
        handle.outboxEvent.delete({ where: { tenantId_id: { ...A, id: idOf(TENANT_A, 'outbox_events') } } }),
    ],
    ['deleteMany', (handle) => handle.outboxEvent.deleteMany({ where: { type: { not: '' } } })],
  ]
  it.each(operations)('stands in the SQL of %s, whose first table it holds', async (_, operation) => {
    const { result, messages } = await proxy.during(() => undone(operation))
    const statements = messages
      .filter(({ type, text }) => type === 'P' && /"(exports|outbox_events)"/.test(text))
      .map(({ text }) => text)
    expect(statements.length, String(result)).toBeGreaterThan(0)
    for (const sql of statements) expect(sql).toMatch(/WHERE .*"tenant_id" = \$\d/s)
  })
})

describe('case 11: a foreign tenant named by a caller', () => {
  it.each([
    ['where', { tenantId: B.tenantId }],
    ['where, with its id', { tenantId: B.tenantId, id: exportOfB }],
    ['where, by its id alone', { id: exportOfB }],
    ['OR', { OR: [{ tenantId: B.tenantId }, { id: exportOfB }] }],
    ['AND', { AND: [{ tenantId: B.tenantId }] }],
    ['AND, not as a list', { AND: { tenantId: B.tenantId } }],
    ['NOT', { NOT: { tenantId: A.tenantId } }],
    ['a relation', { chunks: { some: { tenantId: B.tenantId } } }],
  ])('in %s finds and changes nothing', async (_, where: Prisma.ExportWhereInput) => {
    for (const inTransaction of [false, true]) {
      const run = (work: (handle: TenantClient) => Promise<unknown>) =>
        inTransaction ? undone(work) : work(database.forTenant(asA))
      expect(await run((handle) => handle.export.findMany({ where }))).toEqual([])
      expect(await run((handle) => handle.export.findFirst({ where }))).toBeNull()
      expect(await run((handle) => handle.export.count({ where }))).toBe(0)
      expect(await run((handle) => handle.export.updateMany({ where, data: { requestedBy: 'x' } }))).toEqual({
        count: 0,
      })
      expect(await run((handle) => handle.export.deleteMany({ where }))).toEqual({ count: 0 })
    }
    expect(await rowsOfB()).toEqual(ofB)
  })

  it('in a unique key is answered as an id that does not exist', async () => {
    const absent = { tenantId_id: { tenantId: TENANT_A.id, id: NOBODY } }
    const data = { requestedBy: 'stolen' }
    const operations: ((where: typeof uniqueB) => (handle: TenantClient) => Promise<unknown>)[] = [
      (where) => (handle) => handle.export.findUnique({ where }),
      (where) => (handle) => handle.export.findUniqueOrThrow({ where }),
      (where) => (handle) => handle.export.findFirst({ where: where.tenantId_id, cursor: where }),
      (where) => (handle) => handle.export.findMany({ cursor: where, take: 5 }),
      (where) => (handle) => handle.export.update({ where, data }),
      (where) => (handle) => handle.export.delete({ where }),
    ]
    for (const operation of operations) {
      const foreign = await undone(operation(uniqueB))
      expect(foreign).toEqual(await undone(operation(absent)))
      expect([null, 'P2025', []]).toContainEqual(foreign)
      expect(JSON.stringify(foreign)).not.toContain(B.tenantId)
    }
    expect(await rowsOfB()).toEqual(ofB)
  })

  it('in data is refused', async () => {
    const foreign = { ...newExport, ...B }
    const key = { tenantId_id: { ...A, id: idOf(TENANT_A, 'exports') } }
    const refused = [
      await undone((handle) => handle.export.create({ data: foreign })),
      await undone((handle) => handle.export.createMany({ data: [newExport, foreign] })),
      await undone((handle) => handle.export.createManyAndReturn({ data: [foreign] })),
      await undone((handle) => handle.export.upsert({ where: uniqueB, create: foreign, update: foreign })),
      await undone((handle) => handle.export.update({ where: key, data: B })),
      await undone((handle) => handle.export.updateMany({ data: B })),
      await undone((handle) =>
        handle.exportChunk.create({
          data: { ...B, exportId: exportOfB, ...newChunk() },
        }),
      ),
    ]
    expect(refused).toEqual(refused.map(() => '42501'))
    expect(await rowsOfB()).toEqual(ofB)
  })

  it('an upsert with a foreign key creates a row of its own tenant, or none', async () => {
    const upserted = await undone((handle) =>
      handle.export.upsert({ where: uniqueB, create: newExport, update: { requestedBy: 'stolen' } }),
    )
    expect(upserted).toMatchObject({ ...A, requestedBy: 'New' })
    expect(await rowsOfB()).toEqual(ofB)
  })
})

describe('case 12: a foreign id in a nested write or a bare column is the same as an absent one', () => {
  const ofOwn = { tenantId_id: { ...A, id: idOf(TENANT_A, 'exports') } }
  const ids = (id: string, tenantId: string) => ({ tenantId_id: { tenantId, id } })
  type Nested = (id: string, tenantId: string) => (handle: TenantClient) => Promise<unknown>
  const writes: [string, string, Nested][] = [
    [
      'connect to a parent',
      exportOfB,
      (id, tenantId) => (handle) =>
        handle.exportChunk.create({ data: { ...newChunk(), export: { connect: ids(id, tenantId) } } }),
    ],
    [
      'connect to a child',
      chunkOfB,
      (id, tenantId) => (handle) =>
        handle.export.create({ data: { ...newExport, chunks: { connect: ids(id, tenantId) } } }),
    ],
    [
      'set of children',
      chunkOfB,
      (id, tenantId) => (handle) =>
        handle.export.update({ where: ofOwn, data: { chunks: { set: [ids(id, tenantId)] } } }),
    ],
    [
      'update of a child',
      chunkOfB,
      (id, tenantId) => (handle) =>
        handle.export.update({
          where: ofOwn,
          data: { chunks: { update: { where: ids(id, tenantId), data: { position: 99 } } } },
        }),
    ],
    [
      'updateMany of children',
      chunkOfB,
      (id, tenantId) => (handle) =>
        handle.export.update({
          where: ofOwn,
          data: {
            requestedBy: 'x',
            chunks: { updateMany: { where: { id, tenantId }, data: { position: 99 } } },
          },
        }),
    ],
    [
      'delete of a child',
      chunkOfB,
      (id, tenantId) => (handle) =>
        handle.export.update({ where: ofOwn, data: { chunks: { delete: ids(id, tenantId) } } }),
    ],
    [
      'deleteMany of children',
      chunkOfB,
      (id, tenantId) => (handle) =>
        handle.export.update({
          where: ofOwn,
          data: { requestedBy: 'x', chunks: { deleteMany: { id, tenantId } } },
        }),
    ],
    [
      'a bare column',
      exportOfB,
      (id) => (handle) => handle.exportChunk.create({ data: { ...newChunk(), exportId: id } }),
    ],
    [
      'a bare column, changed',
      exportOfB,
      (id) => (handle) => handle.exportChunk.updateMany({ data: { exportId: id } }),
    ],
    [
      'createMany of children',
      exportOfB,
      (id) => (handle) => handle.exportChunk.createMany({ data: [{ ...newChunk(), exportId: id }] }),
    ],
  ]
  it.each(writes)('%s', async (_, foreignId, write) => {
    const absent = await undone(write(NOBODY, A.tenantId))
    // An answer that is no refusal must not have affected B's rows, which are checked below.
    for (const tenantId of [A.tenantId, B.tenantId]) {
      const foreign = await undone(write(foreignId, tenantId))
      const told = (answer: unknown) => (typeof answer === 'string' ? answer : 'done')
      // RLS itself may also refuse a row that names B: that reveals nothing of B.
      expect(tenantId === B.tenantId ? [told(absent), '42501'] : [told(absent)]).toContain(told(foreign))
      expect(await undone(write(NOBODY, tenantId)), 'B’s absent id as B’s own').toEqual(
        typeof foreign === 'string' ? foreign : expect.anything(),
      )
    }
    expect(await rowsOfB()).toEqual(ofB)
  })

  it('connectOrCreate makes a row of its own tenant', async () => {
    const made = await undone((handle) =>
      handle.exportChunk.create({
        data: { ...newChunk(), export: { connectOrCreate: { where: uniqueB, create: newExport } } },
        include: { export: true },
      }),
    )
    expect(made).toMatchObject({ ...A, export: { ...A, requestedBy: 'New' } })
    expect(await rowsOfB()).toEqual(ofB)
  })
})

describe('the handle', () => {
  it('creates rows of its own tenant, and those that hang on them', async () => {
    const made = await undone((handle) =>
      handle.export.create({
        data: { ...newExport, chunks: { create: newChunk() } },
        include: { chunks: true },
      }),
    )
    expect(made).toMatchObject({ ...A, chunks: [A] })
  })

  it('answers along a relation of what it found, alone and at once with another tenant’s', async () => {
    const ownerOf = (scope: typeof asA, tenant: typeof TENANT_A) =>
      database
        .forTenant(scope)
        .exportChunk.findUnique({
          where: { tenantId_id: { tenantId: scope.tenantId, id: idOf(tenant, 'export_chunks') } },
        })
        .export()
    const [ofA, other] = await Promise.all([ownerOf(asA, TENANT_A), ownerOf(asB, TENANT_B)])
    expect(ofA).toMatchObject(A)
    expect(other).toMatchObject(B)
  })

  it('case 22: has no SQL but templates, whose raw parts are judged before they are sent', async () => {
    type Unsafe = Record<string, (...args: unknown[]) => Promise<unknown>>
    const before = proxy.bytes
    const handle = database.forTenant(asA)
    const unsafe = handle as unknown as Unsafe
    for (const operation of ['$queryRawUnsafe', '$executeRawUnsafe', '$queryRawTyped'] as const) {
      await expect(async () => await unsafe[operation]?.('SELECT 1')).rejects.toThrow()
    }
    const fragment = Prisma.raw(`set_config('app.tenant_id', '${B.tenantId}', true)`)
    await expect(handle.$queryRaw`SELECT ${fragment}`).rejects.toMatchObject({ code: 'INTERNAL' })
    await expect(handle.$executeRaw(Prisma.sql`SELECT ${fragment}`)).rejects.toMatchObject({
      code: 'INTERNAL',
    })
    await expect(handle.$executeRaw`SET app.tenant_id = 'x'`).rejects.toMatchObject({ code: 'INTERNAL' })
    expect(proxy.bytes).toBe(before)
    const told = await undone(async (handle) => {
      const value = `set_config('app.tenant_id', '${B.tenantId}', true)`
      return await handle.$queryRaw`SELECT ${value}::text AS harmless, count(*)::int AS count FROM exports`
    })
    expect(told).toMatchObject([{ count: SEEDED }])
  })

  it('looks rows up, and changes them, by the values of their ids: an object in the place of one is refused', async () => {
    await database
      .withTenant(asA, async (tx) => {
        const anything = { gte: '00000000-0000-0000-0000-000000000000' } as unknown as string
        for (const where of [
          { id: anything },
          { AND: [{ id: anything }] },
          { NOT: { exportId: anything } },
        ]) {
          const refused = {
            code: 'INTERNAL',
            message: expect.stringContaining('by something other than its value'),
          }
          await expect(tx.exportChunk.findFirst({ where })).rejects.toMatchObject(refused)
          await expect(tx.exportChunk.updateMany({ where, data: { position: 99 } })).rejects.toMatchObject(
            refused,
          )
          await expect(tx.exportChunk.deleteMany({ where })).rejects.toMatchObject(refused)
        }
        const mine = idOf(TENANT_A, 'export_chunks')
        expect(await tx.exportChunk.findFirst({ where: { id: mine } })).not.toBeNull()
        const listed = await tx.exportChunk.updateMany({
          where: { id: { in: [mine] } },
          data: { position: 99 },
        })
        expect(listed.count).toBe(1)
        throw new Error('roll back')
      })
      .catch((error: Error) => expect(error.message).toBe('roll back'))
  })

  it('case 9: what it is made of is refused: without a tenant, and beside a tenant’s transaction', async () => {
    const { client } = unprotected
    await enterScope(asA, async () => await client.export.count())
    const before = proxy.bytes
    await expect(client.export.findMany()).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    await expect(client.$queryRaw`SELECT 1`).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    await expect(client.$transaction([client.export.findMany()])).rejects.toMatchObject({
      code: 'TENANT_REQUIRED',
    })
    await expect(client.$transaction((tx) => tx.export.findMany())).rejects.toMatchObject({
      code: 'TENANT_REQUIRED',
    })
    const beside = database.withTenant(asA, async () => await client.export.findMany())
    await expect(beside).rejects.toThrow('was sent outside its transaction')
    expect(proxy.bytes).toBe(before)
  })

  it('a transaction does not nest, in either tenant', async () => {
    for (const scope of [asA, asB]) {
      const nested = database.withTenant(asA, () => database.withTenant(scope, (tx) => tx.export.count()))
      await expect(nested).rejects.toThrow('inside a transaction')
    }
    expect(await database.withTenant(asB, (tx) => tx.export.count())).toBe(SEEDED)
  })

  it('case 5: leaves no tenant in a session after any use', async () => {
    const left = () =>
      unprotected.pool.queryBeforeTenant(`SELECT current_setting('app.tenant_id', true) AS tenant`, [])
    const { client } = unprotected
    const works: (() => Promise<unknown>)[] = [
      () => client.export.findMany(),
      () => client.export.create({ data: { ...newExport, ...B } }),
      () => client.$queryRaw`SELECT 1 / 0`,
      () => client.$transaction((tx) => tx.export.count()),
      () => client.$transaction([client.export.count(), client.$queryRaw`SELECT 1 / 0`]),
      () =>
        unprotected.pool.queryBeforeTenant('SELECT * FROM app.resolve_member($1, $2)', [
          TENANT_B.slug,
          TENANT_B.ownerEmail,
        ]),
    ]
    for (const work of works) {
      await enterScope(asA, async () => await answerOf(work))
      for (const rows of await Promise.all([left(), left()])) expect([null, '']).toContain(rows[0]?.tenant)
    }
  })
})
