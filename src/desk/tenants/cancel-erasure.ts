// Cancels a merchant's scheduled erasure.
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf, NO_INPUT } from '../../commands/command.ts'
import type { Executed } from '../../commands/executed.ts'
import { runCommand } from '../../commands/run-command.ts'
import { moveErasure } from './schedule-erasure.ts'

export const tenantErasureCancel = defineCommand({
  name: 'tenantErasureCancel',
  permission: 'tenant:manage',
  errors: ['ORDERED_BY_PLATFORM'],
  schema: NO_INPUT,
})

/** Cancels the erasure; without one, changes nothing. */
export async function cancelErasure(
  caller: CommandContext,
  input: InputOf<typeof tenantErasureCancel>,
): Promise<Executed<typeof tenantErasureCancel>> {
  return await runCommand(caller, tenantErasureCancel, input, (tx) => moveErasure(tx, caller, null))
}
