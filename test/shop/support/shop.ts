// Makes products and orders through the API. Each call makes one thing and returns its id.
import type { Api, Session, TenantKey } from '../../support/api.ts'
import { done } from '../../support/done.ts'
import { unique } from '../../support/unique.ts'

export interface Goods {
  title?: string
  sku?: string
  priceMinor?: bigint
  currency?: string
  stock?: number
  status?: 'DRAFT' | 'ACTIVE'
  productId?: string
}

/** A variant with stock. Default: of a new product. */
export async function makeVariant(
  session: Session,
  goods: Goods = {},
): Promise<{ id: string; productId: string; sku: string }> {
  const sku = goods.sku ?? unique('SKU')
  const title = goods.title ?? `Thing ${sku}`
  const productId =
    goods.productId ?? (await makeProduct(session, { title, status: goods.status ?? 'ACTIVE' }))
  const { variant } = await done(
    session,
    `mutation ($input: VariantCreateInput!) {
      variantCreate(input: $input) { variant { id } userErrors { field message code } }
    }`,
    {
      productId,
      sku,
      title,
      price: { amountMinor: (goods.priceMinor ?? 1000n).toString(), currency: goods.currency ?? 'USD' },
    },
  )
  if (goods.stock !== 0) await adjustStock(session, variant.id, goods.stock ?? 100)
  return { id: variant.id, productId, sku }
}

export async function makeProduct(session: Session, input: Record<string, unknown> = {}): Promise<string> {
  const { product } = await done(
    session,
    `mutation ($input: ProductCreateInput!) {
      productCreate(input: $input) { product { id } userErrors { field message code } }
    }`,
    { title: 'Thing', handle: unique('thing'), ...input },
  )
  return product.id
}

async function adjustStock(session: Session, variantId: string, delta: number): Promise<void> {
  await done(
    session,
    `mutation ($input: StockAdjustInput!) {
      stockAdjust(input: $input) { variant { id } userErrors { field message code } }
    }`,
    { idempotencyKey: unique('stock'), variantId, delta, reason: 'RECEIPT' },
  )
}

export async function makeCustomer(session: Session, input: Record<string, unknown> = {}): Promise<string> {
  const { customer } = await done(
    session,
    `mutation ($input: CustomerCreateInput!) {
      customerCreate(input: $input) { customer { id } userErrors { field message code } }
    }`,
    { email: `${unique('buyer')}@${session.tenant.toLowerCase()}.example`, name: 'Ada Buyer', ...input },
  )
  return customer.id
}

export interface Placed {
  id: string
  number: number
  version: number
}

export const ORDER_PLACE = `mutation ($input: OrderPlaceInput!) {
  orderPlace(input: $input) {
    order { id number version status total { amountMinor currency } }
    userErrors { field message code }
  }
}`

export type Line = { variantId: string; quantity: number }

export async function placeOrder(session: Session, customerId: string, lines: Line[]): Promise<Placed> {
  const { order } = await done(session, ORDER_PLACE, { idempotencyKey: unique('order'), customerId, lines })
  return order
}

const connected = new WeakMap<Api, Map<TenantKey, Promise<string>>>()

/**
 * The tenant's account with the sandbox, connected at the first call; returns its id. Without `events` it sends no
 * events, so that nothing happens besides the test's own calls.
 */
export function connectSandbox(api: Api, tenant: TenantKey, { events = false } = {}): Promise<string> {
  const known = connected.get(api) ?? new Map<TenantKey, Promise<string>>()
  connected.set(api, known)
  const connection =
    known.get(tenant) ??
    done(
      api.as(tenant),
      `mutation ($input: PaymentProviderConnectInput!) {
        paymentProviderConnect(input: $input) { paymentProvider { id } userErrors { field message code } }
      }`,
      { provider: 'SANDBOX', ...(!events && { webhookSecret: `whsec_${unique('nobody-is-told')}` }) },
    ).then(({ paymentProvider }) => paymentProvider.id as string)
  known.set(tenant, connection)
  return connection
}

export const PAYMENT_TAKE = `mutation ($input: PaymentTakeInput!) {
  paymentTake(input: $input) {
    payment { id status failureCode actionUrl amount { amountMinor currency } fee { amountMinor } order { id status paymentStatus } }
    userErrors { field message code }
  }
}`

