// Ends exports: they failed, expired, or were replaced by later ones. Their files are deleted.
import type { CommandContext } from '../../auth/command-context.ts'
import { auditOf } from '../../commands/edit.ts'
import { type AuditRecord, done } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import type { Transaction } from '../../db/database.ts'
import { EXPORTS_BYTES_MAX, EXPORTS_KEPT_MAX } from './export-task.ts'

/** Records why an export failed; one that has ended already is unchanged. */
export async function failExport(caller: CommandContext, id: string, failure: string): Promise<void> {
  const command = { name: 'exportFail', permission: 'tenant:manage' } as const
  await runInternalCommand(caller, command, async (tx) => {
    await tx.exportChunk.deleteMany({
      where: { exportId: id, export: { status: { in: ['PENDING', 'RUNNING'] } } },
    })
    const { count } = await tx.export.updateMany({
      where: { id, status: { in: ['PENDING', 'RUNNING'] } },
      data: { status: 'FAILED', failure },
    })
    return done(id, count === 0 ? [] : [auditOf({ type: 'Export', id }, null, { status: 'FAILED' })])
  })
}

/** Ends the oldest exports, so that a new file of this size stays within both bounds. */
export async function makeRoom(tx: Transaction, byteCount: bigint): Promise<AuditRecord[]> {
  const kept = await tx.export.findMany({
    where: { status: 'COMPLETED' },
    orderBy: [{ completedAt: 'desc' }, { id: 'desc' }],
    select: { id: true, byteCount: true },
  })
  let bytes = byteCount
  const ended = kept.filter((older, index) => {
    bytes += older.byteCount
    return index >= EXPORTS_KEPT_MAX - 1 || bytes > EXPORTS_BYTES_MAX
  })
  return await endExports(
    tx,
    ended.map(({ id }) => id),
  )
}

/** Deletes their files and returns the audit records. */
export async function endExports(tx: Transaction, ids: readonly string[]): Promise<AuditRecord[]> {
  if (ids.length === 0) return []
  await tx.exportChunk.deleteMany({ where: { exportId: { in: [...ids] } } })
  await tx.export.updateMany({
    where: { id: { in: [...ids] }, status: 'COMPLETED' },
    data: { status: 'EXPIRED' },
  })
  return ids.map((id) => auditOf({ type: 'Export', id }, { status: 'COMPLETED' }, { status: 'EXPIRED' }))
}
