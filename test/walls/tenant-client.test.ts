import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
const productOfB = idOf(TENANT_B, 'products')
const variantOfB = idOf(TENANT_B, 'variants')
const uniqueB = { tenantId_id: { tenantId: TENANT_B.id, id: productOfB } }
const product = { handle: 'new', title: 'New' }

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
  const where = { title: { not: '' } }
  const unique = { tenantId_id: { tenantId: TENANT_A.id, id: idOf(TENANT_A, 'products', 2) } }
  const data = { title: 'changed' }
  const operations: [string, (handle: TenantClient) => Promise<unknown>][] = [
    ['findUnique', (handle) => handle.product.findUnique({ where: unique })],
    ['findUniqueOrThrow', (handle) => handle.product.findUniqueOrThrow({ where: unique })],
    ['findFirst', (handle) => handle.product.findFirst()],
    ['findFirst with a filter', (handle) => handle.product.findFirst({ where })],
    ['findFirstOrThrow', (handle) => handle.product.findFirstOrThrow({ where })],
    ['findMany', (handle) => handle.product.findMany()],
    ['findMany with a filter', (handle) => handle.product.findMany({ where: { OR: [where], AND: where } })],
    ['findMany with relations', (handle) => handle.product.findMany({ include: { variants: true } })],
    ['count', (handle) => handle.product.count()],
    ['aggregate', (handle) => handle.product.aggregate({ where, _max: { title: true } })],
    ['groupBy', (handle) => handle.product.groupBy({ by: ['title'], where, _count: true })],
    ['update', (handle) => handle.product.update({ where: unique, data })],
    ['updateMany', (handle) => handle.product.updateMany({ where, data })],
    ['updateMany of all', (handle) => handle.product.updateMany({ data })],
    ['updateManyAndReturn', (handle) => handle.product.updateManyAndReturn({ where, data })],
    ['upsert', (handle) => handle.product.upsert({ where: unique, update: data, create: product })],
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
      .filter(({ type, text }) => type === 'P' && /"(products|outbox_events)"/.test(text))
      .map(({ text }) => text)
    expect(statements.length, String(result)).toBeGreaterThan(0)
    for (const sql of statements) expect(sql).toMatch(/WHERE .*"tenant_id" = \$\d/s)
  })
})

