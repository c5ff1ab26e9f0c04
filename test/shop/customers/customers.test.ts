// Customers: creation, every refusal, other tenants, roles.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId } from '../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { unique } from '../../support/unique.ts'
import { makeCustomer, makeVariant, placeOrder } from '../support/shop.ts'

let api: Api
let a: Session
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
})
afterAll(() => api?.close())

const CUSTOMER = 'id email name phone version address { line1 line2 city postalCode country }'

async function call(
  mutation: 'customerCreate' | 'customerUpdate',
  input: Record<string, unknown>,
  session = a,
): Promise<Data> {
  const type = mutation === 'customerCreate' ? 'CustomerCreateInput' : 'CustomerUpdateInput'
  const data = await session.data(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) { customer { ${CUSTOMER} } userErrors { field message code } } }`,
    { input },
  )
  return data[mutation]
}

const refusals = ({ userErrors }: Data) =>
  userErrors.map(({ field, code }: Data) => `${code} ${field.join('.')}`)

const ADDRESS = { line1: 'Pier 1', line2: null, city: 'Harbour', postalCode: '20457', country: 'DE' }

describe('customerCreate', () => {
  it('makes a customer, with the address in small letters', async () => {
    const input = { email: ' Ada@Sea.Example ', name: ' Ada ', phone: '+49', address: ADDRESS }
    const { customer, userErrors } = await call('customerCreate', input)
    expect(userErrors).toEqual([])
    expect(customer).toMatchObject({
      email: 'ada@sea.example',
      name: 'Ada',
      phone: '+49',
      version: 1,
      address: ADDRESS,
    })
    const { customers } = await a.data('{ customers(filter: { email: "ADA@sea.example" }) { nodes { id } } }')
    expect(customers.nodes).toEqual([{ id: customer.id }])
  })

  it('reports every error at once', async () => {
    const input = {
      email: 'nobody',
      name: ' ',
      phone: 'x'.repeat(256),
      address: { line1: 'x'.repeat(256), country: 'Germany' },
    }
    expect(refusals(await call('customerCreate', input)).sort()).toEqual([
      'FORMAT address.country',
      'FORMAT email',
      'REQUIRED name',
      'TOO_LONG address.line1',
      'TOO_LONG phone',
    ])
  })

  it.each(['@', 'a@', '@b', 'a b@c', 'a@b@c'])('refuses the address %j', async (email) => {
    expect(refusals(await call('customerCreate', { email, name: 'N' }))).toEqual(['FORMAT email'])
  })

  it('refuses no address, and one that is too long', async () => {
    expect(refusals(await call('customerCreate', { email: '', name: 'N' }))).toEqual(['REQUIRED email'])
    const long = `${'x'.repeat(320)}@x`
    expect(refusals(await call('customerCreate', { email: long, name: 'N' }))).toEqual(['TOO_LONG email'])
  })

  it.each(['İstanbul@x.example', 'ΑΣ@x.example', 'Straße@x.example', 'ǅ@x.example'])(
    'accepts %j',
    async (email) => {
      expect(refusals(await call('customerCreate', { email, name: 'N' }))).toEqual([])
    },
  )

  it('an address is taken within the tenant alone, in any case: cross-tenant, it is free', async () => {
    const email = `${unique('taken')}@x.example`
    await makeCustomer(a, { email })
    expect(refusals(await call('customerCreate', { email: email.toUpperCase(), name: 'N' }))).toEqual([
      'TAKEN email',
    ])
    expect(refusals(await call('customerCreate', { email, name: 'N' }, api.as('B')))).toEqual([])
    const other = await makeCustomer(a)
    expect(refusals(await call('customerUpdate', { id: other, expectedVersion: 1, email }))).toEqual([
      'TAKEN email',
    ])
  })

  it('of ten at once with one address, one is made', async () => {
    const email = `${unique('race')}@x.example`
    const payloads = await Promise.all(
      Array.from({ length: 10 }, () => call('customerCreate', { email, name: 'N' })),
    )
    expect(payloads.filter(({ customer }) => customer !== null)).toHaveLength(1)
    expect(payloads.filter((payload) => refusals(payload).join() === 'TAKEN email')).toHaveLength(9)
  })
})

describe('customerUpdate', () => {
  it('keeps what is left out, and clears what is null', async () => {
    const { customer } = await call('customerCreate', {
      email: `${unique('c')}@x.example`,
      name: 'N',
      phone: '1',
      address: ADDRESS,
    })
    const input = {
      id: customer.id,
      expectedVersion: 1,
      phone: null,
      address: { city: null, line2: 'Floor 2' },
    }
    const changed = await call('customerUpdate', input)
    expect(changed.customer).toEqual({
      ...customer,
      version: 2,
      phone: null,
      address: { ...ADDRESS, city: null, line2: 'Floor 2' },
    })
    const refused = await call('customerUpdate', {
      id: customer.id,
      expectedVersion: 2,
      name: null,
      email: null,
    })
    expect(refusals(refused).sort()).toEqual(['REQUIRED email', 'REQUIRED name'])
    const cleared = await call('customerUpdate', { id: customer.id, expectedVersion: 2, address: null })
    const none = Object.fromEntries(Object.keys(ADDRESS).map((field) => [field, null]))
    expect(cleared.customer).toEqual({ ...changed.customer, version: 3, address: none })
  })
})

it('a customer shows their orders, latest first, and their number', async () => {
  const id = await makeCustomer(a)
  const { id: variantId } = await makeVariant(a)
  const numbers: number[] = []
  for (let n = 0; n < 3; n += 1)
    numbers.unshift((await placeOrder(a, id, [{ variantId, quantity: 1 }])).number)
  await placeOrder(a, await makeCustomer(a), [{ variantId, quantity: 1 }])
  const { customer, orders } = await a.data(
    `query ($id: ID!) {
      customer(id: $id) { orders(first: 2) { totalCount nodes { number } pageInfo { hasNextPage } } }
      orders(filter: { customerId: $id }) { totalCount }
    }`,
    { id },
  )
  expect(customer.orders).toEqual({
    totalCount: 3,
    nodes: numbers.slice(0, 2).map((number) => ({ number })),
    pageInfo: { hasNextPage: true },
  })
  expect(orders.totalCount).toBe(3)
})

it('cross-tenant: another tenant’s customer is null, as an absent and a malformed one, and has no orders', async () => {
  const foreign = await makeCustomer(a)
  for (const id of [foreign, encodeId('cust', newId()), 'cust_x', '']) {
    const answer = await api
      .as('B')
      .send(
        'query ($id: ID!) { customer(id: $id) { email } orders(filter: { customerId: $id }) { totalCount } }',
        { id },
      )
    expect(answer).toEqual({
      data: { customer: null, orders: { totalCount: 0 } },
      errors: [],
      extensions: {},
    })
  }
})

it('VIEWER may read customers, and make none', async () => {
  const viewer = api.as('A', 'VIEWER')
  expect((await viewer.data('{ customers(first: 1) { nodes { email } } }')).customers.nodes).toHaveLength(1)
  const { errors } = await viewer.send(
    'mutation { customerCreate(input: { email: "a@b.example", name: "N" }) { userErrors { code } } }',
  )
  expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'customers:write' } }])
})
