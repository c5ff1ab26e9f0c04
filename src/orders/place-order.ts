// Places an order: numbers it, copies prices into its lines and reserves its stock, in one statement.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import { auditOf } from '../commands/edit.ts'
import { done, refused } from '../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import { newId } from '../core/ids.ts'
import type { Transaction } from '../db/database.ts'
import { type AskedLine, LINES_MAX, type PricedLine, QUANTITY_MAX, refusalsOf, totalOf } from './order.ts'

const schema = z.object({
  customerId: z.string(),
  lines: z
    .array(
      z.object({
        variantId: z.string(),
        quantity: z.int().min(1, 'at least 1').max(QUANTITY_MAX, `at most ${QUANTITY_MAX}`),
      }),
    )
    .min(1, 'an order needs a line')
    .max(LINES_MAX, `at most ${LINES_MAX} lines`),
})

export type PlaceOrderErrorCode =
  | 'NOT_FOUND'
  | 'NOT_FOR_SALE'
  | 'STOCK_INSUFFICIENT'
  | 'CURRENCY_MIXED'
  | 'DUPLICATE_LINE'

/**
 * Places an order and reserves its stock. User errors: INVALID, NOT_FOUND (customer or variant), NOT_FOR_SALE,
 * STOCK_INSUFFICIENT, CURRENCY_MIXED, DUPLICATE_LINE; all of them at once.
 */
export async function placeOrder(
  caller: Caller,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<PlaceOrderErrorCode>> {
  const command = { name: 'orderPlace', permission: 'orders:write', input, schema, idempotencyKey } as const
  return await runCommand(caller, command, async (tx, { customerId, lines }) => {
    const id = newId()
    const placed = await place(tx, { id, customerId, lines, now: caller.clock() })
    if (placed.number === null) return refused(refusalsOf(lines, placed.lines, placed.customerFound))
    const subject = { type: 'Order', id }
    const { amountMinor, currency } = totalOf(placed.lines)
    const made = { number: placed.number, status: 'PLACED', totalMinor: amountMinor.toString(), currency }
    return done(id, [auditOf(subject, null, made)], [{ type: 'order.placed', subject, payload: made }])
  })
}

type Placed = {
  /** Null when the order was refused; the lines then say why. */
  readonly number: number | null
  readonly customerFound: boolean
  readonly lines: readonly PricedLine[]
}

type Row = PricedLine & { readonly order_number: number | null; readonly customer_found: boolean }

/**
 * Every part depends on the one before: what was asked, what it is and costs, whether all of it can be sold, the
 * reservation under the rows' locks, then the number, whose lock serialises the tenant's orders and so comes last.
 */
async function place(
  tx: Transaction,
  order: {
    readonly id: string
    readonly customerId: string
    readonly lines: readonly AskedLine[]
    readonly now: Date
  },
): Promise<Placed> {
  const { id, customerId, lines, now } = order
  const rows = await tx.$queryRaw<Row[]>`
    WITH asked AS (
      SELECT * FROM unnest(
        ${lines.map(() => newId())}::uuid[],
        ${lines.map(() => newId())}::uuid[],
        ${lines.map(({ variantId }) => variantId)}::uuid[],
        ${lines.map(({ quantity }) => quantity)}::int[]
      ) WITH ORDINALITY AS a (line_id, movement_id, variant_id, quantity, position)
    ), priced AS (
      SELECT a.*, v.sku, v.price_minor, v.currency, p.status = 'ACTIVE' AS for_sale, s.on_hand - s.reserved AS available,
        CASE WHEN EXISTS (SELECT FROM variants o WHERE o.product_id = v.product_id AND o.id <> v.id)
          THEN p.title || ' – ' || v.title ELSE p.title END AS title
      FROM asked a
      LEFT JOIN variants v ON v.id = a.variant_id
      LEFT JOIN products p ON p.id = v.product_id
      LEFT JOIN stock_levels s ON s.variant_id = v.id
    ), customer AS (
      SELECT count(*) AS found FROM customers WHERE id = ${customerId}::uuid
    ), verdict AS (
      SELECT coalesce(bool_and(for_sale AND available >= quantity), false)
        AND count(sku) = count(*) AND count(DISTINCT variant_id) = count(*) AND count(DISTINCT currency) = 1
        AND (SELECT found = 1 FROM customer) AS sellable,
        count(*) AS line_count, min(currency) AS currency, sum(price_minor * quantity)::bigint AS total_minor
      FROM priced
    ), locked AS (
      -- One by one in the order of their ids: an UPDATE alone would lock them in whatever order its plan meets them,
      -- and rivals for several of the same variants would deadlock.
      SELECT s.variant_id, p.quantity
      FROM priced p JOIN stock_levels s ON s.variant_id = p.variant_id
      WHERE (SELECT sellable FROM verdict)
      ORDER BY s.variant_id FOR NO KEY UPDATE OF s
    ), reserved AS (
      UPDATE stock_levels s SET reserved = s.reserved + l.quantity
      FROM locked l
      WHERE s.variant_id = l.variant_id AND s.on_hand - s.reserved >= l.quantity
      RETURNING s.variant_id
    ), numbered AS (
      UPDATE tenant_counters SET value = value + 1
      WHERE name = 'order' AND (SELECT sellable FROM verdict)
        AND (SELECT count(*) FROM reserved) = (SELECT line_count FROM verdict)
      RETURNING value
    ), placed AS (
      INSERT INTO orders (id, number, customer_id, currency, total_minor, placed_at, updated_at)
      SELECT ${id}::uuid, numbered.value, ${customerId}::uuid, verdict.currency, verdict.total_minor, ${now}, ${now}
      FROM numbered, verdict
      RETURNING id, number
    ), lines AS (
      INSERT INTO order_lines
        (id, order_id, position, variant_id, sku, title, quantity, currency, unit_price_minor, total_minor)
      SELECT p.line_id, placed.id, p.position, p.variant_id, p.sku, p.title, p.quantity, p.currency, p.price_minor,
        p.price_minor * p.quantity
      FROM priced p, placed
    ), movements AS (
      INSERT INTO stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta, order_id, created_at)
      SELECT p.movement_id, p.variant_id, 'RESERVATION', 0, p.quantity, placed.id, ${now}
      FROM priced p, placed
    )
    SELECT p.variant_id AS "variantId", p.quantity, p.sku, p.price_minor AS "priceMinor", p.currency,
      p.for_sale AS "forSale", p.available, (SELECT number FROM placed) AS order_number,
      (SELECT found = 1 FROM customer) AS customer_found
    FROM priced p ORDER BY p.position`
  const [first] = rows
  return { number: first?.order_number ?? null, customerFound: first?.customer_found ?? false, lines: rows }
}
