// Requests a file of all data of the tenant. The job in make-export.ts makes it.
import { type CommandContext, labelOf } from '../../auth/command-context.ts'
import { defineCommand, type InputOf, NO_INPUT } from '../../commands/command.ts'
import { auditOf } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { done } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { EXPORT_ATTEMPTS_MAX, EXPORT_TASK } from './export-task.ts'

export const exportCreate = defineCommand({
  name: 'exportCreate',
  permission: 'tenant:manage',
  errors: [],
  schema: NO_INPUT,
})

/** Queues an export. While one is running, returns that one and changes nothing. */
export async function createExport(
  caller: CommandContext,
  input: InputOf<typeof exportCreate>,
): Promise<Executed<typeof exportCreate>> {
  return await runCommand(caller, exportCreate, input, async (tx) => {
    const id = newId()
    const requestedBy = labelOf(caller.actor)
    // Concurrent calls conflict on the unique index of running exports: the later one waits, and then finds the
    // other's.
    const made = await tx.$executeRaw`
      INSERT INTO exports (id, requested_by, created_at) VALUES (${id}::uuid, ${requestedBy}, ${caller.clock()})
      ON CONFLICT (tenant_id) WHERE status IN ('PENDING', 'RUNNING') DO NOTHING`
    if (made === 0) {
      const underWay = await tx.export.findFirstOrThrow({
        where: { status: { in: ['PENDING', 'RUNNING'] } },
        select: { id: true },
      })
      return done(underWay.id, [])
    }
    await enqueue(tx, { task: EXPORT_TASK, payload: { exportId: id }, attemptsMax: EXPORT_ATTEMPTS_MAX })
    return done(id, [auditOf({ type: 'Export', id }, null, { status: 'PENDING' })])
  })
}
