// Edits the merchant's own data, with optimistic locking by its version.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { constraint, refusedBy } from '../../commands/constraint.ts'
import { changedMeanwhile, changesTo, conflict, edited } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { omittable } from '../../commands/input-rules.ts'
import { done } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { isTimeZone, localeOf } from '../../core/region.ts'
import { mailedName } from '../../mail/mailed-name.ts'

const NAME_LENGTH_MAX = 200

/** The database has a list of time zones of its own, and computes days by it. */
const KNOWN_ZONE = constraint('tenants_time_zone_check', {
  field: 'timeZone',
  code: 'UNKNOWN_VALUE',
  message: 'the database does not know this time zone',
})

const schema = z.object({
  expectedVersion: z.number(),
  name: omittable(mailedName(NAME_LENGTH_MAX).min(1, 'a merchant needs a name')),
  timeZone: omittable(
    z.string().refine(isTimeZone, {
      error: 'a time zone is a name like Europe/Berlin',
      params: { code: 'FORMAT', expected: 'a time zone like Europe/Berlin' },
    }),
  ),
  locale: omittable(
    z
      .string()
      .refine((tag) => localeOf(tag) !== null, {
        error: 'a language is a tag like de or pt-BR',
        params: { code: 'FORMAT', expected: 'a language tag like pt-BR' },
      })
      .transform((tag) => localeOf(tag) ?? tag),
  ),
})

export const tenantUpdate = defineCommand({
  name: 'tenantUpdate',
  permission: 'tenant:manage',
  errors: ['CONFLICT', 'UNKNOWN_VALUE'],
  schema,
})

/** Edits the given fields. */
export async function updateTenant(
  caller: CommandContext,
  input: InputOf<typeof tenantUpdate>,
): Promise<Executed<typeof tenantUpdate>> {
  const { tenantId: id } = caller.scope
  return await runCommand(
    caller,
    tenantUpdate,
    input,
    async (tx, { expectedVersion, name, timeZone, locale }) => {
      const wanted = {
        ...(typeof name === 'string' && { name }),
        ...(typeof timeZone === 'string' && { timeZone }),
        ...(typeof locale === 'string' && { locale }),
      }
      const current = { id, ...(await tx.tenant.findFirstOrThrow()) }
      const conflictWith = async (row: typeof current) =>
        conflict(row, expectedVersion, {
          // Every caller may read the merchant's own data: `viewer { tenant }`.
          reads: null,
          changed: await changedMeanwhile(tx, 'Tenant', row, expectedVersion, wanted),
        })
      if (current.version !== expectedVersion) return await conflictWith(current)
      const changes = changesTo(current, wanted)
      if (Object.keys(changes).length === 0) return done(id, [])
      try {
        const { count } = await tx.tenant.updateMany({
          where: { version: expectedVersion },
          data: { ...changes, version: expectedVersion + 1, updatedAt: caller.clock() },
        })
        if (count === 0) {
          return await conflictWith({ id, ...(await tx.tenant.findFirstOrThrow()) })
        }
      } catch (error) {
        return refusedBy(error, [KNOWN_ZONE])
      }
      return edited('Tenant', current, changes)
    },
  )
}
