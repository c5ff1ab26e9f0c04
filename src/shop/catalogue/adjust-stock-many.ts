// Books many stock changes in one call, such as a delivery or a stocktaking: one statement locks the levels, one changes
// them and adds their movements.
import type { CommandContext } from '../../auth/command-context.ts'
import type { ErrorCodeOf, InputOf } from '../../commands/command.ts'
import { notFound } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { defineManyCommand, duplicateRow, type Judged, runMany } from '../../commands/many.ts'
import type { Transaction } from '../../db/database.ts'
import { ADJUSTMENT_ERRORS, adjusted, adjustmentSchema, tooFew } from './adjust-stock.ts'

export const stockAdjustMany = defineManyCommand({
  name: 'stockAdjustMany',
  permission: 'stock:write',
  errors: ADJUSTMENT_ERRORS,
  row: adjustmentSchema,
})

type Code = ErrorCodeOf<typeof stockAdjustMany>
type Level = { readonly variantId: string; readonly onHand: number; readonly reserved: number }
type Change = { readonly variantId: string; readonly delta: number; readonly reason: string }

/** Adds `delta` pieces to each variant, as `adjustStock` does to one. */
export async function adjustStockMany(
  caller: CommandContext,
  input: InputOf<typeof stockAdjustMany>,
): Promise<Executed<typeof stockAdjustMany>> {
  return await runMany(caller, stockAdjustMany, input, async (tx, rows) => {
    const levels = await lockLevels(tx, [...new Set(rows.map(({ variantId }) => variantId))])
    const seen = new Set<string>()
    const changes: Change[] = []
    const results = rows.map((row): Judged<Code> => {
      const level = levels.get(row.variantId)
      if (level === undefined) return notFound('variantId', 'variant')
      if (seen.has(row.variantId)) return duplicateRow('variantId')
      seen.add(row.variantId)
      if (level.onHand + row.delta < level.reserved) return tooFew(level, row.delta)
      changes.push(row)
      return adjusted(row, level.onHand + row.delta)
    })
    if (changes.length > 0) await book(tx, changes, caller.clock())
    return results
  })
}

/** In the order of their ids, as orders lock them, so that concurrent transactions do not deadlock. */
async function lockLevels(tx: Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, Level>> {
  const rows = await tx.$queryRaw<Level[]>`
    SELECT variant_id AS "variantId", on_hand AS "onHand", reserved FROM stock_levels
    WHERE variant_id = ANY (${ids}::uuid[]) ORDER BY variant_id FOR NO KEY UPDATE`
  return new Map(rows.map((level) => [level.variantId, level]))
}

/** The levels are locked, and a CHECK of the table holds what was judged. */
async function book(tx: Transaction, changes: readonly Change[], now: Date): Promise<void> {
  await tx.$executeRaw`
    WITH change AS (
      SELECT c.* FROM jsonb_to_recordset(${JSON.stringify(changes)}::jsonb)
        AS c ("variantId" uuid, delta integer, reason stock_reason)
    ), level AS (
      UPDATE stock_levels s SET on_hand = s.on_hand + change.delta
      FROM change WHERE s.variant_id = change."variantId"
    )
    INSERT INTO stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta, created_at)
    SELECT gen_random_uuid(), "variantId", reason, delta, 0, ${now} FROM change`
}
