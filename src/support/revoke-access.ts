// Ends the access of the platform's people before its time.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import { auditOf, notFound } from '../commands/edit.ts'
import { done } from '../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import { changingPeople, type Sessions } from '../commands/sessions.ts'

const schema = z.object({ id: z.string() })

/**
 * Revokes a grant: at once here, within seconds on other servers. One that has ended stays as it is. User errors:
 * NOT_FOUND.
 */
export async function revokeSupportAccess(
  caller: Caller,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
  sessions: Sessions,
): Promise<Executed<'NOT_FOUND'>> {
  const command = {
    name: 'supportAccessRevoke',
    permission: 'support:manage',
    input,
    schema,
    idempotencyKey,
  } as const
  return await changingPeople(sessions, caller, () =>
    runCommand(caller, command, async (tx, { id }) => {
      const now = caller.clock()
      const { count } = await tx.supportGrant.updateMany({
        where: { id, revokedAt: null, expiresAt: { gt: now } },
        data: { revokedAt: now },
      })
      if (count > 0) {
        const revokedAt = now.toISOString()
        return done(id, [auditOf({ type: 'SupportGrant', id }, { revokedAt: null }, { revokedAt })])
      }
      const isHere = (await tx.supportGrant.findFirst({ where: { id }, select: { id: true } })) !== null
      return isHere ? done(id, []) : notFound('id', 'grant')
    }),
  )
}
