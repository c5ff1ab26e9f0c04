// Ends an order: cancels it and releases its stock, or fulfils it and takes the stock out of the warehouse.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../commands/command.ts'
import { conflict, EDIT_ERRORS, edited, notFound } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { clearable } from '../../commands/input-rules.ts'
import { type Done, type Reason, type Refused, refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { formatMoney } from '../../core/money.ts'
import type { Transaction } from '../../db/database.ts'
import type { Order, OrderStatus } from '../../generated/prisma/client.ts'
import { endHold, FULFILMENT, type HoldEnd, RELEASE } from './hold-stock.ts'
import { lockOrder } from './order-money.ts'
import { keptMinor, outstandingMinor } from './order-sums.ts'

const REASON_LENGTH_MAX = 500

const fulfillSchema = z.object({ id: z.string(), expectedVersion: z.number() })

const cancelSchema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  reason: clearable(z.string().trim().max(REASON_LENGTH_MAX)),
})

export const orderCancel = defineCommand({
  name: 'orderCancel',
  permission: 'orders:write',
  errors: [...EDIT_ERRORS, 'WRONG_STATUS', 'PAYMENT_IN_PROGRESS'],
  schema: cancelSchema,
})

type CancelOrderErrorCode = ErrorCodeOf<typeof orderCancel>

/** Cancels an order for which the merchant keeps no money, and releases its stock. */
export async function cancelOrder(
  caller: CommandContext,
  input: InputOf<typeof orderCancel>,
): Promise<Executed<typeof orderCancel>> {
  return await runCommand(caller, orderCancel, input, (tx, { id, expectedVersion, reason }) =>
    finish(
      tx,
      caller,
      { id, expectedVersion },
      {
        from: ['PLACED', 'PAID'],
        event: 'order.cancelled',
        changes: { status: 'CANCELLED', cancelledAt: caller.clock(), cancelReason: reason ?? null },
        mayEnd: refusalToCancel,
        hold: RELEASE,
      },
    ),
  )
}

export const orderFulfill = defineCommand({
  name: 'orderFulfill',
  permission: 'orders:write',
  errors: [...EDIT_ERRORS, 'WRONG_STATUS', 'PAYMENT_IN_PROGRESS'],
  schema: fulfillSchema,
})

type FulfillOrderErrorCode = ErrorCodeOf<typeof orderFulfill>

/** Fulfils a paid order: its pieces leave the warehouse, but those that a refund put back into stock. */
export async function fulfillOrder(
  caller: CommandContext,
  input: InputOf<typeof orderFulfill>,
): Promise<Executed<typeof orderFulfill>> {
  return await runCommand(caller, orderFulfill, input, (tx, { id, expectedVersion }) =>
    finish(
      tx,
      caller,
      { id, expectedVersion },
      {
        from: ['PAID'],
        event: 'order.fulfilled',
        changes: { status: 'FULFILLED', fulfilledAt: caller.clock() },
        mayEnd: refusalToFulfil,
        hold: FULFILMENT,
      },
    ),
  )
}

/** The reason is a state of the order: callers with orders:read see it, others get a general message. */
type Refusal<Code> = { readonly code: Code; readonly message: string }

function asReason<Code extends string>({ code, message }: Refusal<Code>): Reason<Code> {
  const detail = { message, needs: ['orders:read'] } as const
  return { field: ['id'], message: 'the order does not allow this in its current state', code, detail }
}

type Ending<Code extends string> = {
  readonly from: readonly OrderStatus[]
  readonly event: string
  readonly changes: Partial<Pick<Order, 'status' | 'fulfilledAt' | 'cancelledAt' | 'cancelReason'>>
  /** Null, or why an order in an allowed status cannot end yet. */
  readonly mayEnd: (order: Order, tx: Transaction) => Promise<Refusal<Code> | null>
  readonly hold: HoldEnd
}

async function refusalToCancel(order: Order): Promise<Refusal<CancelOrderErrorCode> | null> {
  if (order.paymentStatus === 'PENDING') {
    return { code: 'PAYMENT_IN_PROGRESS', message: 'a payment of it is under way: wait for its outcome' }
  }
  if (keptMinor(order) > 0n) return { code: 'WRONG_STATUS', message: 'it was paid: refund it first' }
  if (order.refundPendingMinor === 0n) return null
  return { code: 'PAYMENT_IN_PROGRESS', message: 'a refund of it is under way: wait for its outcome' }
}

async function refusalToFulfil(
  order: Order,
  tx: Transaction,
): Promise<Refusal<FulfillOrderErrorCode> | null> {
  const leftMinor = outstandingMinor(order)
  if (leftMinor > 0n) {
    return {
      code: 'WRONG_STATUS',
      message: `${formatMoney({ amountMinor: leftMinor, currency: order.currency })} of it is left to pay`,
    }
  }
  if (keptMinor(order) <= 0n && order.totalMinor > 0n) {
    return { code: 'WRONG_STATUS', message: 'all of it was refunded: cancel it instead' }
  }
  const restocking = { orderId: order.id, restockingQuantity: { gt: 0 } }
  if (order.refundPendingMinor === 0n || (await tx.orderLine.findFirst({ where: restocking })) === null)
    return null
  return {
    code: 'PAYMENT_IN_PROGRESS',
    message: 'a refund that restocks pieces of it is under way: wait for its outcome',
  }
}

async function finish<Code extends string>(
  tx: Transaction,
  caller: CommandContext,
  { id, expectedVersion }: { readonly id: string; readonly expectedVersion: number },
  { from, event, changes, mayEnd, hold }: Ending<Code>,
): Promise<Done | Refused<FulfillOrderErrorCode | Code>> {
  const now = caller.clock()
  const order = await lockOrder(tx, id)
  if (order === null) return notFound('id', 'order')
  if (order.version !== expectedVersion) return conflict(order, expectedVersion, { reads: 'orders:read' })
  const refusal = from.includes(order.status)
    ? await mayEnd(order, tx)
    : { code: 'WRONG_STATUS' as const, message: `the order is ${order.status}, not ${from.join(' or ')}` }
  if (refusal !== null)
    return refused<FulfillOrderErrorCode | Code>([asReason<FulfillOrderErrorCode | Code>(refusal)], id)
  const version = expectedVersion + 1
  await tx.order.updateMany({
    where: { id },
    data: { ...changes, holdsStock: false, holdExpiresAt: null, version, updatedAt: now },
  })
  if (order.holdsStock) await endHold(tx, id, hold, now)
  return edited<Order>('Order', order, changes, [
    { type: event, subject: { type: 'Order', id }, payload: { version } },
  ])
}
