// Changes of many records in one call: all or nothing, row by row, replays, rivals, and what they cost.
import { type OperationDefinitionNode, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { permissionsOf } from '../../../src/auth/permissions.ts'
import { encodeId, newId, uuidOf } from '../../../src/core/ids.ts'
import { factsOf } from '../../../src/edge/cost-analysis.ts'
import { buildSchema } from '../../../src/schema.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { asOwner, asSuperuser } from '../../support/database.ts'
import { askWithKey, makeKey } from '../../support/keys.ts'
import { countStatements } from '../../support/statements.ts'
import { unique } from '../../support/unique.ts'
import { makeProduct, makeVariant } from '../support/shop.ts'
import { untruths } from '../support/truth.ts'

const ROWS_MAX = 250
const COST_MAX = 10_000
/** However many rows there are. */
const STATEMENTS_MAX = 12

let api: Api
let a: Session
let productId: string
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  productId = await makeProduct(a)
})
afterAll(() => api?.close())

const UPDATE = `mutation ($input: ProductVariantsUpdateInput!) { productVariantsUpdate(input: $input) {
  rows { index variant { id sku version price { amount amountMinor currency } } userErrors { code field message } }
  userErrors { code field message params } } }`
const ADJUST = `mutation ($input: StockAdjustManyInput!) { stockAdjustMany(input: $input) {
  rows { index variant { id stock { onHand } } userErrors { code field } } userErrors { code field message } } }`
const ARCHIVE = `mutation ($input: ProductsArchiveInput!) { productsArchive(input: $input) {
  rows { index product { id status version } userErrors { code field } } userErrors { code field } } }`

const usd = (amountMinor: number) => ({ amountMinor: String(amountMinor), currency: 'USD' })

async function variants(count: number, stock = 0): Promise<string[]> {
  const made = []
  for (let n = 0; n < count; n += 1) made.push((await makeVariant(a, { productId, stock })).id)
  return made
}

/** Many at once, past the API. */
async function manyVariants(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId())
  await asOwner(api.database, api.tenantIds.A, async (owner) => {
    await owner.query(
      `INSERT INTO variants (id, product_id, sku, title, price_minor, currency)
       SELECT id, $2, 'many-' || id, 'Many', 1000, 'USD' FROM unnest($1::uuid[]) id`,
      [ids, uuidOf('prod', productId)],
    )
    await owner.query('INSERT INTO stock_levels (variant_id) SELECT unnest($1::uuid[])', [ids])
  })
  return ids.map((id) => encodeId('var', id))
}

async function update(rows: object[], more: object = {}, session = a): Promise<Data> {
  return (await session.data(UPDATE, { input: { rows, ...more } })).productVariantsUpdate
}

async function entriesOf(action: string, id: string | undefined): Promise<Data[]> {
  const { rows } = await asSuperuser(api.database, (client) =>
    client.query('SELECT before, after FROM audit_entries WHERE action = $1 AND subject_id = $2', [
      action,
      uuidOf('var', id ?? ''),
    ]),
  )
  return rows
}

async function eventsOf(type: string, id: string | undefined): Promise<number> {
  const { rows } = await asSuperuser(api.database, (client) =>
    client.query('SELECT count(*)::int AS count FROM outbox_events WHERE type = $1 AND subject_id = $2', [
      type,
      uuidOf('var', id ?? ''),
    ]),
  )
  return rows[0].count
}

const priceOf = async (id: string | undefined) =>
  (await a.data('query ($id: ID!) { variant(id: $id) { version price { amountMinor } } }', { id })).variant

