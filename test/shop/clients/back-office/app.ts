// A merchant's back office, without a framework: every part of the page is drawn from what Apollo's cache has. It is written as
// docs/clients.md says, on that guide's own modules, and uses nothing else of the server than its schema.
import type { ApolloClient } from '@apollo/client'
import { createApollo, failures, saveCustomer } from '../apollo'
import { keyFor, settle } from '../attempts'
import { OpenCustomer, OrderList, SetPrices } from '../documents'
import type {
  CustomerFilter,
  OrderFilter,
  ProductFilter,
  ProductVariantsUpdateRowInput,
} from '../gql/graphql'
import { createSend } from '../send'
import { signIn } from '../sign-in'
import { AddNote, Customers, Dashboard, OpenOrder, Prices, Products, RefundLines } from './documents'

const PAGE = 5
const RISE_MINOR = 100n
const PRICES_A_PAGE = 100

type Problem = { field?: string[] | null; message: string }
type Amount = { amount: string; currency: string }

const text = (money: Amount | null | undefined): string => (money ? `${money.amount} ${money.currency}` : '-')
const said = (problems: readonly Problem[]): string => problems.map(({ message }) => message).join('; ')

/** The element of this id, made when it is first drawn. */
function part(id: string, tag = 'pre'): HTMLElement {
  const known = document.getElementById(id)
  if (known !== null) return known
  const made = Object.assign(document.createElement(tag), { id })
  document.body.append(made)
  return made
}
function draw(id: string, lines: readonly string[]): void {
  part(id).textContent = lines.join('\n')
}
/** A button that may be pressed again before the answer is there, as a user does. */
function button(id: string, press: () => Promise<unknown>): void {
  const element = part(id, 'button')
  element.textContent = id
  element.onclick = () => void press().catch((error: unknown) => draw('problem', [String(error)]))
}
function input(id: string, value: string): HTMLInputElement {
  const field = part(id, 'input') as HTMLInputElement
  field.value = value
  return field
}

async function start(api: string): Promise<void> {
  const tokens = await signIn(`${api}/oidc`, 'local')
  if (tokens === null) return
  const answer = await fetch(`${api}/auth/tenants`, {
    headers: { authorization: `Bearer ${tokens.token()}` },
  })
  const { tenants } = (await answer.json()) as { tenants: { slug: string }[] }
  const [tenant] = tenants
  if (tenant === undefined) throw new Error('a member of no tenant')
  const client = createApollo(`${api}/graphql`, createSend({ tenant: tenant.slug, ...tokens }))
  const open = { openDashboard, openOrders, openCustomers, openProducts, openCustomer, openOrder, openPrices }
  Object.assign(window, {
    open: (view: keyof typeof open, given: never) => open[view](client, given),
  })
  draw('tenant', [tenant.slug])
}

function openDashboard(client: ApolloClient, variables: { from: string; until: string }): void {
  client.watchQuery({ query: Dashboard, variables }).subscribe(({ data, dataState, error }) => {
    if (dataState !== 'complete') return
    const { viewer, salesByDay, topProducts, orderCounts, lowStock, buyers, books } = data
    const failed = failures(error)
    draw('who', [`${viewer?.member?.email} ${viewer?.role} ${viewer?.tenant?.name}`])
    draw('sales', salesByDay?.map(({ date, orders, net }) => `${date} ${orders} ${text(net)}`) ?? [])
    draw('top', topProducts?.map(({ quantity, product }) => `${quantity} ${product?.title}`) ?? [])
    draw('counts', orderCounts?.map(({ status, count }) => `${status} ${count}`) ?? [])
    draw('low-stock', [`${lowStock?.totalCount}`])
    draw(
      'buyers',
      buyers?.nodes.map(
        ({ name, orderCount, lifetimeValue }) => `${name} ${orderCount} ${text(lifetimeValue)}`,
      ) ?? [],
    )
    draw('books', [books == null ? `not shown: ${failed.get('books')}` : `balanced ${books.balanced}`])
    draw('failed', [...failed.keys()])
  })
}

type PageArguments = { first?: number; after?: string; last?: number; before?: string }
type Ends = {
  hasNextPage: boolean
  hasPreviousPage: boolean
  startCursor?: string | null
  endCursor?: string | null
}

/** A list with a button for its next page, and one for its previous: a link may lead into its middle. */
function drawList(
  id: string,
  rows: readonly string[] | undefined,
  ends: Ends | undefined,
  fetchMore: (page: { variables: object }) => Promise<unknown>,
): void {
  if (rows === undefined || ends === undefined) return
  draw(id, rows)
  draw(`${id}-end`, [ends.endCursor ?? ''])
  button(`${id}-next`, () => fetchMore({ variables: { after: ends.endCursor } }))
  button(`${id}-previous`, () =>
    fetchMore({ variables: { first: undefined, after: undefined, last: PAGE, before: ends.startCursor } }),
  )
}

function openOrders(client: ApolloClient, given: PageArguments & { filter: OrderFilter }): void {
  const shown = client.watchQuery({ query: OrderList, variables: { first: PAGE, ...given } })
  shown.subscribe(({ data, dataState }) => {
    if (dataState !== 'complete') return
    const rows = data.orders?.edges.map(({ node }) => `${node.number} ${node.status} ${text(node.total)}`)
    drawList('orders', rows, data.orders?.pageInfo, (page) => shown.fetchMore(page))
  })
}

function openCustomers(client: ApolloClient, given: PageArguments & { filter: CustomerFilter }): void {
  const shown = client.watchQuery({ query: Customers, variables: { first: PAGE, ...given } })
  shown.subscribe(({ data, dataState }) => {
    if (dataState !== 'complete') return
    const rows = data.customers?.edges.map(({ node }) => `${node.id} ${node.name} ${node.phone ?? ''}`)
    drawList('customers', rows, data.customers?.pageInfo, (page) => shown.fetchMore(page))
  })
}

