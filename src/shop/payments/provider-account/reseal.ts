// Rotates the sealing key: opens secrets with the old key and seals them with the current one.
import type { CommandContext } from '../../../auth/command-context.ts'
import { auditOf } from '../../../commands/edit.ts'
import { done } from '../../../commands/outcome.ts'
import { runInternalCommand } from '../../../commands/run-command.ts'
import { NO_KEY_ID } from '../../../core/seal.ts'
import { openSecrets, sealSecrets } from '../provider-record.ts'
import type { PaymentServices } from '../services.ts'

/**
 * Seals the tenant's secrets again where another key sealed them; returns the number of rows. Throws a plain Error for
 * a key that is no longer configured, and then changes nothing.
 */
export async function resealSecrets(
  caller: CommandContext,
  { sealer }: Pick<PaymentServices, 'sealer'>,
): Promise<number> {
  const command = { name: 'secretsReseal', permission: 'payments:manage' } as const
  return await runInternalCommand(caller, command, async (tx) => {
    const old = await tx.paymentProvider.findMany({
      where: { sealingKeyId: { notIn: [sealer.keyId, NO_KEY_ID] } },
    })
    for (const row of old) {
      await tx.paymentProvider.updateMany({
        where: { id: row.id },
        data: sealSecrets(sealer, row, openSecrets(sealer, row)),
      })
    }
    const audit = old.map(({ id, sealingKeyId }) =>
      auditOf({ type: 'PaymentProvider', id }, { sealingKeyId }, { sealingKeyId: sealer.keyId }),
    )
    return done(caller.scope.tenantId, audit, [], old.length)
  })
}
