// Ends an API key for good, and with it the keys that it made.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import { notFound } from '../commands/edit.ts'
import { done } from '../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import { changingPeople, type Sessions } from '../commands/sessions.ts'
import { revokeKeysFrom } from './revoke-keys.ts'

const schema = z.object({ id: z.string() })

/**
 * Revokes a key, and those that were made with it: whoever had the one may have the others. Refused from then on, here at
 * once and elsewhere within seconds. One that was revoked before stays as it is. User errors: INVALID, NOT_FOUND.
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
  return await changingPeople(sessions, caller, () =>
    runCommand(caller, command, async (tx, { id }) => {
      const key = await tx.apiKey.findFirst({ where: { id } })
      if (key === null) return notFound('id', 'API key')
      const { audit, events } = await revokeKeysFrom(tx, id, { now: caller.clock() })
      return done(id, audit, events)
    }),
  )
}
