// The rows of a small valid shop, with an order in every state of its money, written directly as the owner role, since
// the checks judge rows however they were written.
import { createHash } from 'node:crypto'
import type { OwnerQuery } from '../../../src/db/owner.ts'

/** The order's total is PRICE_MINOR × QUANTITY. */
const PRICE_MINOR = 1_000
const QUANTITY = 2
const STOCK = 100
const CURRENCY = 'USD'

type Status = 'PENDING' | 'UNKNOWN' | 'SUCCEEDED' | 'FAILED'

interface RefundPlan {
  status: Status
  amountMinor: number
  /** By how much it lowers the order's price. */
  reducesMinor?: number
  /** It succeeded first: its entry was posted and reversed. */
  reversed?: true
}

interface DisputePlan {
  status: 'LOST' | 'WON'
  withdrawnMinor: number
  reinstatedMinor: number
  feeMinor: number
}

interface PaymentPlan {
  status: Status
  amountMinor: number
  feeMinor?: number
  byHand?: true
  refunds?: RefundPlan[]
  disputes?: DisputePlan[]
}

interface OrderPlan {
  status: 'PLACED' | 'PAID' | 'FULFILLED' | 'CANCELLED'
  paymentStatus: 'UNPAID' | 'PENDING' | 'PARTIALLY_PAID' | 'PAID' | 'PARTIALLY_REFUNDED' | 'REFUNDED'
  paidMinor: number
  refundedMinor: number
  refundPendingMinor?: number
  reducedMinor?: number
  returnedMinor?: number
  chargedBackMinor?: number
  holdsStock: boolean
  payments: PaymentPlan[]
}

const PAID = { status: 'PAID', paidMinor: 2_000, holdsStock: true } as const
const UNPAID = { status: 'PLACED', paidMinor: 0, refundedMinor: 0, holdsStock: true } as const

/** Every state, by its name in the tests. The order's sums are literal, not computed. */
const PLANS = {
  placed: { ...UNPAID, paymentStatus: 'UNPAID', payments: [] },
  waiting: { ...UNPAID, paymentStatus: 'PENDING', payments: [{ status: 'PENDING', amountMinor: 2_000 }] },
  unheard: { ...UNPAID, paymentStatus: 'PENDING', payments: [{ status: 'UNKNOWN', amountMinor: 2_000 }] },
  declined: {
    ...UNPAID,
    holdsStock: false,
    paymentStatus: 'UNPAID',
    payments: [{ status: 'FAILED', amountMinor: 2_000 }],
  },
  partlyPaid: {
    ...UNPAID,
    paidMinor: 500,
    paymentStatus: 'PARTIALLY_PAID',
    payments: [{ status: 'SUCCEEDED', amountMinor: 500, feeMinor: 20 }],
  },
  paid: {
    ...PAID,
    refundedMinor: 0,
    paymentStatus: 'PAID',
    payments: [{ status: 'SUCCEEDED', amountMinor: 2_000, feeMinor: 88 }],
  },
  paidTwice: {
    ...PAID,
    refundedMinor: 0,
    paymentStatus: 'PAID',
    payments: [
      { status: 'FAILED', amountMinor: 2_000 },
      { status: 'SUCCEEDED', amountMinor: 1_500, feeMinor: 0 },
      { status: 'SUCCEEDED', amountMinor: 500, byHand: true },
    ],
  },
  partlyRefunded: {
    ...PAID,
    refundedMinor: 300,
    refundPendingMinor: 300,
    reducedMinor: 600,
    returnedMinor: 400,
    paymentStatus: 'PARTIALLY_REFUNDED',
    payments: [
      {
        status: 'SUCCEEDED',
        amountMinor: 2_000,
        feeMinor: 88,
        refunds: [
          { status: 'SUCCEEDED', amountMinor: 300, reducesMinor: 300 },
          { status: 'PENDING', amountMinor: 200, reducesMinor: 200 },
          { status: 'UNKNOWN', amountMinor: 100, reducesMinor: 100 },
          { status: 'FAILED', amountMinor: 400, reducesMinor: 400 },
        ],
      },
    ],
  },
  sentBack: {
    ...PAID,
    refundedMinor: 0,
    returnedMinor: 700,
    paymentStatus: 'PAID',
    payments: [
      {
        status: 'SUCCEEDED',
        amountMinor: 2_000,
        refunds: [{ status: 'FAILED', amountMinor: 700, reducesMinor: 700, reversed: true }],
      },
    ],
  },
  /** 1,200 were paid and refunded before it was fully paid: the whole price was still due. */
  paidAnew: {
    ...PAID,
    paidMinor: 3_200,
    refundedMinor: 1_200,
    paymentStatus: 'PAID',
    payments: [
      { status: 'SUCCEEDED', amountMinor: 1_200, refunds: [{ status: 'SUCCEEDED', amountMinor: 1_200 }] },
      { status: 'SUCCEEDED', amountMinor: 2_000 },
    ],
  },
  givenBack: {
    ...UNPAID,
    paidMinor: 1_200,
    refundedMinor: 700,
    refundPendingMinor: 500,
    paymentStatus: 'REFUNDED',
    payments: [
      {
        status: 'SUCCEEDED',
        amountMinor: 1_200,
        refunds: [
          { status: 'SUCCEEDED', amountMinor: 700 },
          { status: 'PENDING', amountMinor: 500 },
        ],
      },
    ],
  },
  fulfilled: {
    ...PAID,
    status: 'FULFILLED',
    holdsStock: false,
    refundedMinor: 2_000,
    reducedMinor: 2_000,
    paymentStatus: 'REFUNDED',
    payments: [
      {
        status: 'SUCCEEDED',
        amountMinor: 2_000,
        byHand: true,
        refunds: [
          { status: 'SUCCEEDED', amountMinor: 1_200, reducesMinor: 1_200 },
          { status: 'SUCCEEDED', amountMinor: 800, reducesMinor: 800 },
        ],
      },
    ],
  },
  /** The bank charged back 1,000 for good, and reinstated 600. */
  disputed: {
    ...PAID,
    status: 'FULFILLED',
    holdsStock: false,
    refundedMinor: 0,
    chargedBackMinor: 1_000,
    returnedMinor: 600,
    paymentStatus: 'PARTIALLY_PAID',
    payments: [
      {
        status: 'SUCCEEDED',
        amountMinor: 2_000,
        disputes: [
          { status: 'LOST', withdrawnMinor: 1_000, reinstatedMinor: 0, feeMinor: 1_500 },
          { status: 'WON', withdrawnMinor: 600, reinstatedMinor: 600, feeMinor: 0 },
        ],
      },
    ],
  },
  cancelled: {
    ...UNPAID,
    status: 'CANCELLED',
    holdsStock: false,
    paymentStatus: 'UNPAID',
    payments: [],
  },
} as const satisfies Record<string, OrderPlan>

