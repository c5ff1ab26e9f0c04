// Ends an order: cancels it and releases its stock, or fulfils it and takes the stock out of the warehouse.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import { conflict, type EditErrorCode, edited, notFound } from '../commands/edit.ts'
import { type Done, type Refused, refused } from '../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import type { Transaction } from '../db/database.ts'
import type { Order, OrderStatus } from '../generated/prisma/client.ts'

const REASON_LENGTH_MAX = 500

const fulfillSchema = z.object({ id: z.string(), expectedVersion: z.number() })

const cancelSchema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  reason: z.string().trim().max(REASON_LENGTH_MAX, `at most ${REASON_LENGTH_MAX} characters`).nullish(),
})

export type FinishOrderErrorCode = EditErrorCode | 'WRONG_STATUS'

/** Cancels an order that was not paid, and releases its stock. User errors: INVALID, NOT_FOUND, CONFLICT, WRONG_STATUS. */
export async function cancelOrder(
  caller: Caller,
  { idempotencyKey, ...input }: Keyed<z.input<typeof cancelSchema>>,
): Promise<Executed<FinishOrderErrorCode>> {
  const command = {
    name: 'orderCancel',
    permission: 'orders:write',
    input,
    schema: cancelSchema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, (tx, { id, expectedVersion, reason }) =>
    finish(
      tx,
      caller,
      { id, expectedVersion },
      {
        from: 'PLACED',
        event: 'order.cancelled',
        changes: { status: 'CANCELLED', cancelledAt: caller.clock(), cancelReason: reason ?? null },
        stock: { reason: 'RELEASE', takesOnHand: false },
      },
    ),
  )
}

/** Hands a paid order over: its pieces leave the warehouse. User errors: NOT_FOUND, CONFLICT, WRONG_STATUS. */
export async function fulfillOrder(
  caller: Caller,
  { idempotencyKey, ...input }: Keyed<z.input<typeof fulfillSchema>>,
): Promise<Executed<FinishOrderErrorCode>> {
  const command = {
    name: 'orderFulfill',
    permission: 'orders:write',
    input,
    schema: fulfillSchema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, (tx, { id, expectedVersion }) =>
    finish(
      tx,
      caller,
      { id, expectedVersion },
      {
        from: 'PAID',
        event: 'order.fulfilled',
        changes: { status: 'FULFILLED', fulfilledAt: caller.clock() },
        stock: { reason: 'FULFILMENT', takesOnHand: true },
      },
    ),
  )
}

type Ending = {
  readonly from: OrderStatus
  readonly event: string
  readonly changes: Partial<Order>
  readonly stock: { readonly reason: 'RELEASE' | 'FULFILMENT'; readonly takesOnHand: boolean }
}

async function finish(
  tx: Transaction,
  caller: Caller,
  { id, expectedVersion }: { readonly id: string; readonly expectedVersion: number },
  { from, event, changes, stock }: Ending,
): Promise<Done | Refused<FinishOrderErrorCode>> {
  const now = caller.clock()
  // The order's row is locked first, by the update itself: whoever comes second finds another version.
  const { count } = await tx.order.updateMany({
    where: { id, version: expectedVersion, status: from },
    data: { ...changes, version: expectedVersion + 1, updatedAt: now },
  })
  if (count === 0) {
    const current = await tx.order.findFirst({ where: { id } })
    if (current === null) return notFound('id', 'order')
    if (current.version !== expectedVersion) return conflict(current, expectedVersion, {})
    return refused(
      [{ field: ['id'], message: `the order is ${current.status}, not ${from}`, code: 'WRONG_STATUS' }],
      id,
    )
  }
  await moveStock(tx, id, stock, now)
  const before = { id, version: expectedVersion, status: from } as Order
  const subject = { type: 'Order', id }
  return edited('Order', before, changes, [
    { type: event, subject, payload: { version: expectedVersion + 1 } },
  ])
}

/** Ends the reservations of an order's lines. Locks their stock in the order of its ids, so that rivals do not deadlock. */
async function moveStock(
  tx: Transaction,
  orderId: string,
  { reason, takesOnHand }: Ending['stock'],
  now: Date,
): Promise<void> {
  await tx.$executeRaw`
    WITH line AS (
      SELECT s.variant_id, l.quantity
      FROM order_lines l JOIN stock_levels s ON s.variant_id = l.variant_id
      WHERE l.order_id = ${orderId}::uuid
      ORDER BY s.variant_id FOR NO KEY UPDATE OF s
    ), level AS (
      UPDATE stock_levels s
      SET reserved = s.reserved - line.quantity,
          on_hand = s.on_hand - CASE WHEN ${takesOnHand} THEN line.quantity ELSE 0 END
      FROM line WHERE s.variant_id = line.variant_id
    )
    INSERT INTO stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta, order_id, created_at)
    SELECT gen_random_uuid(), variant_id, ${reason}::stock_reason,
      CASE WHEN ${takesOnHand} THEN -quantity ELSE 0 END, -quantity, ${orderId}::uuid, ${now}
    FROM line`
}
