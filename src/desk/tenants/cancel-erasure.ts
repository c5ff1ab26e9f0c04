// A merchant thinks again: it is not erased after all.
import type { CommandContext } from '../../auth/command-context.ts'
import { type Executed, type Keyed, runCommand } from '../../commands/run-command.ts'
import { moveErasure } from './schedule-erasure.ts'

export const CANCEL_ERASURE_ERRORS = ['ORDERED_BY_PLATFORM'] as const

/** Calls the erasure off; where there is none, only the audit tells of it. User errors: ORDERED_BY_PLATFORM. */
export async function cancelErasure(
  caller: CommandContext,
  { idempotencyKey }: Keyed<object>,
): Promise<Executed<(typeof CANCEL_ERASURE_ERRORS)[number]>> {
  const command = {
    name: 'tenantErasureCancel',
    permission: 'tenant:manage',
    input: {},
    idempotencyKey,
  } as const
  return await runCommand(caller, command, (tx) => moveErasure(tx, caller, null))
}
