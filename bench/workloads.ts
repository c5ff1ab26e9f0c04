// The requests of the workloads, and how answers are compared.
import { decodeId } from '../src/core/ids.ts'
import { CUSTOMERS_PER_TENANT, publicId, rowId, type Shape, VARIANTS_PER_TENANT } from './rows.ts'

export const WORKLOADS = ['W1', 'W2', 'W3', 'W4'] as const
export type Workload = (typeof WORKLOADS)[number]

export const PEERS = ['raw', 'typical', 'postgraphile', 'bulkhead'] as const
/** `before` is another checkout of the product. */
export type Peer = (typeof PEERS)[number] | 'before'

/** Whether it is the product: its ids are opaque, and its documents the product's own. */
export function isProduct(peer: Peer): boolean {
  return peer === 'bulkhead' || peer === 'before'
}

export const WORKLOAD_NAMES: Record<Workload, string> = {
  W1: 'one order by id',
  W2: '20 orders, each with its customer',
  W3: 'W2, each with its 3 lines',
  W4: 'place an order of 3 lines',
}

const ORDER_FIELDS = 'id number status placedAt total { amountMinor currency } customer { id name email }'
const LINE_FIELDS = 'nodes { sku quantity unitPrice { amountMinor } total { amountMinor } }'

const QUERIES: Record<Workload, string> = {
  W1: 'query Order($id: ID!) { order(id: $id) { id number status version currency total { amountMinor } } }',
  W2: `query Orders { orders(first: 20) { nodes { ${ORDER_FIELDS} } pageInfo { hasNextPage endCursor } } }`,
  W3: `query OrdersWithLines { orders(first: 20) { nodes { ${ORDER_FIELDS} lines(first: 20) { ${LINE_FIELDS} } } pageInfo { hasNextPage endCursor } } }`,
  W4: `mutation OrderPlace($input: OrderPlaceInput!) { orderPlace(input: $input) {
    order { id number status total { amountMinor } lines { nodes { sku quantity total { amountMinor } } } }
    userErrors { field message code } } }`,
}

/** The same data in PostGraphile's own words, with aliases where the answer then is the same. */
const POSTGRAPHILE_ORDER =
  'id: rowId number status placedAt totalMinor currency customer: customerByTenantIdAndCustomerId { id: rowId name email }'
const POSTGRAPHILE_LINES =
  'lines: orderLinesByTenantIdAndOrderId(first: 20, orderBy: [POSITION_ASC]) { nodes { sku quantity unitPriceMinor totalMinor } }'
const postgraphileOrders = (name: string, lines: string) =>
  `query ${name} { orders: allOrders(first: 20, orderBy: [PLACED_AT_DESC, ROW_ID_DESC]) { nodes { ${POSTGRAPHILE_ORDER} ${lines} } pageInfo { hasNextPage endCursor } } }`

const POSTGRAPHILE_QUERIES: Record<Workload, string> = {
  W1: `query Order($tenantId: UUID!, $id: UUID!) { order: orderByTenantIdAndRowId(tenantId: $tenantId, rowId: $id) {
    id: rowId number status version currency totalMinor } }`,
  W2: postgraphileOrders('Orders', ''),
  W3: postgraphileOrders('OrdersWithLines', POSTGRAPHILE_LINES),
  W4: `mutation OrderPlace($input: BenchPostgraphileOrderPlaceInput!) { orderPlace: benchPostgraphileOrderPlace(input: $input) {
    order: result { id: rowId number status totalMinor
      lines: orderLinesByTenantIdAndOrderId(orderBy: [POSITION_ASC]) { nodes { sku quantity totalMinor } } } } }`,
}

const LINES_PLACED = 3

/**
 * The path and the body of a request. `turn` chooses its rows, in the same way for every peer; `key` makes an order of
 * W4 a new one.
 */
export function requestOf(
  peer: Peer,
  workload: Workload,
  shape: Shape,
  { tenant, turn, key }: { readonly tenant: number; readonly turn: number; readonly key: string },
): { readonly path: string; readonly body: string } {
  const variables = variablesOf(isProduct(peer), workload, shape, tenant, turn, key)
  if (peer === 'raw') return { path: `/${workload}`, body: JSON.stringify(variables) }
  if (peer === 'postgraphile') {
    const own = workload === 'W1' ? { ...variables, tenantId: rowId('tenant', tenant, 0) } : variables
    return {
      path: '/graphql',
      body: JSON.stringify({ query: POSTGRAPHILE_QUERIES[workload], variables: own }),
    }
  }
  return { path: '/graphql', body: JSON.stringify({ query: QUERIES[workload], variables }) }
}

function variablesOf(
  opaque: boolean,
  workload: Workload,
  { ordersPerTenant }: Shape,
  tenant: number,
  turn: number,
  key: string,
): object {
  const id = (kind: 'order' | 'customer' | 'variant', rows: number, step: number) =>
    publicId(opaque, kind, rowId(kind, tenant, ((turn * step) % rows) + 1))
  switch (workload) {
    case 'W1':
      return { id: id('order', ordersPerTenant, 7) }
    case 'W2':
    case 'W3':
      return {}
    case 'W4': {
      const lines = Array.from({ length: LINES_PLACED }, (_, line) => ({
        variantId: publicId(
          opaque,
          'variant',
          rowId('variant', tenant, ((turn * 11 + line * 17) % VARIANTS_PER_TENANT) + 1),
        ),
        quantity: line + 1,
      }))
      return { input: { idempotencyKey: key, customerId: id('customer', CUSTOMERS_PER_TENANT, 3), lines } }
    }
  }
}

/**
 * An answer in the form that all peers share: ids as UUIDs, a cursor only as present or absent, and a new order without
 * id and number.
 */
export function comparable(peer: Peer, workload: Workload, body: string): unknown {
  const own = JSON.parse(body) as Record<string, unknown>
  const seen = peer === 'postgraphile' ? fromPostgraphile(workload, own) : own
  // The specification leaves `extensions` to servers.
  const { extensions: _, ...answer } = seen
  return JSON.parse(JSON.stringify(answer), (key, value: unknown) => {
    if (key === 'endCursor') return typeof value === 'string'
    if (key === 'id' && typeof value === 'string')
      return workload === 'W4' ? 'new' : (decodeId(value)?.uuid ?? value)
    if (key === 'number' && workload === 'W4') return typeof value
    return value
  })
}

/** PostGraphile shows columns, and its function has no user errors: puts its answer into the others' form. */
function fromPostgraphile(workload: Workload, answer: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(answer), (key, value: unknown) => {
    if (key === 'placedAt') return new Date(value as string).toISOString()
    if (key === 'orderPlace') return { ...(value as object), userErrors: [] }
    if (typeof value !== 'object' || value === null || !('totalMinor' in value)) return value
    const { totalMinor, unitPriceMinor, currency, ...others } = value as Record<string, unknown>
    const total = { amountMinor: totalMinor }
    if (unitPriceMinor !== undefined) return { ...others, unitPrice: { amountMinor: unitPriceMinor }, total }
    if (workload === 'W1') return { ...others, currency, total }
    return { ...others, total: currency === undefined ? total : { ...total, currency } }
  }) as Record<string, unknown>
}

/** The UUID of the order in an answer of W4. */
export function placedOrderId(body: string): string {
  const { data } = JSON.parse(body) as { data: { orderPlace: { order: { id: string } } } }
  const { id } = data.orderPlace.order
  return decodeId(id)?.uuid ?? id
}
