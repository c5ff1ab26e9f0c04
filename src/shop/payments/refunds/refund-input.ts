// What both mutations of refunds take besides the amount: the pieces, the reason and a note.
import { z } from 'zod'
import type { CommandContext } from '../../../auth/command-context.ts'
import { requirePermission } from '../../../auth/permissions.ts'
import { omittable } from '../../../commands/input-rules.ts'
import { LINES_MAX, QUANTITY_MAX } from '../../orders/order.ts'
import { noteSchema } from '../manual.ts'

const REFUND_REASONS = [
  'CUSTOMER_REQUEST',
  'DAMAGED',
  'DEFECTIVE',
  'WRONG_ITEM',
  'NOT_RECEIVED',
  'DUPLICATE',
  'FRAUD',
  'GOODWILL',
  'OTHER',
] as const

const line = z.object({
  lineId: z.string(),
  quantity: z.int().min(1).max(QUANTITY_MAX),
  restock: omittable(z.boolean()).transform((restock) => restock === true),
})

export const refundSchema = {
  lines: omittable(z.array(line).min(1, 'at least one line, or none of the field').max(LINES_MAX)),
  reason: z.enum(REFUND_REASONS).nullish(),
  note: noteSchema,
}

/** To put pieces back into stock needs stock:write besides the permission to refund. Throws FORBIDDEN. */
export function requireRestock(
  { permissions }: CommandContext,
  lines: readonly { readonly restock?: boolean | null | undefined }[] | null | undefined,
): void {
  if (lines?.some(({ restock }) => restock === true) === true) requirePermission(permissions, 'stock:write')
}
