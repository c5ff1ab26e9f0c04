// Ends an API key for good.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import { auditOf, notFound } from '../commands/edit.ts'
import { done } from '../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import type { Sessions } from '../commands/sessions.ts'

const schema = z.object({ id: z.string() })

/**
 * Revokes a key: refused from then on, here at once and elsewhere within seconds. One that was revoked before stays as it
 * is. User errors: INVALID, NOT_FOUND.
 */
export async function revokeApiKey(
  caller: Caller,
  { sessions }: { readonly sessions: Sessions },
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<'NOT_FOUND'>> {
  const command = {
    name: 'apiKeyRevoke',
    permission: 'keys:manage',
    input,
    schema,
    idempotencyKey,
  } as const
  try {
    return await runCommand(caller, command, async (tx, { id }) => {
      const key = await tx.apiKey.findFirst({ where: { id } })
      if (key === null) return notFound('id', 'API key')
      const revokedAt = caller.clock()
      const { count } = await tx.apiKey.updateMany({ where: { id, revokedAt: null }, data: { revokedAt } })
      if (count === 0) return done(id, [])
      const subject = { type: 'ApiKey', id }
      const after = { revokedAt: revokedAt.toISOString() }
      return done(
        id,
        [auditOf(subject, { revokedAt: null }, after)],
        [{ type: 'api-key.revoked', subject, payload: { name: key.name } }],
      )
    })
  } finally {
    // Whatever was answered: when the answer of COMMIT was lost, the key may be revoked all the same.
    sessions.forget(caller.tenantSlug)
  }
}
