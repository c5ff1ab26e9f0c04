// Books a stock change that no order caused: goods received, counted, damaged or returned.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { auditOf, notFound } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { defineWorkSql } from '../../commands/one-statement.ts'
import { type Done, done, type Refused, refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'

export const ADJUSTMENT_REASONS = ['RECEIPT', 'COUNT', 'DAMAGE', 'RETURN', 'OTHER'] as const

const DELTA_MAX = 1_000_000

export const adjustmentSchema = z.object({
  variantId: z.string(),
  delta: z
    .int()
    .min(-DELTA_MAX)
    .max(DELTA_MAX)
    .refine((delta) => delta !== 0, {
      error: 'must not be 0',
      params: { code: 'FORMAT', expected: 'a number other than 0' },
    }),
  reason: z.enum(ADJUSTMENT_REASONS),
})

export const ADJUSTMENT_ERRORS = ['NOT_FOUND', 'STOCK_INSUFFICIENT'] as const

export const stockAdjust = defineCommand({
  name: 'stockAdjust',
  permission: 'stock:write',
  errors: ADJUSTMENT_ERRORS,
  schema: adjustmentSchema,
})

/** Adds `delta` pieces; the stock never falls below what orders have reserved. */
export async function adjustStock(
  caller: CommandContext,
  input: InputOf<typeof stockAdjust>,
): Promise<Executed<typeof stockAdjust>> {
  return await runCommand(caller, stockAdjust, input, {
    decide: (adjustment) => {
      const { variantId, delta, reason } = adjustment
      return {
        sql: ADJUST,
        values: [variantId, String(delta), newId(), reason, caller.clock().toISOString()],
        done: adjusted(adjustment, null),
      }
    },
    whyRefused: async (tx, { variantId, delta }) => {
      const present = await tx.stockLevel.findFirst({ where: { variantId } })
      return present === null ? notFound('variantId', 'variant') : tooFew(present, delta)
    },
  })
}

/** One conditional update under the row's lock, instead of a read followed by a write. */
const ADJUST = defineWorkSql(
  'adjust_stock',
  `level AS (
    UPDATE stock_levels SET on_hand = on_hand + $2::int
    WHERE variant_id = $1::uuid AND on_hand + $2::int >= reserved
    RETURNING variant_id, on_hand
  ), movement AS (
    INSERT INTO stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta, created_at)
    SELECT $3::uuid, variant_id, $4::stock_reason, $2::int, 0, $5::timestamptz FROM level
  ), work AS (
    SELECT jsonb_build_object('onHand', on_hand - $2::int) AS before, jsonb_build_object('onHand', on_hand) AS result,
      '[]'::jsonb AS events
    FROM level
  )`,
)

type Adjustment = z.output<typeof adjustmentSchema>

export function tooFew(
  { onHand, reserved }: { readonly onHand: number; readonly reserved: number },
  delta: number,
): Refused<'STOCK_INSUFFICIENT'> {
  const message = `${onHand} on hand, ${reserved} of them reserved: ${delta} is too much`
  return refused([
    {
      field: ['delta'],
      message: 'stock must not fall below what orders have reserved',
      code: 'STOCK_INSUFFICIENT',
      detail: { message, params: { available: onHand - reserved, asked: -delta }, needs: ['stock:read'] },
    },
  ])
}

/** `onHand`: after the change; null: the statement of the change adds it. */
export function adjusted({ variantId, delta, reason }: Adjustment, onHand: number | null): Done {
  const subject = { type: 'Variant', id: variantId }
  const [before, after] = onHand === null ? [{}, {}] : [{ onHand: onHand - delta }, { onHand }]
  const change = auditOf(subject, before, { ...after, reason })
  return done(
    variantId,
    [change],
    [{ type: 'stock.adjusted', subject, payload: { delta, reason, ...after } }],
  )
}
