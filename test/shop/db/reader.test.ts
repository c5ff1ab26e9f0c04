// The reader against Prisma's client: the same selection and filter, the same rows.

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/core/logger.ts'
import { type Database, openDatabase, type TenantClient } from '../../../src/db/database.ts'
import type { ModelName } from '../../../src/db/datamodel.ts'
import type { Filter, ReadQuery, Selection } from '../../../src/db/reader/read-sql.ts'
import { demoTenant } from '../../../src/shop/demo/demo-tenant.ts'
import { seedDemo } from '../../../src/shop/demo/seed.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

const RUNS = 150
const acme = { tenantId: demoTenant('acme').tenant.id }
const globex = { tenantId: demoTenant('globex').tenant.id }

let testDatabase: TestDatabase
let database: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  await seedDemo({ ownerUrl: testDatabase.ownerUrl, logger: createLogger('silent') })
  database = openDatabase({
    url: testDatabase.runtimeUrl,
    poolMax: 4,
    namedStatements: true,
    logger: createLogger('silent'),
  })
})
afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

type Findable = { findMany(args: object): Promise<unknown[]>; count(args: object): Promise<number> }

function delegate(handle: TenantClient, model: ModelName): Findable {
  return (handle as unknown as Record<string, Findable>)[
    model.charAt(0).toLowerCase() + model.slice(1)
  ] as Findable
}

/** Prisma's `some` of a nested list and ours are the same words; only the strategy is its own. */
async function expectSameRows(
  model: ModelName,
  query: ReadQuery,
  scope: { tenantId: string; writes?: string },
): Promise<void> {
  const handle = delegate(database.forTenant(scope), model)
  const nested = Object.values(query.select).some((field) => field !== true)
  const theirs = await handle.findMany({ ...query, ...(nested && { relationLoadStrategy: 'join' }) })
  expect(await database.read(scope, model, query)).toEqual(theirs)
  expect(await database.count(scope, model, query.where ?? {})).toBe(
    await handle.count({ where: query.where ?? {} }),
  )
}

const some = <K extends string>(...columns: K[]): fc.Arbitrary<Selection> =>
  fc
    .subarray(columns, { minLength: 1 })
    .map((chosen) => Object.fromEntries(chosen.map((column) => [column, true])))

const optional = (name: string, selection: fc.Arbitrary<object>): fc.Arbitrary<Selection> =>
  fc
    .option(selection, { nil: null })
    .map((chosen) => (chosen === null ? {} : ({ [name]: chosen } as Selection)))

const merged = (...parts: fc.Arbitrary<Selection>[]): fc.Arbitrary<Selection> =>
  fc.tuple(...parts).map((chosen) => Object.assign({}, ...chosen))

const take = fc.integer({ min: 1, max: 30 })
const variant = merged(
  some('id', 'sku', 'title', 'priceMinor', 'currency', 'createdAt'),
  optional(
    'product',
    some('id', 'title', 'status', 'updatedAt').map((select) => ({ select })),
  ),
  optional(
    'stock',
    some('onHand', 'reserved').map((select) => ({ select })),
  ),
)
const lines = fc
  .tuple(
    merged(
      some('id', 'quantity', 'unitPriceMinor', 'totalMinor'),
      optional(
        'variant',
        variant.map((select) => ({ select })),
      ),
    ),
    take,
  )
  .map(([select, take]) => ({ select, take, orderBy: [{ position: 'asc' }, { id: 'asc' }] }))
const order = merged(
  some('id', 'number', 'status', 'paymentStatus', 'totalMinor', 'placedAt', 'fulfilledAt', 'cancelReason'),
  optional(
    'customer',
    some('id', 'name', 'email', 'phone').map((select) => ({ select })),
  ),
  optional('lines', lines),
  fc.boolean().map((counted) => (counted ? ({ _count: { select: { lines: true } } } as Selection) : {})),
)

