// Creates an API key. Its secret is returned once and not stored.
import { type CommandContext, labelOf } from '../../auth/command-context.ts'
import { currentPermissionsOf } from '../../auth/current-permissions.ts'
import { type GrantablePermission, PERMISSIONS, requirePermission } from '../../auth/permissions.ts'
import { type CheckedInputOf, defineCommand, type ErrorCodeOf, type InputOf } from '../../commands/command.ts'
import { auditOf } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { type Done, done, refused, type UserError } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { type KeyMode, newApiKey } from '../../core/api-key.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import { ACTIVE_KEYS_MAX, newKeySchema } from './api-key.ts'
import { oneAtATime } from './one-at-a-time.ts'

type Refusal = UserError<CreateApiKeyErrorCode>

export const apiKeyCreate = defineCommand({
  name: 'apiKeyCreate',
  permission: 'keys:manage',
  errors: ['PERMISSION_NOT_HELD', 'EXPIRY_NOT_HELD', 'TOO_MANY_KEYS'],
  schema: newKeySchema,
})

type CreateApiKeyErrorCode = ErrorCodeOf<typeof apiKeyCreate>

/**
 * Creates a key of this installation's mode; the value is its secret. PERMISSION_NOT_HELD: for each permission that the
 * caller lacks. EXPIRY_NOT_HELD: a key cannot make one that outlives it.
 */
export async function createApiKey(
  caller: CommandContext,
  services: { readonly keyMode: KeyMode },
  input: InputOf<typeof apiKeyCreate>,
): Promise<Executed<typeof apiKeyCreate, string>> {
  return await runCommand(caller, apiKeyCreate, input, async (tx, value) => {
    // So that concurrent calls do not exceed the bound together, and a key that is being revoked makes none.
    await oneAtATime(tx)
    const errors = await refusalsOf(tx, caller, value)
    return errors.length > 0 ? refused(errors) : await keep(tx, caller, services.keyMode, value)
  })
}

async function refusalsOf(
  tx: Transaction,
  caller: CommandContext,
  { permissions, expiresAt }: CheckedInputOf<typeof apiKeyCreate>,
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
          params: { permissions: [permission] },
        },
  )
  const { until } = holding
  if (until !== null && (expiresAt == null || expiresAt > until)) {
    const message = `this key expires at ${until.toISOString()}: it cannot make a key that outlives it`
    const params = { max: until.toISOString() }
    errors.push({ field: ['expiresAt'], message, code: 'EXPIRY_NOT_HELD', params })
  }
  const active = await tx.apiKey.count({
    where: { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
  })
  if (active >= ACTIVE_KEYS_MAX) {
    const message = `there are ${ACTIVE_KEYS_MAX} keys already: revoke one first`
    errors.push({ field: null, message, code: 'TOO_MANY_KEYS', params: { max: ACTIVE_KEYS_MAX } })
  }
  return errors
}

async function keep(
  tx: Transaction,
  { scope, actor, clock }: CommandContext,
  mode: KeyMode,
  { name, expiresAt = null, permissions: asked }: CheckedInputOf<typeof apiKeyCreate>,
): Promise<Done<string>> {
  const id = newId()
  const permissions = inOrder(asked)
  const { secret, hash, hint } = newApiKey(mode, scope.tenantId)
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
  const after = { name, permissions, expiresAt: expiresAt?.toISOString() ?? null }
  return done(
    id,
    [auditOf(subject, null, after)],
    [{ type: 'api-key.created', subject, payload: after }],
    secret,
  )
}

/** Without duplicates, in the order of the permission table. */
function inOrder(permissions: readonly GrantablePermission[]): GrantablePermission[] {
  return PERMISSIONS.filter((permission) => permissions.includes(permission))
}