describe('case 11: a foreign tenant named by a caller', () => {
  it.each([
    ['where', { tenantId: B.tenantId }],
    ['where, with its id', { tenantId: B.tenantId, id: productOfB }],
    ['where, by its id alone', { id: productOfB }],
    ['OR', { OR: [{ tenantId: B.tenantId }, { id: productOfB }] }],
    ['AND', { AND: [{ tenantId: B.tenantId }] }],
    ['AND, not as a list', { AND: { tenantId: B.tenantId } }],
    ['NOT', { NOT: { tenantId: A.tenantId } }],
    ['a relation', { variants: { some: { tenantId: B.tenantId } } }],
  ])('in %s finds and changes nothing', async (_, where: Prisma.ProductWhereInput) => {
    for (const inTransaction of [false, true]) {
      const run = (work: (handle: TenantClient) => Promise<unknown>) =>
        inTransaction ? undone(work) : work(database.forTenant(asA))
      expect(await run((handle) => handle.product.findMany({ where }))).toEqual([])
      expect(await run((handle) => handle.product.findFirst({ where }))).toBeNull()
      expect(await run((handle) => handle.product.count({ where }))).toBe(0)
      expect(await run((handle) => handle.product.updateMany({ where, data: { title: 'x' } }))).toEqual({
        count: 0,
      })
      expect(await run((handle) => handle.product.deleteMany({ where }))).toEqual({ count: 0 })
    }
    expect(await rowsOfB()).toEqual(ofB)
  })

  it('in a unique key is answered as an id that does not exist', async () => {
    const absent = { tenantId_id: { tenantId: TENANT_A.id, id: NOBODY } }
    const data = { title: 'stolen' }
    const operations: ((where: typeof uniqueB) => (handle: TenantClient) => Promise<unknown>)[] = [
      (where) => (handle) => handle.product.findUnique({ where }),
      (where) => (handle) => handle.product.findUniqueOrThrow({ where }),
      (where) => (handle) => handle.product.findFirst({ where: where.tenantId_id, cursor: where }),
      (where) => (handle) => handle.product.findMany({ cursor: where, take: 5 }),
      (where) => (handle) => handle.product.update({ where, data }),
      (where) => (handle) => handle.product.delete({ where }),
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
    const foreign = { ...product, ...B }
    const key = { tenantId_id: { ...A, id: idOf(TENANT_A, 'products') } }
    const refused = [
      await undone((handle) => handle.product.create({ data: foreign })),
      await undone((handle) =>
        handle.product.createMany({ data: [product, { ...foreign, handle: 'other' }] }),
      ),
      await undone((handle) => handle.product.createManyAndReturn({ data: [foreign] })),
      await undone((handle) => handle.product.upsert({ where: uniqueB, create: foreign, update: foreign })),
      await undone((handle) => handle.product.update({ where: key, data: B })),
      await undone((handle) => handle.product.updateMany({ data: B })),
      await undone((handle) =>
        handle.variant.create({
          data: { ...B, productId: productOfB, sku: 's', title: 't', priceMinor: 1, currency: 'USD' },
        }),
      ),
    ]
    expect(refused).toEqual(refused.map(() => '42501'))
    expect(await rowsOfB()).toEqual(ofB)
  })

  it('an upsert with a foreign key creates a row of its own tenant, or none', async () => {
    const upserted = await undone((handle) =>
      handle.product.upsert({ where: uniqueB, create: product, update: { title: 'stolen' } }),
    )
    expect(upserted).toMatchObject({ ...A, title: 'New' })
    expect(await rowsOfB()).toEqual(ofB)
  })
})

describe('case 12: a foreign id in a nested write or a bare column is the same as an absent one', () => {
  const variant = { sku: 'new', title: 'New', priceMinor: 1n, currency: 'USD' }
  const ofOwn = { tenantId_id: { ...A, id: idOf(TENANT_A, 'products') } }
  const ids = (id: string, tenantId: string) => ({ tenantId_id: { tenantId, id } })
  type Nested = (id: string, tenantId: string) => (handle: TenantClient) => Promise<unknown>
  const writes: [string, string, Nested][] = [
    [
      'connect to a parent',
      productOfB,
      (id, tenantId) => (handle) =>
        handle.variant.create({ data: { ...variant, product: { connect: ids(id, tenantId) } } }),
    ],
    [
      'connect to a child',
      variantOfB,
      (id, tenantId) => (handle) =>
        handle.product.create({ data: { ...product, variants: { connect: ids(id, tenantId) } } }),
    ],
    [
      'set of children',
      variantOfB,
      (id, tenantId) => (handle) =>
        handle.product.update({ where: ofOwn, data: { variants: { set: [ids(id, tenantId)] } } }),
    ],
    [
      'update of a child',
      variantOfB,
      (id, tenantId) => (handle) =>
        handle.product.update({
          where: ofOwn,
          data: { variants: { update: { where: ids(id, tenantId), data: { title: 'stolen' } } } },
        }),
    ],
    [
      'updateMany of children',
      variantOfB,
      (id, tenantId) => (handle) =>
        handle.product.update({
          where: ofOwn,
          data: {
            title: 'x',
            variants: { updateMany: { where: { id, tenantId }, data: { title: 'stolen' } } },
          },
        }),
    ],
    [
      'delete of a child',
      variantOfB,
      (id, tenantId) => (handle) =>
        handle.product.update({ where: ofOwn, data: { variants: { delete: ids(id, tenantId) } } }),
    ],
    [
      'deleteMany of children',
      variantOfB,
      (id, tenantId) => (handle) =>
        handle.product.update({
          where: ofOwn,
          data: { title: 'x', variants: { deleteMany: { id, tenantId } } },
        }),
    ],
    [
      'a bare column',
      productOfB,
      (id) => (handle) => handle.variant.create({ data: { ...variant, productId: id } }),
    ],
    [
      'a bare column, changed',
      productOfB,
      (id) => (handle) => handle.variant.updateMany({ data: { productId: id } }),
    ],
    [
      'createMany of children',
      variantOfB,
      (id) => (handle) =>
        handle.stockMovement.createMany({
          data: [{ variantId: id, reason: 'COUNT', onHandDelta: 1, reservedDelta: 0 }],
        }),
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
      handle.variant.create({
        data: { ...variant, product: { connectOrCreate: { where: uniqueB, create: product } } },
        include: { product: true },
      }),
    )
    expect(made).toMatchObject({ ...A, product: { ...A, title: 'New' } })
    expect(await rowsOfB()).toEqual(ofB)
  })
})