describe('productVariantsUpdate', () => {
  it('changes each row by its own fields, with an entry and an event each, and answers in input order', async () => {
    const ids = await variants(3)
    const answer = await update([
      { id: ids[2], expectedVersion: 1, price: usd(300) },
      { id: ids[0], expectedVersion: 1, sku: unique('NEW') },
      { id: ids[1], expectedVersion: 1, price: usd(100), title: 'Other' },
    ])
    expect(answer.userErrors).toEqual([])
    expect(answer.rows).toMatchObject([
      { index: 0, variant: { id: ids[2], version: 2, price: { amount: '3.00' } }, userErrors: [] },
      { index: 1, variant: { id: ids[0], version: 2, price: { amount: '10.00' } } },
      { index: 2, variant: { id: ids[1], version: 2, price: { amount: '1.00' } } },
    ])
    expect(await entriesOf('productVariantsUpdate', ids[2])).toEqual([
      {
        before: { priceMinor: '1000', currency: 'USD' },
        after: { priceMinor: '300', currency: 'USD' },
      },
    ])
    expect(await eventsOf('variant.updated', ids[2])).toBe(1)
  })

  it('ALL_OR_NOTHING changes nothing when one row is refused, and names every problem', async () => {
    const ids = await variants(3)
    await update([{ id: ids[1], expectedVersion: 1, price: usd(5) }])
    const { sku } = await makeVariant(a, { productId, stock: 0 })
    const answer = await update([
      { id: ids[0], expectedVersion: 1, price: usd(7) },
      { id: ids[1], expectedVersion: 1, price: usd(7) },
      { id: ids[2], expectedVersion: 1, sku },
      { id: encodeId('var', newId()), expectedVersion: 1 },
    ])
    expect(answer.userErrors.map(({ code, field }: Data) => `${field.join('.')} ${code}`)).toEqual([
      'rows.1.expectedVersion CONFLICT',
      'rows.1.price.amountMinor CONFLICT',
      'rows.2.sku TAKEN',
      'rows.3.id NOT_FOUND',
    ])
    expect(answer.rows.map(({ variant }: Data) => variant?.version ?? null)).toEqual([null, 2, null, null])
    expect(answer.rows[1].userErrors).toHaveLength(2)
    expect(await priceOf(ids[0])).toEqual({ version: 1, price: { amountMinor: '1000' } })
    expect(await entriesOf('productVariantsUpdate', ids[0])).toEqual([])
  })

  it('ALL_OR_NOTHING refuses an invalid row before anything is tried', async () => {
    const [id] = await variants(1)
    const input = { idempotencyKey: unique('key'), rows: [{ id, expectedVersion: 1, price: usd(-1) }] }
    const refused = (await a.data(UPDATE, { input })).productVariantsUpdate
    expect(refused.rows).toEqual([])
    expect(refused.userErrors[0].field).toEqual(['rows', '0', 'price', 'amountMinor'])
    // Nothing was stored under the key.
    const better = { ...input, rows: [{ id, expectedVersion: 1, price: usd(1) }] }
    expect((await a.data(UPDATE, { input: better })).productVariantsUpdate.userErrors).toEqual([])
  })

  it('PER_ROW changes what can be, whatever the others are refused for', async () => {
    const ids = await variants(6)
    await update([{ id: ids[1], expectedVersion: 1, price: usd(5) }])
    const { sku } = await makeVariant(a, { productId, stock: 0 })
    const answer = await update(
      [
        { id: ids[0], expectedVersion: 1, price: usd(7) },
        { id: ids[1], expectedVersion: 1, price: usd(7) },
        { id: ids[2], expectedVersion: 1, sku },
        { id: ids[3], expectedVersion: 1, price: usd(-7) },
        { id: ids[0], expectedVersion: 1, price: usd(8) },
        { id: ids[4], expectedVersion: 1, sku: 'same' },
        { id: ids[5], expectedVersion: 1, sku: 'same' },
        { id: 'nonsense', expectedVersion: 1 },
      ],
      { mode: 'PER_ROW' },
    )
    expect(answer.rows.map(({ userErrors }: Data) => userErrors[0]?.code ?? 'done')).toEqual([
      'done',
      'CONFLICT',
      'TAKEN',
      expect.not.stringMatching('done'),
      'DUPLICATE_ROW',
      'done',
      'TAKEN',
      'NOT_FOUND',
    ])
    expect(answer.rows[1].variant).toMatchObject({ version: 2, price: { amountMinor: '5' } })
    expect(await priceOf(ids[0])).toEqual({ version: 2, price: { amountMinor: '7' } })
    expect(await priceOf(ids[3])).toEqual({ version: 1, price: { amountMinor: '1000' } })
    expect(await eventsOf('variant.updated', ids[2])).toBe(0)
  })

  it.each(['ALL_OR_NOTHING', 'PER_ROW'])(
    '%s: 250 rows of a value that is taken are refused in a few statements',
    async (mode) => {
      const ids = await manyVariants(ROWS_MAX)
      const { sku } = await makeVariant(a, { productId, stock: 0 })
      const rows = ids.map((id) => ({ id, expectedVersion: 1, sku, price: usd(1) }))
      const { result, statements } = await countStatements(() => update(rows, { mode }))
      expect(new Set(result.userErrors.map(({ code }: Data) => code))).toEqual(new Set(['TAKEN']))
      expect(result.userErrors).toHaveLength(ROWS_MAX)
      expect(statements.length).toBeLessThan(STATEMENTS_MAX)
      expect(await priceOf(ids[0])).toEqual({ version: 1, price: { amountMinor: '1000' } })
    },
  )

  it('a value that a record has before the call is taken, also if its record gives it up in the call', async () => {
    const ids = await variants(3)
    const skus = [unique('CHAIN'), unique('CHAIN')]
    await update([{ id: ids[0], expectedVersion: 1, sku: skus[0] }])
    const answer = await update(
      [
        { id: ids[0], expectedVersion: 2, sku: skus[1] },
        { id: ids[1], expectedVersion: 1, sku: skus[0] },
        { id: ids[2], expectedVersion: 1, sku: skus[1] },
      ],
      { mode: 'PER_ROW' },
    )
    expect(answer.rows.map(({ userErrors }: Data) => userErrors[0]?.code ?? 'done')).toEqual([
      'done',
      'TAKEN',
      'TAKEN',
    ])
    const next = await update([{ id: ids[1], expectedVersion: 1, sku: skus[0] }])
    expect(next.userErrors).toEqual([])
  })

  it('PER_ROW refuses only the row with a text that cannot be stored; ALL_OR_NOTHING the call', async () => {
    const ids = await variants(2)
    const rows = [
      { id: ids[0], expectedVersion: 1, title: 'A\0B' },
      { id: ids[1], expectedVersion: 1, title: 'Fine' },
    ]
    const unstorable = { code: 'FORMAT', field: ['rows', '0', 'title'] }
    expect(await update(rows)).toMatchObject({ rows: [], userErrors: [unstorable] })
    const answer = await update(rows, { mode: 'PER_ROW' })
    expect(answer.userErrors).toMatchObject([unstorable])
    expect(answer.rows.map(({ variant }: Data) => variant?.version ?? null)).toEqual([null, 2])
    expect(await priceOf(ids[0])).toMatchObject({ version: 1 })
  })

  it('a conflict shows the current amount in the form in which the row has one', async () => {
    const ids = await variants(2)
    await update(ids.map((id) => ({ id, expectedVersion: 1, price: usd(550) })))
    const answer = await update([
      { id: ids[0], expectedVersion: 1, price: { amount: '7.25', currency: 'USD' } },
      { id: ids[1], expectedVersion: 1, price: usd(725) },
    ])
    expect(answer.userErrors.filter(({ field }: Data) => field.includes('price'))).toMatchObject([
      { field: ['rows', '0', 'price', 'amount'], message: 'it is now "5.50"', params: { current: '5.50' } },
      { field: ['rows', '1', 'price', 'amountMinor'], params: { current: '550' } },
    ])
  })

  it('a row that changes nothing keeps its version, without an entry and an event', async () => {
    const [id] = await variants(1)
    const answer = await update([{ id, expectedVersion: 1, price: usd(1000) }])
    expect(answer.rows[0].variant.version).toBe(1)
    expect(await entriesOf('productVariantsUpdate', id)).toEqual([])
    expect(await eventsOf('variant.updated', id)).toBe(0)
  })

  it.each(['ALL_OR_NOTHING', 'PER_ROW'])(
    '%s: a repeated call gets the same result for every row',
    async (mode) => {
      const ids = await variants(3)
      const input = {
        idempotencyKey: unique('key'),
        mode,
        rows: [
          { id: ids[0], expectedVersion: 1, price: usd(3) },
          { id: ids[1], expectedVersion: 7, price: usd(3) },
          { id: ids[2], expectedVersion: 1, price: usd(3) },
        ],
      }
      const first = await a.send(UPDATE, { input })
      expect(await a.send(UPDATE, { input })).toEqual({ ...first, extensions: { idempotency: 'replayed' } })
      expect(await entriesOf('productVariantsUpdate', ids[0])).toHaveLength(mode === 'PER_ROW' ? 1 : 0)
      const other = { ...input, rows: input.rows.slice(1) }
      const reused = (await a.data(UPDATE, { input: other })).productVariantsUpdate
      expect(reused).toMatchObject({ rows: [], userErrors: [{ code: 'IDEMPOTENCY_KEY_REUSED' }] })
    },
  )

  it('rivals over the same rows in opposite orders: one wins each row, and none deadlocks', async () => {
    const ids = await variants(20)
    const rowsOf = (price: number) => ids.map((id) => ({ id, expectedVersion: 1, price: usd(price) }))
    const calls = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((n) => update(n % 2 === 0 ? rowsOf(n) : rowsOf(n).reverse())),
    )
    const won = calls.filter(({ userErrors }) => userErrors.length === 0)
    expect(won).toHaveLength(1)
    for (const { userErrors } of calls) for (const { code } of userErrors) expect(code).toBe('CONFLICT')
  })

  it('cross-tenant: another tenant’s record is NOT_FOUND like a missing one, and untouched', async () => {
    const [id] = await variants(1)
    const b = api.as('B')
    const of = (one: string | undefined) =>
      update([{ id: one, expectedVersion: 1, price: usd(1) }], { mode: 'PER_ROW' }, b)
    const foreign = await of(id)
    expect(foreign.userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['rows', '0', 'id'] }])
    expect(foreign).toEqual(await of(encodeId('var', newId())))
    expect(await priceOf(id)).toEqual({ version: 1, price: { amountMinor: '1000' } })
  })

  it('takes 1 to 250 rows; STAFF may, VIEWER may not', async () => {
    const [id] = await variants(1)
    const row = { id, expectedVersion: 1 }
    for (const rows of [[], Array(ROWS_MAX + 1).fill(row)])
      expect(await update(rows)).toMatchObject({ rows: [], userErrors: [{ field: ['rows'] }] })
    const { errors } = await api.as('A', 'VIEWER').send(UPDATE, { input: { rows: [row] } })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'catalogue:write' } }])
    expect((await update([row], {}, api.as('A', 'STAFF'))).userErrors).toEqual([])
  })

  it('a key that may only write sees the rows that it changed, also again, and no others', async () => {
    const ids = await variants(2)
    await update([{ id: ids[1], expectedVersion: 1, price: usd(5) }])
    const { secret } = await makeKey(a, ['catalogue:write'])
    const source = UPDATE.replace('price { amount amountMinor currency }', '')
    const input = {
      idempotencyKey: unique('key'),
      mode: 'PER_ROW',
      rows: ids.map((id) => ({ id, expectedVersion: 1, price: usd(9) })),
    }
    for (const _ of ['first', 'again']) {
      const { data, errors } = await askWithKey({ url: api.url, secret, source, variables: { input } })
      expect(errors).toEqual([])
      expect(data.productVariantsUpdate.rows).toMatchObject([
        { variant: { id: ids[0], version: 2 }, userErrors: [] },
        {
          variant: null,
          userErrors: [{ code: 'CONFLICT', message: 'it was changed meanwhile, or never had this version' }],
        },
      ])
    }
    await update([{ id: ids[0], expectedVersion: 2, price: usd(10) }])
    const { data } = await askWithKey({ url: api.url, secret, source, variables: { input } })
    expect(data.productVariantsUpdate.rows[0].variant).toBeNull()
  })

  it('250 rows with their prices fit one call and its price, in a few statements', async () => {
    const ids = await manyVariants(ROWS_MAX)
    const rows = ids.map((id, n) => ({ id, expectedVersion: 1, title: `Kettle ${n}`, price: usd(n) }))
    const body = JSON.stringify({ query: UPDATE, variables: { input: { rows } } })
    const { result: response, statements } = await countStatements(() =>
      fetch(`${api.url}/graphql`, {
        method: 'POST',
        headers: { authorization: a.authorization, 'content-type': 'application/json' },
        body,
      }),
    )
    expect(statements.length).toBeLessThan(STATEMENTS_MAX)
    const { data, extensions } = (await response.json()) as Data
    expect(data.productVariantsUpdate.userErrors).toEqual([])
    expect(data.productVariantsUpdate.rows).toHaveLength(ROWS_MAX)
    expect(data.productVariantsUpdate.rows[249].variant).toMatchObject({
      version: 2,
      price: { amountMinor: '249' },
    })
    expect(extensions.cost.requested).toBeLessThan(COST_MAX)
    // By the row: a tenth of the rows costs about a tenth.
    expect(extensions.cost.requested).toBeGreaterThan(ROWS_MAX * 4)
    const again = await countStatements(() => update(rows.map((row) => ({ ...row, title: 'Pan' }))))
    expect(again.result.userErrors).toHaveLength(2 * ROWS_MAX)
    expect(again.statements.length).toBeLessThan(STATEMENTS_MAX)
  })
})

