// The job that lets go of the stock of orders nobody paid in time. The orders stay: a late payment takes the stock again
// if it is left.
import type { CommandContext } from '../../auth/command-context.ts'
import { auditOf } from '../../commands/edit.ts'
import { done } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import type { Task } from '../../jobs/task.ts'
import { endHold, RELEASE } from './hold-stock.ts'

const ATTEMPTS_MAX = 5
/** Orders looked up at once; a job goes on until none is left. */
const BATCH_SIZE = 100

/** Of a placed order, these say that nothing is kept and no payment is open (see paymentStatusOf). */
const NOTHING_KEPT = ['UNPAID', 'REFUNDED'] as const

export const releaseHoldsTask: Task = {
  name: 'order.release-holds',
  attemptsMax: ATTEMPTS_MAX,
  run: async (caller) => {
    await releaseHolds(caller)
  },
}

/** Releases every hold that has run out; answers how many. An order whose payment is under way keeps its own. */
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
    // Conditional, since it may have been paid or cancelled since it was looked up; and under its lock from here on.
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