describe('the handle', () => {
  it('creates rows of its own tenant, whatever hangs on them', async () => {
    const made = await undone((handle) =>
      handle.product.create({
        data: {
          ...product,
          variants: {
            create: { sku: 's', title: 't', priceMinor: 1n, currency: 'USD', stock: { create: {} } },
          },
        },
        include: { variants: { include: { stock: true } } },
      }),
    )
    expect(made).toMatchObject({ ...A, variants: [{ ...A, stock: A }] })
  })

  it('answers along a relation of what it found, alone and at once with another tenant’s', async () => {
    const ownerOf = (scope: typeof asA, tenant: typeof TENANT_A) =>
      database
        .forTenant(scope)
        .variant.findUnique({
          where: { tenantId_id: { tenantId: scope.tenantId, id: idOf(tenant, 'variants') } },
        })
        .product()
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
      return await handle.$queryRaw`SELECT ${value}::text AS harmless, count(*)::int AS count FROM products`
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
          { NOT: { productId: anything } },
        ]) {
          const refused = {
            code: 'INTERNAL',
            message: expect.stringContaining('by something other than its value'),
          }
          await expect(tx.variant.findFirst({ where })).rejects.toMatchObject(refused)
          await expect(tx.variant.updateMany({ where, data: { title: 'x' } })).rejects.toMatchObject(refused)
          await expect(tx.variant.deleteMany({ where })).rejects.toMatchObject(refused)
        }
        const mine = idOf(TENANT_A, 'variants')
        expect(await tx.variant.findFirst({ where: { id: mine } })).not.toBeNull()
        const listed = await tx.variant.updateMany({
          where: { id: { in: [mine] } },
          data: { updatedAt: new Date() },
        })
        expect(listed.count).toBe(1)
        throw new Error('roll back')
      })
      .catch((error: Error) => expect(error.message).toBe('roll back'))
  })

  it('case 9: what it is made of is refused: without a tenant, and beside a tenant’s transaction', async () => {
    const { client } = unprotected
    await enterScope(asA, async () => await client.product.count())
    const before = proxy.bytes
    await expect(client.product.findMany()).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    await expect(client.$queryRaw`SELECT 1`).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    await expect(client.$transaction([client.product.findMany()])).rejects.toMatchObject({
      code: 'TENANT_REQUIRED',
    })
    await expect(client.$transaction((tx) => tx.product.findMany())).rejects.toMatchObject({
      code: 'TENANT_REQUIRED',
    })
    const beside = database.withTenant(asA, async () => await client.product.findMany())
    await expect(beside).rejects.toThrow('was sent outside its transaction')
    expect(proxy.bytes).toBe(before)
  })

  it('a transaction does not nest, in either tenant', async () => {
    for (const scope of [asA, asB]) {
      const nested = database.withTenant(asA, () => database.withTenant(scope, (tx) => tx.product.count()))
      await expect(nested).rejects.toThrow('inside a transaction')
    }
    expect(await database.withTenant(asB, (tx) => tx.product.count())).toBe(SEEDED)
  })

  it('case 5: leaves no tenant in a session, whatever it did', async () => {
    const left = () =>
      unprotected.pool.queryBeforeTenant(`SELECT current_setting('app.tenant_id', true) AS tenant`, [])
    const { client } = unprotected
    const works: (() => Promise<unknown>)[] = [
      () => client.product.findMany(),
      () => client.product.create({ data: { ...product, ...B } }),
      () => client.$queryRaw`SELECT 1 / 0`,
      () => client.$transaction((tx) => tx.product.count()),
      () => client.$transaction([client.product.count(), client.$queryRaw`SELECT 1 / 0`]),
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
