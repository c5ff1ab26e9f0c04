// The rows of one demo tenant, table by table, in the shape of the schema: camelCase names, amounts in minor units.
// `tenant_id` is left to the database, which fills in the tenant of the transaction.

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
  refundedMinor: bigint
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

export interface AuditEntryRow {
  id: string
  actorKind: 'MEMBER'
  actorId: string
  action: string
  subjectType: string
  subjectId: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  requestId: string
  createdAt: Date
}

/** Everything of one tenant. The tables' order is one in which they may be written: referred-to rows first. */
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
    audit_entries: AuditEntryRow[]
  }
  /** The last order number given out. */
  lastOrderNumber: number
}
