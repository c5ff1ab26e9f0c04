// What the reader accepts and refuses: the compiler refuses first, then the reader at run time.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../../../src/core/logger.ts'
import { type Database, EVERYTHING, openDatabase, type TenantClient } from '../../../../src/db/database.ts'
import { readerOf } from '../../../../src/db/reader/any-model.ts'
import type { ModelName, ReadWhere } from '../../../../src/db/register.ts'
import { Prisma, type PrismaClient } from '../../../../src/generated/prisma/client.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { TENANT_A } from '../../../support/two-tenants.ts'

let test: TestDatabase
let database: Database
let db: TenantClient
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  database = openDatabase({
    url: test.runtimeUrl,
    poolMax: 1,
    namedStatements: true,
    logger: createLogger('silent'),
  })
  db = database.forTenant({ tenantId: TENANT_A.id })
})
afterAll(async () => {
  await database?.close()
  await test?.drop()
})

type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false

it('takes filters, selections, orders and limits, and knows the type of the rows', async () => {
  const rows = await db.order.readMany({
    select: {
      id: true,
      totalMinor: true,
      placedAt: true,
      customer: { select: { phone: true } },
      lines: {
        select: { quantity: true, variant: true },
        where: { quantity: { gt: 0 } },
        orderBy: [{ position: 'asc' }, { id: 'asc' }],
        take: 1,
      },
      _count: { select: { lines: { where: { quantity: { gte: 1 } } } } },
    },
    where: {
      OR: [
        { status: { in: ['PLACED'] } },
        { customer: { is: { name: { contains: 'x', mode: 'insensitive' } } } },
      ],
      NOT: { lines: { none: { quantity: { gt: 0 } } } },
      cancelReason: { equals: null },
      shippingAddress: { equals: Prisma.DbNull },
    },
    orderBy: [{ cancelReason: { sort: 'asc', nulls: 'last' } }, { id: 'desc' }],
    take: 5,
  })
  const isTyped: Same<
    (typeof rows)[number],
    {
      id: string
      totalMinor: bigint
      placedAt: Date
      customer: { phone: string | null }
      lines: { quantity: number; variant: Prisma.VariantGetPayload<object> }[]
      _count: { lines: number }
    }
  > = true
  expect(isTyped).toBe(true)
  expect(rows.length).toBeGreaterThan(0)
  for (const { lines, _count } of rows) {
    expect(lines).toHaveLength(1)
    expect(_count.lines).toBeGreaterThan(0)
  }
})

it('refuses the null of another copy of Prisma’s client, which it would take for a document', async () => {
  const foreignNull = { [Symbol.for('prisma.objectEnumValue')]: true }
  const where = { shippingAddress: { equals: foreignNull } }
  await expect(readerOf(db, 'Order').readMany({ where })).rejects.toThrow('another @prisma/client')
})

it('reads every column by default', async () => {
  const rows = await db.product.readMany()
  const isTyped: Same<typeof rows, Prisma.ProductGetPayload<object>[]> = true
  expect(isTyped).toBe(true)
  expect(rows).toEqual(await db.product.findMany())
})

it('searches a document as the text that it is written as, which Prisma does not', async () => {
  const payload = { name: 'Straße 5' }
  const event = await database.withTenant({ tenantId: TENANT_A.id, writes: EVERYTHING }, (tx) =>
    tx.outboxEvent.create({ data: { type: 'test', subjectType: 'Test', subjectId: TENANT_A.id, payload } }),
  )
  const found = (contains: string, mode: Prisma.QueryMode) =>
    db.outboxEvent.readMany({ where: { payload: { asText: { contains, mode } } }, select: { id: true } })
  expect(await found('"STRA', 'insensitive')).toEqual([{ id: event.id }])
  expect(await found('"Stra', 'default')).toEqual([{ id: event.id }])
  expect(await found('"STRA', 'default')).toEqual([])
  // @ts-expect-error Prisma has no such filter
  await expect(db.auditEntry.findMany({ where: { after: { asText: { contains: 'x' } } } })).rejects.toThrow()
})

