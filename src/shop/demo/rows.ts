// The rows of one demo tenant, table by table, in the schema's shape: camelCase names, amounts in minor units. The
// database fills in `tenant_id` from the transaction's tenant.

interface TenantRow {
  id: string
  slug: string
  name: string
  currency: string
  createdAt: Date
}

export interface MemberRow {
  id: string
  email: string
  name: string
  role: 'OWNER' | 'ADMIN' | 'STAFF' | 'VIEWER'
  createdAt: Date
  updatedAt: Date
}

export interface ProductRow {
  id: string
  handle: string
  title: string
  description: string
  vendor: string
  category: string
  status: 'DRAFT' | 'ACTIVE' | 'ARCHIVED'
  version: number
  createdAt: Date
  updatedAt: Date
}

export interface VariantRow {
  id: string
  productId: string
  sku: string
  title: string
  priceMinor: bigint
  currency: string
  position: number
  version: number
  createdAt: Date
  updatedAt: Date
}

export interface CustomerRow {
  id: string
  email: string
  name: string
  phone: string | null
  addressLine1: string
  addressLine2: string | null
  city: string
  postalCode: string
  country: string
  version: number
  createdAt: Date
  updatedAt: Date
}

export interface OrderRow {
  id: string
  number: number
  customerId: string
  status: 'PLACED' | 'PAID' | 'FULFILLED' | 'CANCELLED'
  paymentStatus: 'UNPAID' | 'PAID' | 'PARTIALLY_REFUNDED' | 'REFUNDED'
  currency: string
  totalMinor: bigint
  paidMinor: bigint
  refundedMinor: bigint
  reducedMinor: bigint
  buyer: object
  shippingAddress: object
  billingAddress: object
  holdsStock: boolean
  cancelReason: string | null
  version: number
  placedAt: Date
  fulfilledAt: Date | null
  cancelledAt: Date | null
  updatedAt: Date
}

export interface OrderLineRow {
  id: string
  orderId: string
  position: number
  variantId: string
  sku: string
  title: string
  quantity: number
  currency: string
  unitPriceMinor: bigint
  totalMinor: bigint
}

export interface StockLevelRow {
  variantId: string
  onHand: number
  reserved: number
}

export interface StockMovementRow {
  id: string
  variantId: string
  reason: 'RECEIPT' | 'COUNT' | 'DAMAGE' | 'RESERVATION' | 'RELEASE' | 'FULFILMENT'
  onHandDelta: number
  reservedDelta: number
  orderId: string | null
  createdAt: Date
}

export interface PaymentRow {
  id: string
  orderId: string
  providerKind: 'MANUAL'
  status: 'SUCCEEDED'
  amountMinor: bigint
  currency: string
  refundedMinor: bigint
  refundPendingMinor: bigint
  feeMinor: bigint
  method: string
  attempts: number
  version: number
  createdAt: Date
  updatedAt: Date
  settledAt: Date
}

export interface RefundRow {
  id: string
  paymentId: string
  status: 'SUCCEEDED'
  amountMinor: bigint
  reducesMinor: bigint
  currency: string
  attempts: number
  version: number
  createdAt: Date
  updatedAt: Date
  settledAt: Date
}

/** The code of an account that every tenant has from the start, and the id to give it. */
export interface LedgerAccountId {
  code: string
  id: string
}

export interface JournalEntryRow {
  id: string
  kind: 'SALE' | 'REFUND'
  sourceType: string
  sourceId: string
  postingCount: number
  postedAt: Date
}

export interface PostingRow {
  id: string
  entryId: string
  position: number
  accountId: string
  currency: string
  amountMinor: bigint
  postedAt: Date
}

export interface AuditEntryRow {
  id: string
  actorKind: 'MEMBER'
  actorId: string
  actorLabel: string
  action: string
  subjectType: string
  subjectId: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  requestId: string
  createdAt: Date
}

/** All rows of one tenant. The tables are in insertion order: referenced rows first. */
export interface DemoTenant {
  tenant: TenantRow
  tables: {
    members: MemberRow[]
    products: ProductRow[]
    variants: VariantRow[]
    customers: CustomerRow[]
    orders: OrderRow[]
    order_lines: OrderLineRow[]
    stock_levels: StockLevelRow[]
    stock_movements: StockMovementRow[]
    payments: PaymentRow[]
    refunds: RefundRow[]
    journal_entries: JournalEntryRow[]
    postings: PostingRow[]
    audit_entries: AuditEntryRow[]
  }
  /** Ids for the chart of accounts, which exists already. */
  accounts: LedgerAccountId[]
  /** The last order number that was used. */
  lastOrderNumber: number
}