export const REFUND_CREATE = `mutation ($input: RefundCreateInput!) {
  refundCreate(input: $input) {
    refund { id status amount { amountMinor } payment { id refundedAmount { amountMinor } } }
    userErrors { field message code }
  }
}`

/** Pays an order through the sandbox, with a card that succeeds; returns the payment's id. */
export async function payOrder(api: Api, tenant: TenantKey, id: string): Promise<string> {
  await connectSandbox(api, tenant)
  const input = { idempotencyKey: unique('pay'), orderId: id, paymentMethod: 'pm_card_visa' }
  const { payment } = await done(api.as(tenant), PAYMENT_TAKE, input)
  return payment.id
}

/** Refunds a payment, or a part of it; returns the refund's id. */
export async function refundPayment(
  session: Session,
  paymentId: string,
  amountMinor?: bigint,
): Promise<string> {
  const amount =
    amountMinor === undefined ? undefined : { amountMinor: amountMinor.toString(), currency: 'USD' }
  const input = { idempotencyKey: unique('refund'), paymentId, amount }
  const { refund } = await done(session, REFUND_CREATE, input)
  return refund.id
}

/** Writes a note about an order; returns its id. */
export async function addNote(session: Session, orderId: string, text = 'Written down'): Promise<string> {
  const { orderNote } = await done(
    session,
    `mutation ($input: OrderNoteAddInput!) {
      orderNoteAdd(input: $input) { orderNote { id } userErrors { field message code } }
    }`,
    { idempotencyKey: unique('note'), orderId, text },
  )
  return orderNote.id
}

export const ORDER_TAGS_SET = `mutation ($input: OrderTagsSetInput!) {
  orderTagsSet(input: $input) { order { id version tags } userErrors { field message code params } }
}`

/** Sets the tags of an order of this version. */
export async function setTags(
  session: Session,
  id: string,
  tags: readonly string[],
  expectedVersion = 1,
): Promise<void> {
  await done(session, ORDER_TAGS_SET, { id, tags, expectedVersion, idempotencyKey: unique('tags') })
}

export interface Shop {
  products: string[]
  variants: string[]
  customers: string[]
  orders: Record<'PLACED' | 'PAID' | 'FULFILLED' | 'CANCELLED', Placed>
}

/** A few records of everything, in every state; every text of them starts with the tenant's name. */
export async function makeShop(api: Api, tenant: TenantKey): Promise<Shop> {
  const session = api.as(tenant)
  const name = tenant === 'A' ? 'Anchor' : 'Bollard'
  const variants = []
  for (const n of [1, 2, 3]) {
    variants.push(await makeVariant(session, { sku: `${name}-${n}`, title: `${name} kettle ${n}` }))
  }
  const customers = []
  for (const n of [1, 2]) {
    customers.push(
      await makeCustomer(session, {
        email: `${name.toLowerCase()}.buyer${n}@shop.example`,
        name: `${name} Buyer ${n}`,
        phone: `${name} phone`,
        address: { line1: `${name} street`, city: `${name}ville`, country: 'DE' },
      }),
    )
  }
  const [customer = ''] = customers
  const lines = variants.slice(0, 2).map(({ id }) => ({ variantId: id, quantity: 2 }))
  const place = () => placeOrder(session, customer, lines)
  const orders = {
    PLACED: await place(),
    PAID: await place(),
    FULFILLED: await place(),
    CANCELLED: await place(),
  }
  for (const order of [orders.PAID, orders.FULFILLED]) {
    await payOrder(api, tenant, order.id)
    order.version += 1
  }
  await done(
    session,
    `mutation ($input: OrderFulfillInput!) { orderFulfill(input: $input) { userErrors { message } } }`,
    { id: orders.FULFILLED.id, expectedVersion: 2, idempotencyKey: unique('fulfil') },
  )
  await done(
    session,
    `mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { userErrors { message } } }`,
    {
      id: orders.CANCELLED.id,
      expectedVersion: 1,
      idempotencyKey: unique('cancel'),
      reason: `${name} reason`,
    },
  )
  orders.FULFILLED.version += 1
  orders.CANCELLED.version += 1
  return {
    products: variants.map(({ productId }) => productId),
    variants: variants.map(({ id }) => id),
    customers,
    orders,
  }
}