describe('the rows that the cost counts', () => {
  const ROWS = '[{ id: "a", expectedVersion: 1 }, { id: "b", expectedVersion: 1 }]'
  const rows = [
    { id: 'a', expectedVersion: 1 },
    { id: 'b', expectedVersion: 1 },
  ]
  const all = permissionsOf('OWNER')
  const schema = buildSchema()
  const costOf = (definitions: string, given: string, variables: Record<string, unknown>) => {
    const document = parse(
      `mutation ${definitions} { productVariantsUpdate(input: ${given}) { rows { variant { product { variants(first: 100) { nodes { id } } } } } } }`,
    )
    const operation = document.definitions[0] as OperationDefinitionNode
    return factsOf(schema, document, operation).plan(variables, all).cost
  }
  const [none, two] = [costOf('', '{ rows: [] }', {}), costOf('', `{ rows: ${ROWS} }`, {})]

  it.each([
    ['a variable', '($i: ProductVariantsUpdateInput!)', '$i', { i: { rows } }],
    ["a variable's default", `($i: ProductVariantsUpdateInput! = { rows: ${ROWS} })`, '$i', {}],
    ['a variable of the rows', '($r: [ProductVariantsUpdateRowInput!]!)', '{ rows: $r }', { r: rows }],
    ['its default', `($r: [ProductVariantsUpdateRowInput!]! = ${ROWS})`, '{ rows: $r }', {}],
  ])('are those of %s', (_form, definitions, given, variables) => {
    expect(two).toBeGreaterThan(none + 200)
    expect(costOf(definitions, given, variables)).toBe(two)
  })
})

