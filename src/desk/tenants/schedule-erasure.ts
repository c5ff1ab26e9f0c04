// Schedules the erasure of a merchant's data after a grace period, during which it can be cancelled.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { auditOf } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { omittable } from '../../commands/input-rules.ts'
import { done, type Refused, refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import type { Transaction } from '../../db/database.ts'
import { sqlstateOf } from '../../db/faults.ts'

/** app.schedule_erasure enforces the same bounds for every caller. */
const GRACE_DAYS_MIN = 7
const GRACE_DAYS_MAX = 365
const GRACE_DAYS_DEFAULT = 30
/** The SQLSTATE for an erasure that the platform ordered, or that has begun. */
const NOT_ITS_OWN = 'BK021'

const schema = z.object({
  confirmation: z.string(),
  graceDays: omittable(z.number().min(GRACE_DAYS_MIN).max(GRACE_DAYS_MAX)),
})

export const tenantErasureSchedule = defineCommand({
  name: 'tenantErasureSchedule',
  permission: 'tenant:manage',
  errors: ['CONFIRMATION_WRONG', 'ORDERED_BY_PLATFORM'],
  schema,
})

/**
 * Schedules the tenant's erasure in so many days (default: 30). A later call changes the day. CONFIRMATION_WRONG: it is
 * not the slug.
 */
export async function scheduleErasure(
  caller: CommandContext,
  input: InputOf<typeof tenantErasureSchedule>,
): Promise<Executed<typeof tenantErasureSchedule>> {
  return await runCommand(caller, tenantErasureSchedule, input, async (tx, { confirmation, graceDays }) => {
    if (confirmation !== caller.tenantSlug) {
      const message = `type the tenant's slug, ${caller.tenantSlug}, to confirm`
      return refused([{ field: ['confirmation'], message, code: 'CONFIRMATION_WRONG' }])
    }
    return await moveErasure(tx, caller, graceDays ?? GRACE_DAYS_DEFAULT)
  })
}

/** Within a command's transaction: sets the day; null cancels. */
export async function moveErasure(tx: Transaction, { scope }: CommandContext, days: number | null) {
  const id = scope.tenantId
  const before = await tx.tenant.findFirstOrThrow({ select: { erasureAt: true } })
  try {
    const [row] = await tx.$queryRaw<[{ at: Date | null }]>`SELECT app.schedule_erasure(${days}::int) AS at`
    const was = before.erasureAt?.toISOString() ?? null
    const is = row.at?.toISOString() ?? null
    return done(
      id,
      was === is ? [] : [auditOf({ type: 'Tenant', id }, { erasureAt: was }, { erasureAt: is })],
    )
  } catch (error) {
    if (sqlstateOf(error) !== NOT_ITS_OWN) throw error
    return orderedByPlatform()
  }
}

function orderedByPlatform(): Refused<'ORDERED_BY_PLATFORM'> {
  const message = 'the platform has ordered this erasure: only the platform can change it'
  return refused([{ field: null, message, code: 'ORDERED_BY_PLATFORM' }])
}
