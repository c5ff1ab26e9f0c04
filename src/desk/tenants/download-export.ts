// Opens a finished export for download. export-route.ts sends it.
import type { CommandContext } from '../../auth/command-context.ts'
import { requirePermission } from '../../auth/permissions.ts'
import { auditOf } from '../../commands/edit.ts'
import { done } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import { AppError } from '../../core/errors.ts'
import { uuidOf } from '../../core/ids.ts'

const EXPORT_ID_PREFIX = 'exp'

export type Download = {
  readonly fileName: string
  readonly byteCount: bigint
  /** In order, a chunk at a time; each is read when the previous one was consumed. */
  readonly bytes: () => AsyncGenerator<Uint8Array>
}

/**
 * Opens the file, and audits it. Throws FORBIDDEN without tenant:manage, NOT_FOUND for an export that is missing, not
 * finished, or expired.
 */
export async function downloadExport(caller: CommandContext, exportId: string): Promise<Download> {
  requirePermission(caller.permissions, 'tenant:manage')
  const { database, scope, clock } = caller
  const id = uuidOf(EXPORT_ID_PREFIX, exportId)
  const found = await database.forTenant(scope).export.findFirst({
    where: { id, status: 'COMPLETED', expiresAt: { gt: clock() } },
    select: { byteCount: true, completedAt: true },
  })
  if (found === null) throw new AppError('NOT_FOUND', 'there is no such export to download')
  const command = { name: 'exportDownload', permission: 'tenant:manage' } as const
  await runInternalCommand(caller, command, async () =>
    done(id, [auditOf({ type: 'Export', id }, null, null)]),
  )
  const day = (found.completedAt ?? clock()).toISOString().slice(0, 10)
  return {
    fileName: `${caller.tenantSlug}-${day}.jsonl.gz`,
    byteCount: found.byteCount,
    async *bytes() {
      for (let position = 0; ; position += 1) {
        const chunk = await database.forTenant(scope).exportChunk.findFirst({
          where: { exportId: id, position },
          select: { content: true },
        })
        if (chunk === null) return
        yield chunk.content
      }
    },
  }
}