describe('refuses', () => {
  const id = { id: true } as const
  const refused: Readonly<Record<string, [ask: () => Promise<unknown>, message: string]>> = {
    'a field that is misspelt, in a filter': [
      // @ts-expect-error
      () => db.customer.readMany({ where: { nmae: 'x' }, select: id }),
      'has no field nmae',
    ],
    'beside one that is not': [
      // @ts-expect-error
      () => db.customer.readMany({ where: { email: 'x', nmae: 'x' } }),
      'has no field nmae',
    ],
    'beneath a relation': [
      // @ts-expect-error
      () => db.order.readMany({ where: { customer: { email: 'x', nmae: 'x' } } }),
      'has no field nmae',
    ],
    'in a selection': [
      // @ts-expect-error
      () => db.customer.readMany({ select: { id: true, nmae: true } }),
      'has no field nmae',
    ],
    'in a selection beneath a relation': [
      // @ts-expect-error
      () => db.order.readMany({ select: { customer: { select: { id: true, nmae: true } } } }),
      'has no field nmae',
    ],
    'in a filter within a selection': [
      // @ts-expect-error
      () => db.order.readMany({ select: { lines: { select: id, where: { quantity: 1, quanttiy: 1 } } } }),
      'has no field quanttiy',
    ],
    'in a count': [
      // @ts-expect-error
      () => db.order.readMany({ select: { _count: { select: { lines: true, lnies: true } } } }),
      'has no field lnies',
    ],
    'in a sort': [
      // @ts-expect-error
      () => db.customer.readMany({ select: id, orderBy: { nmae: 'asc' } }),
      'cannot be sorted by nmae',
    ],
    'in what is counted': [
      // @ts-expect-error
      () => db.customer.readCount({ where: { nmae: 'x' } }),
      'has no field nmae',
    ],
    'a value of another type': [
      // @ts-expect-error
      () => db.customer.readMany({ where: { name: 5 } }),
      'must be compared with a String',
    ],
    'a value that its enum does not have': [
      // @ts-expect-error
      () => db.order.readMany({ where: { status: { in: ['LOST'] } } }),
      'invalid input value for enum',
    ],
    'null of what is never null': [
      // @ts-expect-error
      () => db.customer.readMany({ where: { name: null } }),
      'is never null',
    ],
    'a filter that is none': [
      // @ts-expect-error
      () => db.order.readMany({ where: { number: { near: 1 } } }),
      'knows no filter near',
    ],
    'a letter case that is none': [
      // @ts-expect-error
      () => db.customer.readMany({ where: { name: { equals: 'x', mode: 'loud' } } }),
      'has no such mode',
    ],
    'letter case of an id': [
      // @ts-expect-error
      () => db.order.readMany({ where: { id: { equals: 'x', mode: 'insensitive' } } }),
      'operator does not exist',
    ],
    'not within not, in which Prisma errs': [
      // @ts-expect-error
      () => db.order.readMany({ where: { number: { not: { not: 1 } } } }),
      'no not within not',
    ],
    'a relation that is null': [
      // @ts-expect-error
      () => db.stockMovement.readMany({ where: { order: null } }),
      'compare its foreign key',
    ],
    'the same, spelt': [
      // @ts-expect-error
      () => db.stockMovement.readMany({ where: { order: { is: null } } }),
      'compare its foreign key',
    ],
    'the elements of a list': [
      // @ts-expect-error
      () => db.apiKey.readMany({ where: { permissions: { has: 'x' } } }),
      'does not filter by permissions',
    ],
    'bytes in a filter': [
      // @ts-expect-error
      () => db.apiKey.readMany({ where: { hash: new Uint8Array() } }),
      'does not filter by hash',
    ],
    'a part of a document': [
      // @ts-expect-error
      () => db.order.readMany({ where: { buyer: { path: ['name'], equals: 'x' } } }),
      'knows no filter path of JSON',
    ],
    'the value of another column': [
      // @ts-expect-error
      () => db.order.readMany({ where: { paidMinor: { equals: db.order.fields.totalMinor } } }),
      'must be compared with a BigInt',
    ],
    'a sort by a relation': [
      // @ts-expect-error
      () => db.order.readMany({ select: id, orderBy: { customer: { name: 'asc' } } }),
      'cannot be sorted by customer',
    ],
    'two sorts in one object': [
      () => db.order.readMany({ select: id, orderBy: { number: 'asc', id: 'asc' } }),
      'one field in each',
    ],
    'rows that are passed over': [
      // @ts-expect-error
      () => db.order.readMany({ select: id, skip: 1 }),
      'takes no skip',
    ],
    'a cursor beneath a relation': [
      // @ts-expect-error
      () => db.order.readMany({ select: { lines: { cursor: { id: 'x' } } } }),
      'takes no cursor',
    ],
    'a filter of a relation to one, in a selection': [
      // @ts-expect-error
      () => db.stockMovement.readMany({ select: { order: { where: { number: 1 } } } }),
      'takes no where',
    ],
    include: [
      // @ts-expect-error
      () => db.order.readMany({ include: { lines: true } }),
      'takes no include',
    ],
    'a selection of nothing': [
      () => db.order.readMany({ select: { id: false } }),
      'nothing of orders is selected',
    ],
    'a limit that is no whole number': [() => db.order.readMany({ take: 1.5 }), 'whole number'],
    'a limit from the end': [() => db.order.readMany({ take: -1 }), 'whole number'],
  }

  it.each(Object.keys(refused))('%s', async (what) => {
    const [ask, message] = refused[what] as [ask: () => Promise<unknown>, message: string]
    await expect(ask()).rejects.toThrow(message)
  })
})

type Writable<Filter> = Filter extends readonly (infer Item)[]
  ? Writable<Item>[]
  : Filter extends Date | string | number | bigint | boolean | null | undefined
    ? Filter
    : { -readonly [Field in keyof Filter]: Writable<Filter[Field]> }

type TakenByPrisma = {
  readonly [Model in ModelName]: Writable<ReadWhere<Model>> extends NonNullable<
    Prisma.Args<PrismaClient[Uncapitalize<Model>], 'findMany'>['where']
  >
    ? true
    : false
}

it('takes of each model no filter that findMany does not take, but for asText', () => {
  const allTaken = (taken: TakenByPrisma): Readonly<Record<ModelName, true>> => taken
  expect(allTaken).toBeTypeOf('function')
})
