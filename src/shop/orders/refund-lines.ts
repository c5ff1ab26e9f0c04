// What refunds do to an order's lines: their pieces are set aside when a refund begins, put back into stock or released
// when it ends. The order's row must be locked. Pieces that are put back leave the order's hold while it has one, and
// have come back from the buyer once it is fulfilled.
import type { JsonObject, Reason } from '../../commands/outcome.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import type { Order, OrderLine } from '../../generated/prisma/client.ts'

export const REFUND_LINE_ERRORS = [
  'NOT_FOUND',
  'WRONG_STATUS',
  'DUPLICATE_LINE',
  'QUANTITY_TOO_LARGE',
] as const
export type RefundLineErrorCode = (typeof REFUND_LINE_ERRORS)[number]

export type AskedRefundLine = {
  readonly lineId: string
  readonly quantity: number
  readonly restock: boolean
}

/** The orders whose lines can be refunded: before, a line is still to be paid; afterwards nothing is sold any more. */
const STATUSES: readonly Order['status'][] = ['PAID', 'FULFILLED']

/** The price of the asked pieces, in minor units of the order's currency, or every reason why they cannot be refunded. */
export async function priceRefundLines(
  tx: Transaction,
  order: Order,
  asked: readonly AskedRefundLine[],
): Promise<{ readonly priceMinor: bigint; readonly refusals: readonly Reason<RefundLineErrorCode>[] }> {
  if (!STATUSES.includes(order.status)) {
    const message = `the order is ${order.status}: refund an amount instead`
    return { priceMinor: 0n, refusals: [refusal(['lines'], 'WRONG_STATUS', message)] }
  }
  const lines = await tx.orderLine.findMany({
    where: { orderId: order.id, id: { in: asked.map(({ lineId }) => lineId) } },
  })
  const known = new Map(lines.map((line) => [line.id, line]))
  const seen = new Set<string>()
  const refusals: Reason<RefundLineErrorCode>[] = []
  let priceMinor = 0n
  for (const [index, one] of asked.entries()) {
    const line = known.get(one.lineId)
    refusals.push(...lineRefusals(line, one, { at: ['lines', String(index)], isSeen: seen.has(one.lineId) }))
    seen.add(one.lineId)
    priceMinor += (line?.unitPriceMinor ?? 0n) * BigInt(one.quantity)
  }
  return { priceMinor, refusals }
}

function lineRefusals(
  line: OrderLine | undefined,
  { quantity, restock }: AskedRefundLine,
  { at, isSeen }: { readonly at: readonly string[]; readonly isSeen: boolean },
): Reason<RefundLineErrorCode>[] {
  // First, since all malformed ids map to the same id.
  if (line === undefined) {
    return [{ field: [...at, 'lineId'], message: "the payment's order has no such line", code: 'NOT_FOUND' }]
  }
  if (isSeen) {
    return [{ field: [...at, 'lineId'], message: 'this line is named before', code: 'DUPLICATE_LINE' }]
  }
  const left = line.quantity - line.refundedQuantity
  if (quantity > left) {
    return [
      refusal([...at, 'quantity'], 'QUANTITY_TOO_LARGE', `${left} of ${line.quantity} are not refunded yet`, {
        max: left,
      }),
    ]
  }
  const restockable = line.quantity - line.restockedQuantity - line.restockingQuantity
  if (!restock || quantity <= restockable) return []
  const message = `all but ${restockable} of ${line.quantity} were put back into stock already`
  return [refusal([...at, 'restock'], 'QUANTITY_TOO_LARGE', message, { max: restockable })]
}

const NOT_AS_IT_STANDS: Readonly<Record<string, string>> = {
  WRONG_STATUS: 'the order does not allow this in its current state',
  QUANTITY_TOO_LARGE: 'fewer pieces than that are left to refund',
}

