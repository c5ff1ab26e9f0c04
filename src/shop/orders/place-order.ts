// Places an order: numbers it, copies prices, buyer and addresses into it, and reserves its stock, by the statement in
// place-order-sql.ts.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../commands/command.ts'
import { auditOf } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { moneyInput } from '../../commands/money-input.ts'
import { done, refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import { agreedSchema } from './agreed.ts'
import { type AskedLine, LINES_MAX, type OfferedLine, QUANTITY_MAX, refusalsOf } from './order.ts'
import { placing } from './place-order-sql.ts'

const schema = z.object({
  customerId: z.string(),
  lines: z
    .array(
      z.object({
        variantId: z.string(),
        quantity: z.int().min(1, 'at least 1').max(QUANTITY_MAX),
      }),
    )
    .min(1, 'an order needs a line')
    .max(LINES_MAX, `at most ${LINES_MAX} lines`),
  expectedTotal: moneyInput({ min: 0n }).nullish(),
  ...agreedSchema,
})

export const orderPlace = defineCommand({
  name: 'orderPlace',
  permission: 'orders:write',
  errors: [
    'NOT_FOUND',
    'NOT_FOR_SALE',
    'STOCK_INSUFFICIENT',
    'CURRENCY_MIXED',
    'DUPLICATE_LINE',
    'PRICE_CHANGED',
  ],
  schema,
})

export type PlaceOrderErrorCode = ErrorCodeOf<typeof orderPlace>

/**
 * Places an order and reserves its stock; one that costs nothing is PAID at once. A refusal lists all of its reasons.
 * NOT_FOUND: no such customer or variant. PRICE_CHANGED: the total is not `expectedTotal`.
 */
export async function placeOrder(
  caller: CommandContext,
  input: InputOf<typeof orderPlace>,
): Promise<Executed<typeof orderPlace>> {
  return await runCommand(caller, orderPlace, input, {
    decide: ({ customerId, lines, expectedTotal = null, ...agreed }) => {
      const id = newId()
      const subject = { type: 'Order', id }
      return {
        ...placing({ id, customerId, lines, expectedTotal, agreed, now: caller.clock() }),
        // The statement adds number, totalMinor, currency and status to the outcome.
        done: done(
          id,
          [auditOf(subject, null, { customerId })],
          [{ type: 'order.placed', subject, payload: {} }],
        ),
      }
    },
    whyRefused: async (tx, { customerId, lines, expectedTotal = null }) => {
      const offered = await lookUp(tx, lines)
      const customer = await tx.customer.findFirst({ where: { id: customerId }, select: { id: true } })
      return refused(refusalsOf(lines, offered, { customerFound: customer !== null, expectedTotal }))
    },
  })
}

/** The asked lines with their current offers and stock. */
async function lookUp(tx: Transaction, lines: readonly AskedLine[]): Promise<OfferedLine[]> {
  const variants = await tx.variant.findMany({
    where: { id: { in: lines.map(({ variantId }) => variantId) } },
    select: {
      id: true,
      sku: true,
      currency: true,
      priceMinor: true,
      product: { select: { status: true } },
      stock: { select: { onHand: true, reserved: true } },
    },
  })
  return lines.map((line) => {
    const variant = variants.find(({ id }) => id === line.variantId)
    if (variant === undefined) return { ...line, offer: null }
    const { sku, currency, priceMinor, product, stock } = variant
    const available = (stock?.onHand ?? 0) - (stock?.reserved ?? 0)
    return { ...line, offer: { sku, currency, priceMinor, forSale: product.status === 'ACTIVE', available } }
  })
}
