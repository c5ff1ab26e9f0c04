// The job that releases the stock of orders that were not paid in time. The orders stay: a late payment reserves the
// stock again if it is available.
import type { CommandContext } from '../../auth/command-context.ts'
import { auditOf } from '../../commands/edit.ts'
import { done } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import type { Task } from '../../jobs/task.ts'
import { endHold, RELEASE } from './hold-stock.ts'

const ATTEMPTS_MAX = 5
/** Orders read at once; a job repeats until none is left. */
const BATCH_SIZE = 100

/** The payment statuses of a placed order that keeps nothing and has no open payment (see paymentStatusOf). */
const NOTHING_KEPT = ['UNPAID', 'REFUNDED'] as const

export const releaseHoldsTask: Task = {
  name: 'order.release-holds',
  attemptsMax: ATTEMPTS_MAX,
  run: async (caller) => {
    await releaseHolds(caller)
  },
}

/** Releases every expired hold and returns how many. An order with an open payment keeps its hold. */
async function releaseHolds(caller: CommandContext): Promise<number> {
  let count = 0
  for (;;) {
    const due = await caller.database.withTenant(caller.scope, (tx) =>
      tx.order.findMany({
        where: {
          status: 'PLACED',
          holdsStock: true,
          holdExpiresAt: { lte: caller.clock() },
          paymentStatus: { in: [...NOTHING_KEPT] },
        },
        orderBy: { holdExpiresAt: 'asc' },
        select: { id: true },
        take: BATCH_SIZE,
      }),
    )
    for (const { id } of due) await releaseHold(caller, id)
    count += due.length
    if (due.length < BATCH_SIZE) return count
  }
}

async function releaseHold(caller: CommandContext, id: string): Promise<void> {
  const command = { name: 'orderReleaseHold', permission: 'orders:write' } as const
  await runInternalCommand(caller, command, async (tx) => {
    const now = caller.clock()
    const subject = { type: 'Order', id }
    // Conditional, since it may have been paid or cancelled since it was read; the update also takes its lock.
    const { count } = await tx.order.updateMany({
      where: {
        id,
        status: 'PLACED',
        holdsStock: true,
        holdExpiresAt: { lte: now },
        paymentStatus: { in: [...NOTHING_KEPT] },
      },
      data: { holdsStock: false, holdExpiresAt: null, updatedAt: now },
    })
    if (count === 0) return done(id, [])
    await endHold(tx, id, RELEASE, now)
    return done(id, [auditOf(subject, { holdsStock: true }, { holdsStock: false })])
  })
}
