// Ends an API key for good, and with it the keys that it made.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import { auditOf, notFound } from '../commands/edit.ts'
import { type AuditRecord, done, type EventRecord } from '../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import type { Sessions } from '../commands/sessions.ts'
import type { Transaction } from '../db/database.ts'
import { oneAtATime } from './one-at-a-time.ts'

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
  try {
    return await runCommand(caller, command, async (tx, { id }) => {
      await oneAtATime(tx)
      const key = await tx.apiKey.findFirst({ where: { id } })
      if (key === null) return notFound('id', 'API key')
      const revokedAt = caller.clock()
      const revoked = await revokeAllFrom(tx, id, revokedAt)
      return done(
        id,
        revoked.map((one) => auditFor(one, revokedAt)),
        revoked.map(eventFor),
      )
    })
  } finally {
    // Whatever was answered: when the answer of COMMIT was lost, the key may be revoked all the same.
    sessions.forget(caller.tenantSlug)
  }
}

type Revoked = { readonly id: string; readonly name: string }

/** The key itself first. Each was good when its maker was, so there are no more of them than keys may be good at a time. */
async function revokeAllFrom(tx: Transaction, id: string, revokedAt: Date): Promise<Revoked[]> {
  const revoked = await tx.$queryRaw<Revoked[]>`
    WITH RECURSIVE made AS (
      SELECT k.id FROM api_keys k WHERE k.id = ${id}::uuid
      UNION
      SELECT k.id FROM api_keys k JOIN made ON k.created_by_id = made.id
    )
    UPDATE api_keys k SET revoked_at = ${revokedAt} FROM made
    WHERE k.id = made.id AND k.revoked_at IS NULL
    RETURNING k.id, k.name`
  return revoked.toSorted((x, y) => Number(y.id === id) - Number(x.id === id))
}

function auditFor({ id }: Revoked, revokedAt: Date): AuditRecord {
  return auditOf({ type: 'ApiKey', id }, { revokedAt: null }, { revokedAt: revokedAt.toISOString() })
}

function eventFor({ id, name }: Revoked): EventRecord {
  return { type: 'api-key.revoked', subject: { type: 'ApiKey', id }, payload: { name } }
}