describe('stockAdjustMany', () => {
  const adjust = async (rows: object[], more: object = {}) =>
    (await a.data(ADJUST, { input: { idempotencyKey: unique('stock'), rows, ...more } })).stockAdjustMany

  it('books a delivery, with a movement, an entry and an event each', async () => {
    const ids = await variants(3, 5)
    const answer = await adjust(ids.map((variantId, n) => ({ variantId, delta: n + 1, reason: 'RECEIPT' })))
    expect(answer.userErrors).toEqual([])
    expect(answer.rows.map(({ variant }: Data) => variant.stock.onHand)).toEqual([6, 7, 8])
    expect(await entriesOf('stockAdjustMany', ids[1])).toEqual([
      { before: { onHand: 5 }, after: { onHand: 7, reason: 'RECEIPT' } },
    ])
    expect(await eventsOf('stock.adjusted', ids[1])).toBe(2)
    expect(await untruths(api, 'A')).toEqual([])
  })

  it('never falls below what is reserved: all or nothing, or by the row; a variant twice is refused', async () => {
    const ids = await variants(2, 5)
    const rows = [
      { variantId: ids[0], delta: -3, reason: 'DAMAGE' },
      { variantId: ids[1], delta: -6, reason: 'DAMAGE' },
      { variantId: ids[0], delta: 1, reason: 'COUNT' },
      { variantId: encodeId('var', newId()), delta: 1, reason: 'COUNT' },
    ]
    const codes = [
      'rows.1.delta STOCK_INSUFFICIENT',
      'rows.2.variantId DUPLICATE_ROW',
      'rows.3.variantId NOT_FOUND',
    ]
    const codesOf = ({ userErrors }: Data) =>
      userErrors.map(({ code, field }: Data) => `${field.join('.')} ${code}`)
    expect(codesOf(await adjust(rows))).toEqual(codes)
    const answer = await adjust(rows, { mode: 'PER_ROW' })
    expect(codesOf(answer)).toEqual(codes)
    expect(answer.rows[0].variant.stock.onHand).toBe(2)
    expect(await untruths(api, 'A')).toEqual([])
  })

  it('the same key books once, however often and how many at once; the key is required', async () => {
    const [variantId] = await variants(1, 5)
    const input = { idempotencyKey: unique('stock'), rows: [{ variantId, delta: 1, reason: 'RECEIPT' }] }
    await Promise.all(Array.from({ length: 10 }, () => a.data(ADJUST, { input })))
    expect((await a.data(ADJUST, { input })).stockAdjustMany.rows[0].variant.stock.onHand).toBe(6)
    const { errors } = await a.send(ADJUST, { input: { rows: input.rows } })
    expect(errors[0]?.message).toMatch(/idempotencyKey/)
  })
})

describe('productsArchive', () => {
  it('archives many, each as productArchive does', async () => {
    const ids = [await makeProduct(a), await makeProduct(a)]
    const archive = async (rows: object[], more: object = {}) =>
      (await a.data(ARCHIVE, { input: { rows, ...more } })).productsArchive
    const answer = await archive(ids.map((id) => ({ id, expectedVersion: 1 })))
    expect(answer.rows).toMatchObject(ids.map((id) => ({ product: { id, status: 'ARCHIVED', version: 2 } })))
    expect(await eventsOf('product.archived', encodeId('var', uuidOf('prod', ids[0] ?? '')))).toBe(1)
    const again = await archive([{ id: ids[0], expectedVersion: 1 }], { mode: 'PER_ROW' })
    expect(again.rows).toMatchObject([
      {
        product: { version: 2 },
        userErrors: [{ code: 'CONFLICT', field: ['rows', '0', 'expectedVersion'] }],
      },
    ])
  })
})
