import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { readerOf } from '../../src/db/reader/any-model.ts'
import type { ModelName } from '../../src/db/register.ts'
import { enterScope } from '../../src/db/scope.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { SEEDED } from '../support/two-tenants.ts'
import { cloneTenants, type ModelFacts, modelsOf, openUnprotected, type Unprotected } from './many-tenants.ts'

const TENANTS = 20
const POOL_MAX = 6
/** Rows with relations cost ten times a plain row; five tenants show the same as twenty. */
const TENANTS_WITH_RELATIONS = 5
const EVERY_READ_MAX_MS = 180_000

let test: TestDatabase
let database: Database
let unprotected: Unprotected
let models: ModelFacts[]
let tenantIds: string[]
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  tenantIds = await cloneTenants(test, TENANTS)
  database = openDatabase({
    url: test.runtimeUrl,
    poolMax: POOL_MAX,
    namedStatements: true,
    logger: createLogger('silent'),
  })
  unprotected = openUnprotected(test.runtimeUrl)
  models = await modelsOf(test)
})
afterAll(async () => {
  await database?.close()
  await unprotected?.close()
  await test?.drop()
})

// Models and operations are data here: their names are strings, and the shapes of their answers unknown.
type Row = Record<string, unknown>
type Handle = Record<string, Record<string, (args: unknown) => Promise<unknown>>>
type Read = (handle: Handle, own: Row) => Promise<unknown>

const READS_OF_ROWS = [
  'findUnique',
  'findUniqueOrThrow',
  'findFirst',
  'findFirstOrThrow',
  'findMany',
] as const

/** Every way to read a model, in every shape. */
function readsOf(model: ModelFacts): [what: string, read: Read][] {
  const { delegate, relations } = model
  const include = Object.fromEntries(relations.map(({ name }) => [name, true]))
  const nested = Object.fromEntries(
    relations.map(({ name, model: other }) => [name, { select: selectionOf(other) }]),
  )
  const shapes: Row[] = [{}, { select: { tenantId: true, ...nested } }]
  if (relations.length > 0) {
    for (const relationLoadStrategy of ['join', 'query']) shapes.push({ include, relationLoadStrategy })
  }
  return [
    ...READS_OF_ROWS.flatMap((operation) =>
      shapes.map((shape): [string, Read] => [
        `${operation} ${JSON.stringify(Object.keys(shape))}`,
        (handle, own) => {
          const key = operation.startsWith('findUnique') ? uniqueOf(model, own) : keyOf(model, own)
          return call(handle, delegate, operation, { where: key, ...shape })
        },
      ]),
    ),
    [
      'findMany by what all tenants share',
      (handle, own) => call(handle, delegate, 'findMany', { where: sharedKeyOf(model, own) }),
    ],
    ['findMany of all', (handle) => call(handle, delegate, 'findMany', {})],
    ['findMany without arguments', (handle) => call(handle, delegate, 'findMany', undefined)],
    ['findFirst of all', (handle) => call(handle, delegate, 'findFirst', { orderBy: { tenantId: 'asc' } })],
    ['count', (handle, own) => call(handle, delegate, 'count', { where: keyOf(model, own) })],
    ['count of all', (handle) => call(handle, delegate, 'count', undefined)],
    [
      'aggregate',
      (handle, own) => call(handle, delegate, 'aggregate', { where: keyOf(model, own), _count: true }),
    ],
    ['groupBy', (handle) => call(handle, delegate, 'groupBy', { by: ['tenantId'], _count: true })],
  ]
}

function selectionOf(name: string): Row {
  const model = models.find((other) => other.name === name)
  return {
    tenantId: true,
    ...Object.fromEntries((model?.relations ?? []).map((relation) => [relation.name, true])),
  }
}

function call(handle: Handle, delegate: string, operation: string, args: unknown): Promise<unknown> {
  const model = handle[delegate]
  if (model?.[operation] === undefined) throw new Error(`there is no ${delegate}.${operation}`)
  return model[operation](args)
}

function keyOf({ keyFields }: ModelFacts, row: Row): Row {
  return Object.fromEntries(keyFields.map((field) => [field, row[field]]))
}

/** Without the tenant: rows of all tenants match. */
function sharedKeyOf(model: ModelFacts, row: Row): Row {
  const { tenantId: _, ...shared } = keyOf(model, row)
  return shared
}

/** The same in Prisma's form for findUnique: a composite key as one field under the joined name. */
function uniqueOf(model: ModelFacts, row: Row): Row {
  const key = keyOf(model, row)
  return model.keyFields.length === 1 ? key : { [model.keyFields.join('_')]: key }
}

/** Every tenant id in an answer, at any depth. */
function tenantsIn(answer: unknown): Set<unknown> {
  const found = new Set<unknown>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if ('tenantId' in value) found.add(value.tenantId)
    for (const part of Object.values(value)) visit(part)
  }
  visit(answer)
  return found
}

const handleOf = (tenantId: string) => database.forTenant({ tenantId }) as unknown as Handle
const firstRow = (model: ModelFacts, tenantId: string) =>
  call(handleOf(tenantId), model.delegate, 'findFirstOrThrow', {}) as Promise<Row>

