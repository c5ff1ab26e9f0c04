// Follows docs/clients.md: its frontend compiles as strictly as TypeScript can, and Apollo Client, urql and Relay do with the
// server what the guide says.
import type { ApolloClient, ErrorLike } from '@apollo/client'
import type { Client } from '@urql/core'
import runtime, { type Environment, type GraphQLTaggedNode } from 'relay-runtime'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { readTrustedDocuments } from '../../../../src/edge/trusted-documents.ts'
import { type Api, type Data, type Session, startApi } from '../../../support/api.ts'
import { asOwner } from '../../../support/database.ts'
import { done } from '../../../support/done.ts'
import { unique } from '../../../support/unique.ts'
import { makeCustomer, makeVariant, placeOrder } from '../../support/shop.ts'
import { type Frontend, makeFrontend } from './frontend.ts'

const ORDERS = 7

/** The guide's own modules, whose types only its own compiler knows. */
type Modules = Record<
  'send' | 'attempts' | 'edit' | 'apollo' | 'urql' | 'relay' | 'documents' | 'relayDocuments',
  Data
>

let api: Api
let a: Session
let frontend: Frontend
let guide: Modules
let customerId: string
let variantId: string
/** Buys only before the tests. */
let buyerId: string
/** Their orders' numbers, in the order of the list. */
const numbers: number[] = []

beforeAll(async () => {
  frontend = await makeFrontend()
  guide = {
    send: await frontend.load('src/send.ts'),
    attempts: await frontend.load('src/attempts.ts'),
    edit: await frontend.load('src/edit-customer.ts'),
    apollo: await frontend.load('src/apollo.ts'),
    urql: await frontend.load('src/urql.ts'),
    relay: await frontend.load('src/relay/environment.ts'),
    documents: await frontend.load('src/documents.ts'),
    relayDocuments: await frontend.load('src/relay/documents.ts'),
  }
  api = await startApi()
  a = api.as('A')
  customerId = await makeCustomer(a, { name: 'Ada', phone: '+49 1' })
  buyerId = await makeCustomer(a)
  variantId = (await makeVariant(a, { stock: 100 })).id
  for (let n = 0; n < ORDERS; n += 1)
    numbers.unshift((await placeOrder(a, buyerId, [{ variantId, quantity: 1 }])).number)
})
afterAll(async () => {
  await api?.close()
  await frontend?.remove()
})

/** Every answer that the frontend got. */
let answers: { status: number; retryAfter: string | null; body: Data }[]
/** What happens to the next requests instead of being sent and answered. */
let faults: ((forward: () => Promise<Response>) => Promise<Response>)[]
let stored: Map<string, string>
beforeEach(() => {
  answers = []
  faults = []
  stored = new Map()
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  })
  const real = globalThis.fetch
  vi.stubGlobal('fetch', async (...asked: Parameters<typeof fetch>) => {
    // The tests' own requests name no tenant: the token does.
    if (!new Headers(asked[1]?.headers).has('bulkhead-tenant')) return await real(...asked)
    const forward = () => real(...asked)
    const response = await (faults.shift() ?? ((sent) => sent()))(forward)
    const body = await response.clone().json()
    answers.push({ status: response.status, retryAfter: response.headers.get('retry-after'), body })
    return response
  })
})
afterEach(() => {
  vi.unstubAllGlobals()
})

const refusal = (status: number, code: string) => async () =>
  new Response(JSON.stringify({ errors: [{ message: code, extensions: { code } }] }), {
    status,
    headers: { 'content-type': 'application/graphql-response+json', 'retry-after': '1' },
  })
const lostAnswer = async (forward: () => Promise<Response>): Promise<Response> => {
  await forward()
  throw new TypeError('fetch failed')
}
const unauthenticated = async () => new Response('{"errors":[]}', { status: 401 })

type Caller = Pick<Session, 'authorization'>

function sessionOf(session: Caller): Data {
  const token = session.authorization.replace('Bearer ', '')
  return { tenant: 'anchor', token: () => token, refresh: vi.fn(async () => {}) }
}
const sendAs = (session: Caller) => guide.send.createSend(sessionOf(session)) as typeof fetch
const url = () => `${api.url}/graphql`
const apolloAs = (session: Caller): ApolloClient => guide.apollo.createApollo(url(), sendAs(session))
const urqlAs = (session: Caller): Client => guide.urql.createUrql(url(), sendAs(session))
const relayAs = (session: Caller): Environment => guide.relay.createEnvironment(url(), sendAs(session))

