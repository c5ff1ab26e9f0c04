// Creating products and variants: the result, every refusal, other tenants, roles.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId } from '../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { unique } from '../../support/unique.ts'
import { makeProduct, makeVariant } from '../support/shop.ts'
import { untruths } from '../support/truth.ts'

let api: Api
let a: Session
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
})
afterEach(async () => {
  for (const tenant of ['A', 'B'] as const) expect(await untruths(api, tenant)).toEqual([])
})
afterAll(() => api?.close())

const SOURCES = {
  productCreate:
    'product { id handle title description vendor category status version variants { totalCount } }',
  productUpdate: 'product { id handle title description vendor category status version }',
  productArchive: 'product { status version }',
  variantCreate:
    'variant { id sku title price { amount } version product { id } stock { onHand reserved available } }',
  variantUpdate: 'variant { id sku price { amountMinor currency } version }',
  stockAdjust:
    'variant { stock { onHand reserved available } stockMovements { nodes { reason onHandDelta reservedDelta } } }',
}
type Mutation = keyof typeof SOURCES

function sourceOf(mutation: Mutation): string {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`
  return `mutation ($input: ${type}!) { ${mutation}(input: $input) { ${SOURCES[mutation]} userErrors { field message code } } }`
}

async function call(mutation: Mutation, input: Record<string, unknown>, session = a): Promise<Data> {
  return (await session.data(sourceOf(mutation), { input }))[mutation]
}

const refusals = ({ userErrors }: Data) =>
  userErrors.map(({ field, code }: Data) => `${code} ${field.join('.')}`)

const PRICE = { amountMinor: '100', currency: 'USD' }

describe('productCreate', () => {
  it('makes an active product with a handle of its title', async () => {
    const { product, userErrors } = await call('productCreate', { title: '  Étoile & Söhne  ' })
    expect(userErrors).toEqual([])
    expect(product).toMatchObject({
      handle: 'etoile-sohne',
      title: 'Étoile & Söhne',
      description: '',
      vendor: '',
      category: '',
      status: 'ACTIVE',
      version: 1,
      variants: { totalCount: 0 },
    })
    expect((await a.data('{ product(handle: "etoile-sohne") { id } }')).product.id).toBe(product.id)
  })

  it('reports every error at once', async () => {
    const input = {
      title: ' ',
      handle: 'Not A Handle',
      description: 'x'.repeat(20_001),
      vendor: 'x'.repeat(256),
      category: 'x'.repeat(256),
    }
    expect(refusals(await call('productCreate', input)).sort()).toEqual([
      'FORMAT handle',
      'REQUIRED title',
      'TOO_LONG category',
      'TOO_LONG description',
      'TOO_LONG vendor',
    ])
    expect(refusals(await call('productCreate', { title: '日本' }))).toEqual(['REQUIRED handle'])
    expect(refusals(await call('productCreate', { title: 'x'.repeat(256) }))).toEqual(['TOO_LONG title'])
  })

  it.each(['-a', 'a-', 'a--b', 'a_b', 'é', 'a b', 'A', 'a\n'])('refuses the handle %j', async (handle) => {
    expect(refusals(await call('productCreate', { title: 'T', handle }))).toEqual(['FORMAT handle'])
  })

  it('makes a handle of any valid title', async () => {
    const { product } = await call('productCreate', { title: `${'ﬃ'.repeat(84)}ab ﬃ` })
    expect(product.handle).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    const again = await call('productUpdate', { id: product.id, expectedVersion: 1, handle: product.handle })
    expect(again.userErrors).toEqual([])
  })

  it('a handle is unique within the tenant: cross-tenant, the same one is free', async () => {
    const handle = unique('taken')
    await makeProduct(a, { handle })
    expect(refusals(await call('productCreate', { title: 'T', handle }))).toEqual(['TAKEN handle'])
    expect(refusals(await call('productCreate', { title: 'T', handle }, api.as('B')))).toEqual([])
    const other = await makeProduct(a)
    const update = await call('productUpdate', { id: other, expectedVersion: 1, handle })
    expect(refusals(update)).toEqual(['TAKEN handle'])
  })

  it('with a key is made once, also when sent many times at once', async () => {
    const input = { title: 'Once', idempotencyKey: unique('key'), handle: unique('once') }
    const payloads = await Promise.all(Array.from({ length: 10 }, () => call('productCreate', input)))
    const ids = new Set(payloads.flatMap(({ product }) => product?.id ?? []))
    expect(ids.size).toBe(1)
    for (const payload of payloads)
      expect(['', 'IDEMPOTENCY_KEY_IN_USE idempotencyKey']).toContain(refusals(payload).join())
  })
})

describe('productUpdate and productArchive', () => {
  it('omitted fields stay; null and an empty text empty a text, and are refused where one is needed', async () => {
    const { product } = await call('productCreate', {
      title: 'T',
      vendor: 'V',
      category: 'C',
      handle: unique('stays'),
    })
    const changed = await call('productUpdate', {
      id: product.id,
      expectedVersion: 1,
      vendor: '',
      category: null,
    })
    expect(changed.product).toMatchObject({ title: 'T', vendor: '', category: '', version: 2 })
    for (const none of [null, '']) {
      const refused = await call('productUpdate', {
        id: product.id,
        expectedVersion: 2,
        title: none,
        handle: none,
      })
      expect(refusals(refused).sort()).toEqual(['REQUIRED handle', 'REQUIRED title'])
    }
  })

  it('an archived product stays, with its handle', async () => {
    const id = await makeProduct(a)
    expect((await call('productArchive', { id, expectedVersion: 1 })).product).toEqual({
      status: 'ARCHIVED',
      version: 2,
    })
    expect(refusals(await call('productArchive', { id, expectedVersion: 1 }))).toContain(
      'CONFLICT expectedVersion',
    )
  })
})

describe('variantCreate', () => {
  it('adds a variant with no stock, after the others', async () => {
    const productId = await makeProduct(a)
    for (const title of ['One', 'Two', 'Three']) {
      const { variant, userErrors } = await call('variantCreate', {
        productId,
        sku: unique('V'),
        title,
        price: PRICE,
      })
      expect(userErrors).toEqual([])
      expect(variant).toMatchObject({
        title,
        price: { amount: '1.00' },
        product: { id: productId },
        stock: { onHand: 0, reserved: 0, available: 0 },
      })
    }
    const { product } = await a.data(
      'query ($id: ID!) { product(id: $id) { variants { nodes { title } } } }',
      { id: productId },
    )
    expect(product.variants.nodes.map(({ title }: Data) => title)).toEqual(['One', 'Two', 'Three'])
  })

  it('refuses all that is wrong at once, and amounts out of bounds', async () => {
    const productId = await makeProduct(a)
    const input = { productId, sku: ' ', title: '', price: { amountMinor: '-1', currency: 'USD' } }
    expect(refusals(await call('variantCreate', input))).toEqual([
      'REQUIRED sku',
      'REQUIRED title',
      'OUT_OF_RANGE price.amountMinor',
    ])
    for (const amountMinor of ['1000000000001', '9223372036854775807', '-9223372036854775808']) {
      const price = { amountMinor, currency: 'USD' }
      expect(
        refusals(await call('variantCreate', { productId, sku: unique('V'), title: 'T', price })),
      ).toEqual(['OUT_OF_RANGE price.amountMinor'])
    }
    for (const price of [
      { amountMinor: '9223372036854775808', currency: 'USD' },
      { amountMinor: '1', currency: 'usd' },
      { amountMinor: 1.5, currency: 'USD' },
    ]) {
      const { errors } = await a.send(sourceOf('variantCreate'), {
        input: { productId, sku: unique('V'), title: 'T', price },
      })
      expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
    }
  })

  it('a SKU is taken within the tenant alone', async () => {
    const { sku, productId } = await makeVariant(a)
    expect(refusals(await call('variantCreate', { productId, sku, title: 'T', price: PRICE }))).toEqual([
      'TAKEN sku',
    ])
    const other = await makeVariant(a)
    expect(refusals(await call('variantUpdate', { id: other.id, expectedVersion: 1, sku }))).toEqual([
      'TAKEN sku',
    ])
    const foreign = await makeProduct(api.as('B'))
    expect(
      refusals(
        await call('variantCreate', { productId: foreign, sku, title: 'T', price: PRICE }, api.as('B')),
      ),
    ).toEqual([])
  })

  it('cross-tenant: for another tenant’s product is NOT_FOUND, as for an absent and a malformed one', async () => {
    const foreign = await makeProduct(a)
    const payloads = []
    for (const productId of [foreign, encodeId('prod', newId()), 'prod_x', (await makeVariant(a)).id])
      payloads.push(
        await call('variantCreate', { productId, sku: unique('V'), title: 'T', price: PRICE }, api.as('B')),
      )
    expect(payloads[0]).toEqual({
      variant: null,
      userErrors: [{ code: 'NOT_FOUND', field: ['productId'], message: 'there is no such product' }],
    })
    for (const payload of payloads) expect(payload).toEqual(payloads[0])
  })

  it('a conflict over a price names the fields of the price', async () => {
    const { id } = await makeVariant(a, { priceMinor: 100n })
    const price = { amountMinor: '200', currency: 'EUR' }
    await call('variantUpdate', { id, expectedVersion: 1, price })
    const late = await call('variantUpdate', {
      id,
      expectedVersion: 1,
      price: { amountMinor: '300', currency: 'USD' },
    })
    expect(late.userErrors.slice(1)).toEqual([
      { code: 'CONFLICT', field: ['price', 'amountMinor'], message: 'it is now "200"' },
      { code: 'CONFLICT', field: ['price', 'currency'], message: 'it is now "EUR"' },
    ])
    expect(late.variant.price).toEqual(price)
  })
})

it('VIEWER may read the catalogue and change nothing of it: FORBIDDEN names the permission', async () => {
  const { id, productId, sku } = await makeVariant(a)
  const viewer = api.as('A', 'VIEWER')
  expect(
    await viewer.data('query ($sku: String) { variant(sku: $sku) { id stock { available } } }', { sku }),
  ).toMatchObject({ variant: { id } })
  const inputs: [Mutation, Record<string, unknown>, string][] = [
    ['productCreate', { title: 'T' }, 'catalogue:write'],
    ['productUpdate', { id: productId, expectedVersion: 1 }, 'catalogue:write'],
    ['productArchive', { id: productId, expectedVersion: 1 }, 'catalogue:write'],
    ['variantCreate', { productId, sku: 'X', title: 'T', price: PRICE }, 'catalogue:write'],
    ['variantUpdate', { id, expectedVersion: 1 }, 'catalogue:write'],
    ['stockAdjust', { variantId: id, delta: 1, reason: 'COUNT', idempotencyKey: 'k' }, 'stock:write'],
  ]
  for (const [mutation, input, permission] of inputs) {
    const { errors } = await viewer.send(sourceOf(mutation), { input })
    expect(errors, mutation).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission } }])
  }
})

it('a look-up takes one of its arguments, and returns null for another tenant’s', async () => {
  const { sku, productId, id } = await makeVariant(a)
  for (const args of ['', '(id: "x", sku: "y")', '(id: null)']) {
    const { errors } = await a.send(`{ variant${args} { id } }`)
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT', message: 'give one of id, sku' }])
  }
  const b = api.as('B')
  const source =
    'query ($sku: String, $v: ID, $p: ID) { a: variant(sku: $sku) { id } b: variant(id: $v) { id } c: product(id: $p) { id } }'
  expect(await b.data(source, { sku, v: id, p: productId })).toEqual({ a: null, b: null, c: null })
})