export type OrderName = keyof typeof PLANS

export interface Written {
  id: string
  /** UUIDs, in the order of the plan. */
  payments: { id: string; refunds: string[]; disputes: string[] }[]
}

export interface Books {
  /** The variant of all orders, and an unused one. */
  variant: string
  untouched: string
  providerId: string
  customerId: string
  orders: Record<OrderName, Written>
}

/** Writes the shop into the transaction's tenant. The times are a minute ago, so that nothing counts as stuck. */
export async function writeBooks(query: OwnerQuery, tenantId: string): Promise<Books> {
  const writer = new Writer(query, tenantId)
  const shop = await writer.shop()
  const orders: Partial<Record<OrderName, Written>> = {}
  for (const [name, plan] of Object.entries(PLANS)) {
    orders[name as OrderName] = await writer.order(name, plan, shop)
  }
  await writer.levels()
  return { ...shop, orders: orders as Books['orders'] }
}

type Shop = Omit<Books, 'orders'>
type Line = readonly [code: string, amountMinor: number]

class Writer {
  readonly #query: OwnerQuery
  readonly #tenantId: string
  #count = 0
  constructor(query: OwnerQuery, tenantId: string) {
    this.#query = query
    this.#tenantId = tenantId
  }

  /** The same ids for the same tenant in every run. */
  #id(): string {
    this.#count += 1
    const hex = createHash('sha256').update(`${this.#tenantId}/${this.#count}`).digest('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  }

  async #insert(table: string, row: Record<string, unknown>): Promise<void> {
    const columns = Object.keys(row)
    const places = columns.map((_, index) => `$${index + 1}`)
    await this.#query(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places.join(', ')})`,
      Object.values(row),
    )
  }

  async shop(): Promise<Shop> {
    const [customerId, productId, variant, untouched, providerId] = [1, 2, 3, 4, 5].map(() => this.#id()) as [
      string,
      string,
      string,
      string,
      string,
    ]
    await this.#insert('customers', { id: customerId, email: 'ada@buyer.example', name: 'Ada' })
    await this.#insert('products', { id: productId, handle: 'thing', title: 'Thing' })
    for (const [id, sku] of [
      [variant, 'SKU-1'],
      [untouched, 'SKU-2'],
    ]) {
      const price = { price_minor: PRICE_MINOR, currency: CURRENCY }
      await this.#insert('variants', { id, product_id: productId, sku, title: sku, ...price })
      await this.#insert('stock_levels', { variant_id: id })
    }
    await this.#movement(variant, 'RECEIPT', STOCK, 0, null)
    const secrets = { secret_key: Buffer.from('x'), webhook_secret: Buffer.from('x'), sealing_key_id: 'test' }
    await this.#insert('payment_providers', {
      id: providerId,
      kind: 'SANDBOX',
      account_reference: 'acct_test',
      ...secrets,
    })
    return { customerId, variant, untouched, providerId }
  }

  async order(name: string, plan: OrderPlan, shop: Shop): Promise<Written> {
    const id = this.#id()
    await this.#insert('orders', {
      id,
      number: this.#count,
      customer_id: shop.customerId,
      status: plan.status,
      payment_status: plan.paymentStatus,
      currency: CURRENCY,
      total_minor: PRICE_MINOR * QUANTITY,
      paid_minor: plan.paidMinor,
      refunded_minor: plan.refundedMinor,
      refund_pending_minor: plan.refundPendingMinor ?? 0,
      reduced_minor: plan.reducedMinor ?? 0,
      returned_minor: plan.returnedMinor ?? 0,
      charged_back_minor: plan.chargedBackMinor ?? 0,
      holds_stock: plan.holdsStock,
    })
    await this.#insert('order_lines', {
      id: this.#id(),
      order_id: id,
      position: 0,
      variant_id: shop.variant,
      sku: 'SKU-1',
      title: name,
      quantity: QUANTITY,
      currency: CURRENCY,
      unit_price_minor: PRICE_MINOR,
      total_minor: PRICE_MINOR * QUANTITY,
    })
    await this.#movement(shop.variant, 'RESERVATION', 0, QUANTITY, id)
    if (plan.status === 'FULFILLED')
      await this.#movement(shop.variant, 'FULFILMENT', -QUANTITY, -QUANTITY, id)
    else if (!plan.holdsStock) await this.#movement(shop.variant, 'RELEASE', 0, -QUANTITY, id)
    const payments = []
    for (const payment of plan.payments) payments.push(await this.#payment(id, payment, shop))
    return { id, payments }
  }

  async #payment(orderId: string, plan: PaymentPlan, shop: Shop): Promise<Written['payments'][number]> {
    const id = this.#id()
    const { status, amountMinor, feeMinor, byHand = false, refunds = [], disputes = [] } = plan
    const sumOf = (...statuses: Status[]) =>
      refunds
        .filter((refund) => statuses.includes(refund.status))
        .reduce((sum, { amountMinor: of }) => sum + of, 0)
    await this.#insert('payments', {
      id,
      order_id: orderId,
      provider_kind: byHand ? 'MANUAL' : 'SANDBOX',
      provider_id: byHand ? null : shop.providerId,
      amount_minor: amountMinor,
      currency: CURRENCY,
      refunded_minor: sumOf('SUCCEEDED'),
      refund_pending_minor: sumOf('PENDING', 'UNKNOWN'),
      charged_back_minor: disputes.reduce(
        (sum, { withdrawnMinor, reinstatedMinor }) => sum + withdrawnMinor - reinstatedMinor,
        0,
      ),
      fee_minor: feeMinor ?? null,
      method: 'pm_card_visa',
      provider_reference: byHand ? null : `ch_${id}`,
      ...outcomeOf(status),
    })
    const cash = byHand ? '1010' : '1020'
    if (status === 'SUCCEEDED') {
      await this.#entry('SALE', 'Payment', id, [
        [cash, amountMinor],
        ['4010', -amountMinor],
      ])
      if (feeMinor !== undefined && feeMinor > 0) {
        await this.#entry('FEE', 'Payment', id, [
          ['5010', feeMinor],
          ['1020', -feeMinor],
        ])
      }
    }
    const refundIds = []
    for (const refund of refunds) refundIds.push(await this.#refund(id, refund, cash))
    const disputeIds = []
    for (const dispute of disputes) disputeIds.push(await this.#dispute(id, dispute))
    return { id, refunds: refundIds, disputes: disputeIds }
  }

  async #dispute(
    paymentId: string,
    { status, withdrawnMinor, reinstatedMinor, feeMinor }: DisputePlan,
  ): Promise<string> {
    const id = this.#id()
    const moved = [
      { movement: `txn_${id}_out`, amountMinor: -withdrawnMinor, fee: feeMinor },
      { movement: `txn_${id}_back`, amountMinor: reinstatedMinor, fee: 0 },
    ].filter(({ amountMinor }) => amountMinor !== 0)
    await this.#insert('disputes', {
      id,
      payment_id: paymentId,
      reference: `du_${id}`,
      status,
      amount_minor: withdrawnMinor,
      currency: CURRENCY,
      reason: 'fraudulent',
      withdrawn_minor: withdrawnMinor,
      reinstated_minor: reinstatedMinor,
      fee_minor: feeMinor,
      movements: moved.map(({ movement }) => movement),
      opened_at: new Date(),
      told_at: new Date(),
    })
    for (const { movement, amountMinor, fee } of moved) {
      const lines: Line[] = [
        ['5020', -amountMinor],
        ['5030', fee],
        ['1020', amountMinor - fee],
      ]
      await this.#entry(
        'DISPUTE',
        'DisputeMovement',
        movement,
        lines.filter(([, of]) => of !== 0),
      )
    }
    return id
  }

  async #refund(
    paymentId: string,
    { status, amountMinor, reducesMinor = 0, reversed }: RefundPlan,
    cash: string,
  ): Promise<string> {
    const id = this.#id()
    await this.#insert('refunds', {
      id,
      payment_id: paymentId,
      amount_minor: amountMinor,
      reduces_minor: reducesMinor,
      currency: CURRENCY,
      ...outcomeOf(status),
    })
    const lines = [
      ['4020', amountMinor],
      [cash, -amountMinor],
    ] as const
    const entryId =
      status === 'SUCCEEDED' || reversed ? await this.#entry('REFUND', 'Refund', id, lines) : null
    if (reversed) {
      const undone = lines.map(([code, of]): Line => [code, -of])
      await this.#entry('REVERSAL', 'JournalEntry', entryId ?? '', undone, entryId)
    }
    return id
  }

  async #entry(
    kind: string,
    sourceType: string,
    sourceId: string,
    lines: readonly Line[],
    reversesId: string | null = null,
  ): Promise<string> {
    const id = this.#id()
    const source = { source_type: sourceType, source_id: sourceId, reverses_id: reversesId }
    const posted = { posting_count: lines.length, posted_at: SETTLED_AT }
    await this.#insert('journal_entries', { id, kind, ...posted, ...source })
    for (const [position, [code, amountMinor]] of lines.entries()) {
      await this.#query(
        `INSERT INTO postings (id, entry_id, position, account_id, currency, amount_minor, posted_at)
         SELECT $1, e.id, $3, a.id, a.currency, $5, e.posted_at FROM journal_entries e, ledger_accounts a
         WHERE e.id = $2 AND a.code = $4 AND a.currency = $6`,
        [this.#id(), id, position, code, amountMinor, CURRENCY],
      )
    }
    return id
  }

  async #movement(
    variantId: string,
    reason: string,
    onHandDelta: number,
    reservedDelta: number,
    orderId: string | null,
  ): Promise<void> {
    const deltas = { on_hand_delta: onHandDelta, reserved_delta: reservedDelta }
    await this.#insert('stock_movements', {
      id: this.#id(),
      variant_id: variantId,
      reason,
      order_id: orderId,
      ...deltas,
    })
  }

  async levels(): Promise<void> {
    await this.#query(
      `UPDATE stock_levels s SET on_hand = m.on_hand, reserved = m.reserved
       FROM (SELECT variant_id, sum(on_hand_delta) AS on_hand, sum(reserved_delta) AS reserved
         FROM stock_movements GROUP BY variant_id) m WHERE m.variant_id = s.variant_id`,
    )
  }
}

/** When all payments and refunds were settled and posted. */
const SETTLED_AT = new Date()

function outcomeOf(status: Status): Record<string, unknown> {
  const settled = status === 'SUCCEEDED' || status === 'FAILED'
  return {
    status,
    settled_at: settled ? SETTLED_AT : null,
    failure_code: status === 'FAILED' ? 'CARD_DECLINED' : null,
  }
}