function openProducts(client: ApolloClient, given: PageArguments & { filter: ProductFilter }): void {
  const shown = client.watchQuery({ query: Products, variables: { first: PAGE, ...given } })
  shown.subscribe(({ data, dataState }) => {
    if (dataState !== 'complete') return
    const rows = data.products?.edges.map(({ node }) => `${node.vendor} ${node.title}`)
    drawList('products', rows, data.products?.pageInfo, (page) => shown.fetchMore(page))
  })
}

/** A form that stays as it was opened, while the record may change behind it. */
async function openCustomer(client: ApolloClient, { id }: { id: string }): Promise<void> {
  const { data } = await client.query({ query: OpenCustomer, variables: { id }, fetchPolicy: 'network-only' })
  let opened = data?.customer
  if (opened == null) throw new Error('no such customer')
  const name = input('name', opened.name)
  const phone = input('phone', opened.phone ?? '')
  button('save-customer', async () => {
    if (opened == null) return
    const mine = { ...opened, name: name.value, phone: phone.value }
    const outcome = await saveCustomer(client, opened, mine)
    if (outcome.kind === 'conflict') {
      draw(
        'conflict',
        outcome.fields.map((field) => `${field} ${outcome.theirs[field]}`),
      )
      opened = outcome.theirs
      return
    }
    draw('problem', [said(outcome.payload.userErrors)])
    opened = outcome.payload.customer ?? opened
    name.value = opened.name
    phone.value = opened.phone ?? ''
    draw('saved', [`${opened.version} ${opened.name} ${opened.phone}`])
  })
}

/** Raises the first prices by one unit of the currency, all in one call. */
async function openPrices(client: ApolloClient): Promise<void> {
  const shown = client.watchQuery({ query: Prices, variables: { first: PRICES_A_PAGE } })
  let rows: ProductVariantsUpdateRowInput[] = []
  shown.subscribe(({ data, dataState }) => {
    if (dataState !== 'complete') return
    const variants = (data.variants?.edges ?? []).map(({ node }) => node)
    draw(
      'prices',
      variants.map(({ sku, price }) => `${sku} ${text(price)}`),
    )
    rows = variants.map(({ id, version, price: { amountMinor, currency } }) => ({
      id,
      expectedVersion: version,
      price: { amountMinor: String(BigInt(amountMinor) + RISE_MINOR), currency },
    }))
    button('more-prices', () => shown.fetchMore({ variables: { after: data.variants?.pageInfo.endCursor } }))
  })
  button('raise', async () => {
    const asked = { rows }
    const variables = { input: { ...asked, idempotencyKey: keyFor('prices', asked) } }
    const { data, error } = await client.mutate({ mutation: SetPrices, variables })
    if (data?.productVariantsUpdate == null) throw error ?? new Error('no payload')
    settle('prices', data.productVariantsUpdate.userErrors)
    draw('raised', [`${data.productVariantsUpdate.rows.length}`, said(data.productVariantsUpdate.userErrors)])
  })
}

function openOrder(client: ApolloClient, variables: { number: number }): void {
  const note = input('note-text', '')
  client.watchQuery({ query: OpenOrder, variables }).subscribe(({ data, dataState }) => {
    if (dataState !== 'complete' || data.order == null) return
    const { order } = data
    draw('order', [`${order.number} ${order.paymentStatus} ${text(order.refundedAmount)}`])
    draw(
      'lines',
      order.lines.nodes.map(
        ({ sku, quantity, refundedQuantity, restockedQuantity, variant }) =>
          `${sku} ${quantity} ${refundedQuantity} ${restockedQuantity} ${variant?.stock?.available}`,
      ),
    )
    draw(
      'timeline',
      order.timeline.nodes.map(
        ({ kind, reason, text: note, actorLabel }) => `${kind} ${actorLabel} ${reason ?? note ?? ''}`,
      ),
    )
    button('refund', () => refundOnePiece(client, order.payments?.nodes[0]?.id, order.lines.nodes[0]?.id))
    button('note', () => addNote(client, order.id, note.value))
  })
}

async function refundOnePiece(client: ApolloClient, paymentId = '', lineId = ''): Promise<void> {
  const asked = {
    paymentId,
    lines: [{ lineId, quantity: 1, restock: true }],
    method: 'BANK_TRANSFER' as const,
    reason: 'DAMAGED' as const,
  }
  const form = `refund:${paymentId}`
  const variables = { input: { ...asked, idempotencyKey: keyFor(form, asked) } }
  const { data, error } = await client.mutate({ mutation: RefundLines, variables })
  if (data?.refundRecord == null) throw error ?? new Error('no payload')
  settle(form, data.refundRecord.userErrors)
  draw('problem', [said(data.refundRecord.userErrors)])
}

async function addNote(client: ApolloClient, orderId: string, note: string): Promise<void> {
  const asked = { orderId, text: note }
  const form = `note:${orderId}`
  const variables = { input: { ...asked, idempotencyKey: keyFor(form, asked) } }
  const { data, error } = await client.mutate({ mutation: AddNote, variables })
  if (data?.orderNoteAdd == null) throw error ?? new Error('no payload')
  settle(form, data.orderNoteAdd.userErrors)
  draw('problem', [said(data.orderNoteAdd.userErrors)])
}

/** The API's address is in the link that leads here; the provider's page leads back without it. */
const api = new URLSearchParams(location.search).get('api') ?? sessionStorage.getItem('api') ?? ''
sessionStorage.setItem('api', api)
start(api).catch((error: unknown) => draw('problem', [String(error)]))
