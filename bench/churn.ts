// Requests that are seldom the same: documents, operation names, deciding variables, page sizes and filters vary, so that a
// server's documents, plans and statements are replaced many times in a long run.
import { publicId, rowId } from './rows.ts'

/** How often a document is sent, one time after the other, and then never again. */
const USES = 3
const PAGE_MAX = 40

const ORDER = [
  'number',
  'status',
  'paymentStatus',
  'currency',
  'version',
  'placedAt',
  'updatedAt',
  'holdsStock',
  'total { amountMinor currency }',
  'paidAmount { amountMinor }',
  'outstandingAmount { amountMinor }',
  'buyer { name email }',
]
const CUSTOMER = ['name', 'email', 'version', 'createdAt']
const LINE = ['quantity', 'title', 'unitPrice { amountMinor }', 'total { amountMinor currency }']
const SORT_KEYS = ['PLACED_AT', 'NUMBER', 'TOTAL', 'UPDATED_AT']

/** The body of the request with this number, from 0. */
export function churnBody(tenant: number, turn: number): string {
  const number = Math.floor(turn / USES)
  return JSON.stringify({
    query: documentOf(number),
    operationName: `${turn % 4 === 3 ? 'Customers' : 'Orders'}${number}`,
    variables: {
      first: (turn % PAGE_MAX) + 1,
      filter: filterOf(tenant, turn),
      sortKey: SORT_KEYS[turn % SORT_KEYS.length],
      withLines: turn % 2 === 0,
      withoutCustomer: turn % 3 === 0,
    },
  })
}

function documentOf(number: number): string {
  // Neighbouring numbers select different fields.
  const bits = (number * 2_654_435_761) >>> 0
  const some = (fields: readonly string[], shift: number) =>
    fields.filter((_, index) => ((bits >>> (shift + index)) & 1) === 1).join(' ')
  const page = (number % PAGE_MAX) + 1
  return `query Orders${number}($first: Int, $filter: OrderFilter, $sortKey: OrderSortKey, $withLines: Boolean!, $withoutCustomer: Boolean!) {
    orders(first: $first, filter: $filter, sortKey: $sortKey) {
      nodes {
        id ${some(ORDER, 0)}
        customer @skip(if: $withoutCustomer) { id ${some(CUSTOMER, 12)} }
        lines(first: ${page}) @include(if: $withLines) { nodes { sku ${some(LINE, 16)} } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
  query Customers${number}($withLines: Boolean!) {
    customers(first: ${page}) { nodes { id ${some(CUSTOMER, 20)} orders(first: 2) @include(if: $withLines) { nodes { id ${some(ORDER, 0)} } } } }
  }`
}

function filterOf(tenant: number, turn: number): object | null {
  switch (turn % 5) {
    case 0:
      return null
    case 1:
      return { status: ['PLACED', 'PAID'] }
    case 2:
      return { number: (turn % 40) + 1 }
    case 3:
      return { customerId: publicId(true, 'customer', rowId('customer', tenant, (turn % 40) + 1)) }
    default:
      return { placedFrom: '2026-01-01T00:00:00.000Z', paymentStatus: ['UNPAID'] }
  }
}
