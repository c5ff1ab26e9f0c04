// Makes an API key. Its secret leaves with the answer and is kept nowhere.
import type { z } from 'zod'
import { type CommandContext, labelOf } from '../../auth/command-context.ts'
import { currentPermissionsOf } from '../../auth/current-permissions.ts'
import { type GrantablePermission, PERMISSIONS, requirePermission } from '../../auth/permissions.ts'
import { auditOf } from '../../commands/edit.ts'
import { type Done, done, refused, type UserError } from '../../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../../commands/run-command.ts'
import { type KeyMode, type NewApiKey, newApiKey } from '../../core/api-key.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import { ACTIVE_KEYS_MAX, newKeySchema } from './api-key.ts'
import { oneAtATime } from './one-at-a-time.ts'

export const CREATE_API_KEY_ERRORS = ['PERMISSION_NOT_HELD', 'EXPIRY_NOT_HELD', 'TOO_MANY_KEYS'] as const
export type CreateApiKeyErrorCode = (typeof CREATE_API_KEY_ERRORS)[number]

type Schema = ReturnType<typeof newKeySchema>
type Refusal = UserError<CreateApiKeyErrorCode>

/**
 * Makes a key of this installation's mode. `secret` is set for the one call that made it, null for one that repeats it.
 * User errors: INVALID, PERMISSION_NOT_HELD for each permission that the caller lacks, EXPIRY_NOT_HELD (a key makes none
 * that outlives it), TOO_MANY_KEYS.
 */
export async function createApiKey(
  caller: CommandContext,
  services: { readonly keyMode: KeyMode },
  { idempotencyKey, ...input }: Keyed<z.input<Schema>>,
): Promise<Executed<CreateApiKeyErrorCode> & { readonly secret: string | null }> {
  const command = {
    name: 'apiKeyCreate',
    permission: 'keys:manage',
    input,
    schema: newKeySchema(caller.clock()),
    idempotencyKey,
  } as const
  const id = newId()
  const made = newApiKey(services.keyMode, caller.scope.tenantId)
  const executed = await runCommand<CreateApiKeyErrorCode, z.output<Schema>>(
    caller,
    command,
    async (tx, value) => {
      // So that rivals make no more than the bound together, and a key that is just being revoked makes none.
      await oneAtATime(tx)
      const errors = await refusalsOf(tx, caller, value)
      return errors.length > 0 ? refused(errors) : await keep(tx, caller, { id, made, value })
    },
  )
  // An answer that was lost and looked up again may be this call's own: by the id it is told from an earlier one's.
  return { ...executed, secret: executed.id === id ? made.secret : null }
}

async function refusalsOf(
  tx: Transaction,
  caller: CommandContext,
  { permissions, expiresAt }: z.output<Schema>,
): Promise<Refusal[]> {
  const now = caller.clock()
  const holding = await currentPermissionsOf(tx, caller)
  requirePermission(holding.permissions, 'keys:manage')
  const errors: Refusal[] = permissions.flatMap((permission, index) =>
    holding.permissions.has(permission)
      ? []
      : {
          field: ['permissions', String(index)],
          message: `you do not have ${permission} yourself`,
          code: 'PERMISSION_NOT_HELD' as const,
        },
  )
  const { until } = holding
  if (until !== null && (expiresAt == null || expiresAt > until)) {
    const message = `this key expires at ${until.toISOString()}: it makes none that outlives it`
    errors.push({ field: ['expiresAt'], message, code: 'EXPIRY_NOT_HELD' })
  }
  const active = await tx.apiKey.count({
    where: { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
  })
  if (active >= ACTIVE_KEYS_MAX) {
    const message = `there are ${ACTIVE_KEYS_MAX} keys already: revoke one first`
    errors.push({ field: null, message, code: 'TOO_MANY_KEYS' })
  }
  return errors
}

async function keep(
  tx: Transaction,
  { actor, clock }: CommandContext,
  { id, made, value }: { readonly id: string; readonly made: NewApiKey; readonly value: z.output<Schema> },
): Promise<Done> {
  const { name, expiresAt = null } = value
  const permissions = inOrder(value.permissions)
  const { hash, hint } = made
  await tx.apiKey.create({
    data: {
      id,
      name,
      hint,
      hash: new Uint8Array(hash),
      permissions,
      createdById: actor.id,
      createdBy: labelOf(actor),
      expiresAt,
      createdAt: clock(),
    },
  })
  const subject = { type: 'ApiKey', id }
  const told = { name, permissions, expiresAt: expiresAt?.toISOString() ?? null }
  return done(id, [auditOf(subject, null, told)], [{ type: 'api-key.created', subject, payload: told }])
}

/** Each once, in the table's order. */
function inOrder(permissions: readonly GrantablePermission[]): GrantablePermission[] {
  return PERMISSIONS.filter((permission) => permissions.includes(permission))
}