/** `detail` reveals the order, so it is for callers who may read orders. */
function refusal(
  field: readonly string[],
  code: RefundLineErrorCode,
  detail: string,
  params?: JsonObject,
): Reason<RefundLineErrorCode> {
  const message = NOT_AS_IT_STANDS[code] ?? 'this line cannot be refunded'
  return {
    field,
    message,
    code,
    detail: { message: detail, needs: ['orders:read'], ...(params && { params }) },
  }
}

/** Sets the pieces of a refund that begins aside. CHECKs of the table refuse more pieces than were bought. */
export async function setAsideRefundLines(
  tx: Transaction,
  refundId: string,
  asked: readonly AskedRefundLine[],
): Promise<void> {
  if (asked.length === 0) return
  await tx.refundLine.createMany({
    data: asked.map((line, position) => ({ id: newId(), refundId, position, ...line })),
  })
  await tx.$executeRaw`
    UPDATE order_lines l
    SET refunded_quantity = l.refunded_quantity + r.quantity,
        restocking_quantity = l.restocking_quantity + CASE WHEN r.restock THEN r.quantity ELSE 0 END
    FROM refund_lines r WHERE r.refund_id = ${refundId}::uuid AND l.id = r.line_id`
}

/**
 * Releases the pieces of a refund that failed, so that they can be refunded again. Of one that had succeeded (`wasOpen`
 * false) they stay in stock: a refused transfer does not move goods.
 */
export async function releaseRefundLines(
  tx: Transaction,
  refundId: string,
  { wasOpen }: { readonly wasOpen: boolean },
): Promise<void> {
  await tx.$executeRaw`
    UPDATE order_lines l
    SET refunded_quantity = l.refunded_quantity - r.quantity,
        restocking_quantity = l.restocking_quantity - CASE WHEN ${wasOpen} AND r.restock THEN r.quantity ELSE 0 END
    FROM refund_lines r WHERE r.refund_id = ${refundId}::uuid AND l.id = r.line_id`
}

/**
 * Puts the pieces of a refund that succeeded back into stock, those of its lines that ask for it; returns whether there
 * were any. An order that holds stock releases them, of a fulfilled one they are added on hand. Locks the stock rows in
 * the order of their ids.
 */
export async function restockRefundLines(
  tx: Transaction,
  order: Order,
  refundId: string,
  now: Date,
): Promise<boolean> {
  const count = await tx.$executeRaw`
    WITH asked AS (
      SELECT l.id, l.variant_id, r.quantity
      FROM refund_lines r JOIN order_lines l ON l.id = r.line_id
      WHERE r.refund_id = ${refundId}::uuid AND r.restock
    ), line AS (
      UPDATE order_lines l
      SET restocking_quantity = l.restocking_quantity - asked.quantity,
          restocked_quantity = l.restocked_quantity + asked.quantity
      FROM asked WHERE l.id = asked.id
    ), locked AS (
      SELECT s.variant_id, asked.quantity
      FROM asked JOIN stock_levels s ON s.variant_id = asked.variant_id
      ORDER BY s.variant_id FOR NO KEY UPDATE OF s
    ), level AS (
      UPDATE stock_levels s
      SET reserved = s.reserved - CASE WHEN ${order.holdsStock} THEN locked.quantity ELSE 0 END,
          on_hand = s.on_hand + CASE WHEN ${order.holdsStock} THEN 0 ELSE locked.quantity END
      FROM locked WHERE s.variant_id = locked.variant_id
    )
    INSERT INTO stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta, order_id, created_at)
    SELECT gen_random_uuid(), variant_id, CASE WHEN ${order.holdsStock} THEN 'RELEASE' ELSE 'RETURN' END::stock_reason,
      CASE WHEN ${order.holdsStock} THEN 0 ELSE quantity END, CASE WHEN ${order.holdsStock} THEN -quantity ELSE 0 END,
      ${order.id}::uuid, ${now}
    FROM locked`
  return count > 0
}