const instant = fc.date({ min: new Date('2024-10-01'), max: new Date('2026-11-30'), noInvalidDate: true })
const orderFilter: fc.Arbitrary<Filter> = fc.oneof(
  fc.constant({}),
  fc.subarray(['PLACED', 'PAID', 'FULFILLED', 'CANCELLED']).map((status) => ({ status: { in: status } })),
  fc.integer({ min: -5, max: 4_000 }).map((number) => ({ number })),
  fc.bigInt({ min: 0n, max: 100_000n }).map((totalMinor) => ({ totalMinor: { gte: totalMinor } })),
  fc.tuple(instant, instant).map(([gte, lt]) => ({ placedAt: { gte, lt } })),
  fc.constantFrom('an', 'ü', '%', '_', "'", '\\').map((text) => {
    const contains = text.replaceAll(/[\\%_]/g, '\\$&')
    return { customer: { name: { contains, mode: 'insensitive' } } }
  }),
  fc.tuple(instant, fc.uuid({ version: 7 })).map(([at, id]) => ({
    AND: [{ placedAt: { lte: at } }, { OR: [{ placedAt: { lt: at } }, { id: { lt: id } }] }],
  })),
  fc.constant({ AND: [] }),
  fc.constant({ cancelReason: null }),
  fc.constant({ lines: { some: { quantity: { gt: 2 } } } }),
)

describe('the reader answers what Prisma answers', () => {
  it('for orders with their customers, lines, variants, products, stock and counts', async () => {
    await fc.assert(
      fc.asyncProperty(
        order,
        fc.tuple(orderFilter, orderFilter),
        take,
        fc.constantFrom('asc' as const, 'desc' as const),
        async (select, [one, other], take, direction) => {
          const query = {
            select,
            where: { AND: [one, other] },
            take,
            orderBy: [{ placedAt: direction }, { id: direction }],
          }
          await expectSameRows('Order', query, acme)
        },
      ),
      { numRuns: RUNS },
    )
  })

  it('for products with pages of variants, found by words in their SKUs', async () => {
    await fc.assert(
      fc.asyncProperty(variant, fc.constantFrom('a', 'TPW', '1', '%'), take, async (nested, text, take) => {
        const variants = {
          select: nested,
          take,
          orderBy: [{ position: 'asc' as const }, { id: 'asc' as const }],
        }
        const contains = text.replaceAll(/[\\%_]/g, '\\$&')
        const word = { contains, mode: 'insensitive' }
        const where = { OR: [{ title: word }, { variants: { some: { sku: word } } }] }
        const query = {
          select: { id: true as const, title: true as const, variants },
          where,
          take,
          orderBy: [{ id: 'asc' as const }],
        }
        await expectSameRows('Product', query, acme)
      }),
      { numRuns: RUNS / 3 },
    )
  })
})

describe('the reader and the walls', () => {
  it("cross-tenant: another tenant's id finds nothing, in a filter, in a list and beneath a relation", async () => {
    const foreign = await database.read<{ id: string; customerId: string }>(acme, 'Order', {
      select: { id: true, customerId: true },
      take: 1,
    })
    const scope = globex
    const select = { id: true as const }
    expect(await database.read(scope, 'Order', { select, where: { id: foreign[0]?.id } })).toEqual([])
    expect(
      await database.read(scope, 'Order', { select, where: { id: { in: foreign.map(({ id }) => id) } } }),
    ).toEqual([])
    expect(
      await database.read(scope, 'Order', { select, where: { customer: { id: foreign[0]?.customerId } } }),
    ).toEqual([])
    expect(await database.read(scope, 'Order', { select, where: { tenantId: acme.tenantId } })).toEqual([])
    expect(await database.count(scope, 'Order', { id: foreign[0]?.id })).toBe(0)
  })

  it('refuses a field, a filter and a sort that the schema does not have, before anything is sent', async () => {
    const scope = acme
    const read = (query: ReadQuery) => database.read(scope, 'Order', query)
    await expect(read({ select: { nothing: true } })).rejects.toThrow('has no field nothing')
    await expect(read({ select: { id: true }, where: { number: { near: 1 } } })).rejects.toThrow(
      'no filter near',
    )
    await expect(read({ select: { id: true }, orderBy: [{ lines: 'asc' }] })).rejects.toThrow(
      'cannot be sorted by lines',
    )
    await expect(read({ select: { id: true }, take: 1.5 })).rejects.toThrow('whole number')
  })
})
