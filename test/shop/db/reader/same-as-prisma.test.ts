// The reader returns the same rows as Prisma's client for the same generated query.
import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../../../src/core/logger.ts'
import { type Database, openDatabase, type TenantClient } from '../../../../src/db/database.ts'
import { DATAMODEL } from '../../../../src/db/datamodel.ts'
import { readerOf } from '../../../../src/db/reader/any-model.ts'
import type { AnyWhere } from '../../../../src/db/reader/any-query.ts'
import type { ModelName } from '../../../../src/db/register.ts'
import { demoTenant } from '../../../../src/shop/demo/demo-tenant.ts'
import { seedDemo } from '../../../../src/shop/demo/seed.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { TENANT_A, TENANT_B } from '../../../support/two-tenants.ts'
import { type Known, queryOf } from './queries.ts'

const RUNS = Number(process.env.READER_RUNS ?? 40)
const SAMPLE = 60
const CASE_ROWS = 20
const FINDING_SHARE_MIN = 0.15
const seed = Number(process.env.READER_SEED ?? randomInt(2 ** 31))
/** A large shop, and a tenant with a few rows in every table; each with a second tenant of the same kind. */
const [acme, globex] = [demoTenant('acme').tenant.id, demoTenant('globex').tenant.id]
const [small, other] = [TENANT_A.id, TENANT_B.id]
const MODELS = [...DATAMODEL.keys()] as ModelName[]

let testDatabase: TestDatabase
let database: Database
let known: Known
beforeAll(async () => {
  console.info(`READER_SEED=${seed} draws these queries again`)
  testDatabase = await createTestDatabase({ seed: 'two-tenants' })
  const logger = createLogger('silent')
  await seedDemo({ ownerUrl: testDatabase.ownerUrl, logger })
  database = openDatabase({ url: testDatabase.runtimeUrl, poolMax: 4, namedStatements: true, logger })
  known = await knownValues()
})
afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

type Row = Record<string, unknown>
type Findable = { findMany(args: object): Promise<Row[]>; count(args: object): Promise<number> }

function prismas(handle: TenantClient, model: ModelName): Findable {
  return readerOf(handle, model) as unknown as Findable
}

/** Values of both tenants' rows: the other tenant's values must match nothing. */
async function knownValues(): Promise<Known> {
  const values = new Map<string, Map<string, unknown[]>>()
  for (const model of MODELS) {
    const columns = new Map<string, unknown[]>()
    for (const tenantId of [acme, globex, small, other]) {
      for (const row of await prismas(database.forTenant({ tenantId }), model).findMany({ take: SAMPLE })) {
        for (const [name, value] of Object.entries(row))
          columns.set(name, [...(columns.get(name) ?? []), value])
      }
    }
    values.set(model, columns)
  }
  const { rows } = await asSuperuser(testDatabase, (client) =>
    client.query<{ name: string }>(
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE data_type = 'uuid'`,
    ),
  )
  return { values, uuids: new Set(rows.map(({ name }) => name)) }
}

/** What a random query seldom meets: NULL beneath NOT, empty filters, letter case, wildcards. */
const phone = { contains: '1' }
const never = { OR: [] }
const CASES: readonly (readonly [model: ModelName, where: AnyWhere])[] = [
  ...[
    ...[{ phone: null }, { phone: { equals: null } }, { phone: { not: null } }, { phone: { not: 'x' } }],
    ...[
      { phone: { in: null } },
      { phone: { notIn: [] } },
      { phone: { notIn: ['x'] } },
      { phone: { not: phone } },
    ],
    ...[{ phone: { not: { gt: '+2', lt: '+5' } } }, { NOT: { phone } }, { NOT: [{ phone }, { name: 'x' }] }],
    ...['an', 'AN', 'a%n', 'a\\%n', '_'].flatMap((text) => [
      { name: { contains: text } },
      { name: { contains: text, mode: 'insensitive' } },
      { name: { startsWith: text } },
      { name: { equals: `%${text}%`, mode: 'insensitive' } },
      { name: { not: { endsWith: text }, mode: 'insensitive' } },
    ]),
    ...[{ name: { lt: 'M', mode: 'insensitive' } }, { country: { in: ['us', 'de'], mode: 'insensitive' } }],
    ...[never, { OR: [{}] }, { AND: [never] }, { NOT: never }, { OR: [never, { phone }] }, { NOT: {} }],
    ...[
      { OR: [{ phone, ...never }] },
      { phone, ...never },
      { NOT: { phone, ...never } },
      { phone: {}, ...never },
    ],
    ...[{ OR: [{ phone: {} }] }, { OR: [{ phone: { not: {} } }, { phone }] }, { orders: {} }],
    ...[{}, never, { cancelReason: { contains: 'a' } }, { cancelReason: null, ...never }].flatMap((orders) =>
      ['some', 'none', 'every'].flatMap((word) => [
        { orders: { [word]: orders } },
        { NOT: { orders: { [word]: orders } } },
      ]),
    ),
  ].map((where) => ['Customer', where] as const),
  ...[{ phone }, { NOT: { phone } }, {}, never, { orders: { some: { customer: { phone } } } }].flatMap(
    (customer) =>
      [{ customer }, { customer: { is: customer } }, { customer: { isNot: customer } }].flatMap((where) => [
        ['Order', where] as const,
        ['Order', { NOT: where }] as const,
        ['Order', { NOT: { NOT: where } }] as const,
        ['OrderLine', { order: where }] as const,
        ['OrderLine', { NOT: { order: where } }] as const,
      ]),
  ),
  ...[{ cancelReason: { contains: 'a' } }, { number: { gt: 0 } }, {}].flatMap((order) =>
    [{ order }, { order: { is: order } }, { order: { isNot: order } }].flatMap((where) => [
      ['StockMovement', where] as const,
      ['StockMovement', { NOT: where }] as const,
    ]),
  ),
]

let answers = 0
let answersWithRows = 0

describe('the reader answers what findMany answers', () => {
  it.each(MODELS)('%s', async (model) => {
    await fc.assert(
      fc.asyncProperty(
        queryOf(model, known),
        fc.constantFrom('join', 'query'),
        fc.record({ tenantId: fc.constantFrom(acme, small) }),
        fc.boolean(),
        async (query, relationLoadStrategy, scope, inTransaction) => {
          const compare = async (handle: TenantClient) => {
            const theirs = prismas(handle, model)
            const found = await theirs.findMany({ ...query, relationLoadStrategy })
            answers += 1
            if (found.length > 0) answersWithRows += 1
            expect(await readerOf(handle, model).readMany(query)).toStrictEqual(found)
            const counted = query.where === undefined ? {} : { where: query.where }
            expect(await readerOf(handle, model).readCount(counted)).toBe(await theirs.count(counted))
          }
          if (inTransaction) await database.withTenant(scope, compare)
          else await compare(database.forTenant(scope))
        },
      ),
      { seed, numRuns: RUNS },
    )
  })

  it.each(CASES)('%s %j', async (model, where) => {
    const handle = database.forTenant({ tenantId: acme })
    const theirs = prismas(handle, model)
    const page = { where, orderBy: [{ id: 'asc' }], take: CASE_ROWS }
    expect(await readerOf(handle, model).readMany(page)).toStrictEqual(await theirs.findMany(page))
    expect(await readerOf(handle, model).readCount({ where })).toBe(await theirs.count({ where }))
  })

  it('to queries of which many find something', () => {
    expect(answersWithRows / answers).toBeGreaterThan(FINDING_SHARE_MIN)
  })
})
