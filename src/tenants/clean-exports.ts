// The job that lets go of files whose time is over, and of exports that were lost with their job.
import type { Caller } from '../commands/caller.ts'
import { auditOf } from '../commands/edit.ts'
import { done } from '../commands/outcome.ts'
import { runCommand } from '../commands/run-command.ts'
import type { Task } from '../jobs/task.ts'
import { EXPORT_LOST_AFTER_MS } from './export-task.ts'

const ATTEMPTS_MAX = 5

export const cleanExportsTask: Task = {
  name: 'tenant.clean-exports',
  attemptsMax: ATTEMPTS_MAX,
  run: async (caller) => {
    await dropExpired(caller)
    await failLost(caller)
  },
}

async function dropExpired({ database, scope, clock }: Caller): Promise<void> {
  await database.withTenant(scope, async (tx) => {
    await tx.exportChunk.deleteMany({ where: { export: { expiresAt: { lte: clock() } } } })
  })
}

/** Its job was given up, and cannot tell. Another export may then be asked for. */
async function failLost(caller: Caller): Promise<void> {
  const { database, scope, clock } = caller
  const before = new Date(clock().getTime() - EXPORT_LOST_AFTER_MS)
  const lost = await database.withTenant(scope, (tx) =>
    tx.export.findFirst({
      where: { status: { in: ['PENDING', 'RUNNING'] }, createdAt: { lte: before } },
      select: { id: true },
    }),
  )
  if (lost === null) return
  const { id } = lost
  const command = { name: 'exportFail', permission: 'tenant:manage', input: null } as const
  await runCommand(caller, command, async (tx) => {
    const { count } = await tx.export.updateMany({
      where: { id, status: { in: ['PENDING', 'RUNNING'] } },
      data: { status: 'FAILED', failure: 'it could not be made: ask for another' },
    })
    return done(id, count === 0 ? [] : [auditOf({ type: 'Export', id }, null, { status: 'FAILED' })])
  })
}