const orderInput = () => ({ customerId, lines: [{ variantId, quantity: 1 }] })
const orderCount = async () => (await a.data('{ orders(first: 1) { totalCount } }')).orders.totalCount
const openForm = async () =>
  (await a.data('query ($id: ID!) { customer(id: $id) { id version name email phone } }', { id: customerId }))
    .customer
/** What a colleague does meanwhile. */
const colleagueSets = async (change: object) => {
  const { id, version } = await openForm()
  await done(
    a,
    'mutation ($input: CustomerUpdateInput!) { customerUpdate(input: $input) { customer { id } userErrors { message } } }',
    { id, expectedVersion: version, ...change },
  )
}
const asForm = ({ name, email, phone }: Data) => ({ name, email, phone })
const listed = (orders: Data): number[] => orders.edges.map(({ node }: Data) => node.number)

it('compiles under strict, exactOptionalPropertyTypes and noUncheckedIndexedAccess', async () => {
  expect(await frontend.run('tsc', '-p', '.').catch(({ stdout }) => stdout)).toBe('')
})

it('gives the same key for the same input, also after a reload, and a new one once it is settled', () => {
  const { keyFor, settle } = guide.attempts
  const key = keyFor('order', { quantity: 1 })
  expect(keyFor('order', { quantity: 1 })).toBe(key)
  settle('order', [{ code: 'IDEMPOTENCY_KEY_IN_USE' }])
  expect(keyFor('order', { quantity: 1 })).toBe(key)
  expect(keyFor('order', { quantity: 2 })).not.toBe(key)
  settle('order', [{ code: 'STOCK_INSUFFICIENT' }])
  expect(keyFor('order', { quantity: 2 })).not.toBe(key)
})

describe('sending', () => {
  const placeWith = async (send: typeof fetch, idempotencyKey: string): Promise<Data> => {
    const query =
      'mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { order { number } userErrors { code } } }'
    const response = await send(url(), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables: { input: { ...orderInput(), idempotencyKey } } }),
    })
    return await response.json()
  }

  it.each([
    ['a 429', refusal(429, 'RATE_LIMITED'), 'executed'],
    ['a 503', refusal(503, 'SERVICE_UNAVAILABLE'), 'executed'],
    ['a lost answer', lostAnswer, 'replayed'],
  ])('places an order once after %s', async (_name, fault, idempotency) => {
    const before = await orderCount()
    faults = [fault]
    const { data, extensions } = await placeWith(sendAs(a), unique('key'))
    expect(data.orderPlace.userErrors).toEqual([])
    expect(extensions.idempotency).toBe(idempotency)
    expect(await orderCount()).toBe(before + 1)
  })

  it('waits for a call with the same key, and gets its outcome', async () => {
    const before = await orderCount()
    const send = sendAs(a)
    const key = unique('key')
    const both = await asOwner(api.database, api.tenantIds.A, async (owner) => {
      // The first call waits here, with its key claimed.
      await owner.query('SELECT 1 FROM stock_levels FOR UPDATE')
      const first = placeWith(send, key)
      const second = placeWith(send, key)
      await vi.waitFor(() => expect(answers).toHaveLength(1), { timeout: 10_000 })
      expect(answers).toMatchObject([
        {
          status: 200,
          retryAfter: '1',
          body: { data: { orderPlace: { userErrors: [{ code: 'IDEMPOTENCY_KEY_IN_USE' }] } } },
        },
      ])
      return [first, second]
    })
    const [first, second] = await Promise.all(both)
    expect(first?.data).toEqual(second?.data)
    expect(await orderCount()).toBe(before + 1)
  })

  it('renews a refused token once, for all requests', async () => {
    const session = sessionOf(a)
    const send = guide.send.createSend(session)
    faults = [unauthenticated, unauthenticated]
    await Promise.all([placeWith(send, unique('key')), placeWith(send, unique('key'))])
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 200, 200])
    expect(session.refresh).toHaveBeenCalledOnce()
  })

  it('gives up after some attempts, and shows the last answer', async () => {
    const refused = refusal(503, 'SERVICE_UNAVAILABLE')
    faults = [refused, refused, refused, refused, refused]
    expect((await placeWith(sendAs(a), unique('key'))).errors[0].extensions.code).toBe('SERVICE_UNAVAILABLE')
    expect(answers).toHaveLength(5)
  })
})

/** A client of the guide, in the words of the tests that all of them share. */
type Same = {
  /** A list opened after its third order, then its previous page, then its next page: the orders shown at the end. */
  walk(session: Session): Promise<number[]>
  /** The form that is shown after an edit without another request; `save` gets the form as it was opened. */
  edit(session: Session, change: object | null): Promise<{ shown: Data; outcome: Data; requests: number }>
  /** The part of the dashboard that is there, and what is said of the other. */
  dashboard(session: Caller): Promise<{ days: number; customers: unknown; failed: unknown }>
}