describe('case 23: tenants in one tick', () => {
  it(
    'every read of every model answers each of 20 tenants as if it were alone',
    async () => {
      expect(models.length).toBeGreaterThan(10)
      let compared = 0
      for (const model of models) {
        const rows = await Promise.all(tenantIds.map((tenantId) => firstRow(model, tenantId)))
        for (const [what, read] of readsOf(model)) {
          const ask = (tenantId: string, n: number) => read(handleOf(tenantId), rows[n] as Row)
          const asking = what.includes('include') ? tenantIds.slice(0, TENANTS_WITH_RELATIONS) : tenantIds
          const together = await Promise.all(asking.map(ask))
          for (const [n, tenantId] of asking.entries()) {
            expect(tenantsIn(together[n]).difference(new Set([tenantId])), `${model.name} ${what}`).toEqual(
              new Set(),
            )
          }
          for (const n of [0, asking.length - 1]) {
            expect(together[n], `${model.name} ${what}`).toEqual(await ask(tenantIds[n] as string, n))
            expect(
              isFound(together[n]),
              `${model.name} ${what}: ${JSON.stringify(together[n], bigints)}`,
            ).toBe(true)
          }
          compared += asking.length
        }
      }
      expect(compared).toBeGreaterThan(3_000)
    },
    EVERY_READ_MAX_MS,
  )

  it('the same in the transactions of two tenants', async () => {
    for (const model of models) {
      const two = tenantIds.slice(0, 2)
      const rows = await Promise.all(two.map((tenantId) => firstRow(model, tenantId)))
      const reads = readsOf(model)
      const together = await Promise.all(
        two.map((tenantId, n) =>
          database.withTenant({ tenantId }, (tx) =>
            Promise.all(reads.map(([, read]) => read(tx as unknown as Handle, rows[n] as Row))),
          ),
        ),
      )
      for (const [n, tenantId] of two.entries()) {
        expect(tenantsIn(together[n])).toEqual(new Set([tenantId]))
        expect(together[n]?.every(isFound), model.name).toBe(true)
      }
    }
  })

  it('the reader of the API: rows with all that hangs on them, and counts', async () => {
    for (const model of models) {
      const { name, readableColumns, relations } = model
      const select = {
        ...Object.fromEntries(readableColumns.map((column) => [column, true as const])),
        ...Object.fromEntries(
          relations.map((relation) => [relation.name, { select: { tenantId: true as const } }]),
        ),
      }
      const answers = await Promise.all(
        tenantIds.map((tenantId) =>
          readerOf(database.forTenant({ tenantId }), name as ModelName).readMany<Row>({ select }),
        ),
      )
      for (const [n, tenantId] of tenantIds.entries())
        expect(tenantsIn(answers[n])).toEqual(new Set([tenantId]))
      const counts = await Promise.all(
        tenantIds.map((tenantId, n) =>
          readerOf(database.forTenant({ tenantId }), name as ModelName).readCount({
            where: sharedKeyOf(model, answers[n]?.[0] as Row),
          }),
        ),
      )
      expect(new Set(counts)).toEqual(new Set([1]))
    }
  })

  it('hand-written SQL', async () => {
    const counts = await Promise.all(
      tenantIds.map(
        (tenantId) =>
          database.forTenant({ tenantId }).$queryRaw<Row[]>`
            SELECT tenant_id, count(*)::int AS count FROM exports GROUP BY tenant_id`,
      ),
    )
    expect(counts).toEqual(tenantIds.map((tenantId) => [{ tenant_id: tenantId, count: SEEDED }]))
  })

  it('the handles of a tenant share one of Prisma’s, and may be used by requests at the same time', async () => {
    const [tenantId = '', other = ''] = tenantIds
    const fieldsOf = (id: string) => database.forTenant({ tenantId: id }).export.fields
    expect(fieldsOf(tenantId)).toBe(fieldsOf(tenantId))
    expect(fieldsOf(tenantId)).not.toBe(fieldsOf(other))
    const many = await Promise.all(
      Array.from({ length: 50 }, () => database.forTenant({ tenantId }).export.findMany()),
    )
    for (const rows of many) expect(rows).toHaveLength(SEEDED)
  })

  it('without the handle Prisma merges the findUnique of two tenants: this is what the tests above would see', async () => {
    const two = tenantIds.slice(0, 2)
    const { client } = unprotected
    const rows = await Promise.all(
      two.map((tenantId) => database.forTenant({ tenantId }).export.findFirstOrThrow()),
    )
    const together = await Promise.all(
      two.map((tenantId, n) =>
        enterScope({ tenantId }, async () => {
          const id = rows[n]?.id ?? ''
          return await client.export.findUnique({ where: { tenantId_id: { tenantId, id } } })
        }),
      ),
    )
    expect(together).toEqual([rows[0], null])
  })
})

/** At least one row: in the wrong scope there would be none. */
function isFound(answer: unknown): boolean {
  if (typeof answer === 'number') return answer > 0
  if (Array.isArray(answer)) return answer.length > 0
  if (typeof answer !== 'object' || answer === null) return false
  return '_count' in answer && !('tenantId' in answer) ? answer._count !== 0 : true
}

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
