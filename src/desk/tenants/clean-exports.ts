// The job that removes expired export files, fails exports whose job was lost, and deletes old export rows.
import type { CommandContext } from '../../auth/command-context.ts'
import { done } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import type { Task } from '../../jobs/task.ts'
import { endExports, failExport } from './end-export.ts'
import { EXPORT_LOST_AFTER_MS, EXPORTS_LISTED_MAX } from './export-task.ts'

const ATTEMPTS_MAX = 5
/** Per run: more than an hour of requests leaves behind. */
const FORGOTTEN_MAX = 1_000

export const cleanExportsTask: Task = {
  name: 'tenant.clean-exports',
  attemptsMax: ATTEMPTS_MAX,
  run: async (caller) => {
    await endExpired(caller)
    await failLost(caller)
    await forgetOld(caller)
  },
}

async function endExpired(caller: CommandContext): Promise<void> {
  const { database, scope, clock } = caller
  const where = { status: 'COMPLETED', expiresAt: { lte: clock() } } as const
  const expired = await database.withTenant(scope, (tx) =>
    tx.export.findMany({ where, select: { id: true } }),
  )
  const [first] = expired
  if (first === undefined) return
  const command = { name: 'exportExpire', permission: 'tenant:manage' } as const
  await runInternalCommand(caller, command, async (tx) => {
    const audit = await endExports(
      tx,
      expired.map(({ id }) => id),
    )
    return done(first.id, audit)
  })
}

/** Its job failed for good and cannot report it. Another export may then be requested. */
async function failLost(caller: CommandContext): Promise<void> {
  const { database, scope, clock } = caller
  const before = new Date(clock().getTime() - EXPORT_LOST_AFTER_MS)
  const lost = await database.withTenant(scope, (tx) =>
    tx.export.findFirst({
      where: { status: { in: ['PENDING', 'RUNNING'] }, createdAt: { lte: before } },
      select: { id: true },
    }),
  )
  if (lost !== null) await failExport(caller, lost.id, 'it could not be made: request another')
}

/** Deletes exports without a file, beyond the newest ones. */
async function forgetOld({ database, scope }: CommandContext): Promise<void> {
  await database.withTenant(scope, async (tx) => {
    const old = await tx.export.findMany({
      where: { status: { in: ['FAILED', 'EXPIRED'] } },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      skip: EXPORTS_LISTED_MAX,
      take: FORGOTTEN_MAX,
      select: { id: true },
    })
    if (old.length > 0) await tx.export.deleteMany({ where: { id: { in: old.map(({ id }) => id) } } })
  })
}