const DASHBOARD = { from: '2026-01-01', until: '2026-01-07' }
const CURSOR = `query ($filter: OrderFilter, $n: Int!) {
  orders(filter: $filter, first: $n, sortKey: NUMBER) { pageInfo { endCursor } }
}`
const filter = () => ({ customerId: buyerId })
const cursorAfter = async (n: number): Promise<string> =>
  (await a.data(CURSOR, { filter: filter(), n })).orders.pageInfo.endCursor

const apollo: Same = {
  async walk(session) {
    const client = apolloAs(session)
    const { OrderList } = guide.documents
    const variables = { filter: filter(), first: 2, after: await cursorAfter(3) }
    const shown = client.watchQuery<Data, Data>({ query: OrderList, variables })
    const shownNow = () => client.readQuery<Data, Data>({ query: OrderList, variables })
    const first = await new Promise<Data>((resolve, reject) => {
      shown.subscribe({ next: ({ data, loading }) => loading || resolve(data), error: reject })
    })
    await shown.fetchMore({
      variables: {
        first: undefined,
        after: undefined,
        last: 2,
        before: first.orders.pageInfo.startCursor,
      },
    })
    const { orders } = shownNow()
    await shown.fetchMore({ variables: { after: orders.pageInfo.endCursor } })
    return listed(shownNow().orders)
  },
  async edit(session, change) {
    const client = apolloAs(session)
    const query = { query: guide.documents.OpenCustomer, variables: { id: customerId } }
    const opened = (await client.query<Data>(query)).data?.customer
    if (change !== null) await colleagueSets(change)
    const before = answers.length
    const outcome = await guide.apollo.saveCustomer(client, opened, { ...asForm(opened), phone: '+49 2' })
    const requests = answers.length - before
    const shown = client.readQuery<Data>(query)?.customer
    return { shown, outcome, requests }
  },
  async dashboard(session) {
    const { data, error } = await apolloAs(session).query<Data>({
      query: guide.documents.Dashboard,
      variables: DASHBOARD,
    })
    return {
      days: data?.salesByDay.length,
      customers: data?.customers,
      failed: guide.apollo.failures(error as ErrorLike).get('customers'),
    }
  },
}

const urql: Same = {
  async walk(session) {
    const client = urqlAs(session)
    const { OrderList } = guide.documents
    const variables = { filter: filter(), first: 2, after: await cursorAfter(3) }
    const first = (await client.query<Data>(OrderList, variables)).data
    await client.query(OrderList, { filter: filter(), last: 2, before: first.orders.edges[0].cursor })
    const next = { filter: filter(), first: 2, after: first.orders.pageInfo.endCursor }
    return listed((await client.query<Data>(OrderList, next)).data.orders)
  },
  async edit(session, change) {
    const client = urqlAs(session)
    const { OpenCustomer } = guide.documents
    const opened = (await client.query<Data>(OpenCustomer, { id: customerId })).data.customer
    if (change !== null) await colleagueSets(change)
    const before = answers.length
    const outcome = await guide.urql.saveCustomer(client, opened, { ...asForm(opened), phone: '+49 2' })
    const requests = answers.length - before
    const shown = client.readQuery<Data>(OpenCustomer, { id: customerId })?.data.customer
    return { shown, outcome, requests }
  },
  async dashboard(session) {
    const { data, error } = await urqlAs(session).query<Data>(guide.documents.Dashboard, DASHBOARD)
    const failed = error?.graphQLErrors.find(({ path }) => path?.join('.') === 'customers')
    return { days: data?.salesByDay.length, customers: data?.customers, failed: failed?.extensions.code }
  },
}

const { commitMutation, createOperationDescriptor, fetchQuery, getRequest, getSingularSelector } = runtime

const relay: Same = {
  async walk(session) {
    const environment = relayAs(session)
    const { OrderPage, OrderRows } = guide.relayDocuments
    const load = async (page: object) => {
      const variables = { filter: filter(), ...page }
      const data = await fetchQuery(environment, OrderPage, variables).toPromise()
      return environment.lookup(getSingularSelector(OrderRows, data) as Data).data as Data
    }
    const { orders: first } = await load({ first: 2, after: await cursorAfter(3) })
    const { orders } = await load({ last: 2, before: first.edges[0].cursor })
    return listed((await load({ first: 2, after: orders.edges.at(-1).cursor })).orders)
  },
  async edit(session, change) {
    const environment = relayAs(session)
    const { CustomerPage, EditCustomer } = guide.relayDocuments
    const page = createOperationDescriptor(getRequest(CustomerPage), { id: customerId })
    await fetchQuery(environment, CustomerPage, { id: customerId }).toPromise()
    const shownNow = () => (environment.lookup(page.fragment).data as Data).node
    const opened = { id: customerId, ...shownNow() }
    if (change !== null) await colleagueSets(change)
    const before = answers.length
    const outcome = await guide.edit.editCustomer(
      opened,
      { ...asForm(opened), phone: '+49 2' },
      (input: object) => committed(environment, EditCustomer, { input }),
    )
    return { shown: shownNow(), outcome, requests: answers.length - before }
  },
  async dashboard(session) {
    const environment = relayAs(session)
    const data = (await fetchQuery(
      environment,
      guide.relayDocuments.Dashboard,
      DASHBOARD,
    ).toPromise()) as Data
    return { days: data.salesByDay.length, customers: null, failed: data.customers }
  },
}

const committed = (environment: Environment, mutation: GraphQLTaggedNode, variables: object): Promise<Data> =>
  new Promise((resolve, reject) => {
    commitMutation<Data>(environment, {
      mutation,
      variables,
      onCompleted: ({ customerUpdate }) => resolve(customerUpdate),
      onError: reject,
    })
  })

describe.each([
  ['Apollo Client', apollo],
  ['urql', urql],
  ['Relay', relay],
] as const)('%s', (_name, client) => {
  it('pages both ways, and shows one list', async () => {
    expect(await client.walk(a)).toEqual(numbers.slice(1, ORDERS))
  })

  it('shows what an edit answers, without another request', async () => {
    const { shown, outcome, requests } = await client.edit(a, null)
    expect(outcome.payload.userErrors).toEqual([])
    expect(shown).toMatchObject({ phone: '+49 2' })
    expect(requests).toBe(1)
  })

  it('merges an edit with what somebody else changed', async () => {
    await colleagueSets({ phone: '+49 1' })
    const name = unique('Ada')
    const { shown, outcome, requests } = await client.edit(a, { name })
    expect(outcome).toMatchObject({ kind: 'answered', payload: { userErrors: [] } })
    expect(shown).toMatchObject({ name, phone: '+49 2' })
    expect(await openForm()).toMatchObject({ name, phone: '+49 2' })
    expect(requests).toBe(2)
  })

  it('lets the user decide what both changed', async () => {
    await colleagueSets({ phone: '+49 1' })
    const { shown, outcome } = await client.edit(a, { phone: '+49 3' })
    expect(outcome).toMatchObject({ kind: 'conflict', fields: ['phone'], theirs: { phone: '+49 3' } })
    expect(shown).toMatchObject({ phone: '+49 3' })
  })

  it('shows what there is of a partial answer, and why the rest is missing', async () => {
    const { secret } = await done(
      a,
      'mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { message } } }',
      { name: unique('Figures'), permissions: ['figures:read'] },
    )
    const { days, customers, failed } = await client.dashboard(api.bearing(secret))
    expect([days, customers]).toEqual([7, null])
    expect(JSON.stringify(failed)).toMatch(/FORBIDDEN|customers:read/)
  })
})

it('changes many prices in one call, and shows those that were changed', async () => {
  const client = apolloAs(a)
  const made = [await makeVariant(a), await makeVariant(a), await makeVariant(a)]
  const rows = made.map(({ id }, index) => ({
    id,
    // Of the second one somebody has seen another version.
    expectedVersion: index === 1 ? 7 : 1,
    price: { amount: '12.50', currency: 'USD' },
  }))
  const input = { mode: 'PER_ROW', rows }
  const { data } = await client.mutate<Data>({
    mutation: guide.documents.SetPrices,
    variables: { input: { ...input, idempotencyKey: guide.attempts.keyFor('prices', input) } },
  })
  expect(answers).toHaveLength(1)
  const refused = data?.productVariantsUpdate.rows.filter(({ userErrors }: Data) => userErrors.length > 0)
  expect(refused).toMatchObject([
    { index: 1, userErrors: expect.arrayContaining([expect.objectContaining({ code: 'CONFLICT' })]) },
  ])
  const prices = made.map(({ id }) => (client.cache.extract() as Data)[`Variant:${id}`]?.price.amount)
  expect(prices).toEqual(['12.50', '10.00', '12.50'])
})

it('its manifest of documents is one that TRUSTED_DOCUMENTS takes', async () => {
  const path = frontend.pathOf('src/gql/persisted-documents.json')
  const trusted = await readTrustedDocuments({ path, only: true, schema: api.schema })
  const { hash } = guide.documents.OrderList.__meta__
  expect(trusted.resolve({ documentId: hash }).query).toContain('query OrderList(')
})
