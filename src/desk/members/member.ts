// The validation rules of members, and the refusals of member management.
import { z } from 'zod'
import { ROLES, type Role } from '../../auth/permissions.ts'
import { type Reason, type Refused, refused, type UserError } from '../../commands/outcome.ts'
import { sqlstateOf } from '../../db/faults.ts'
import { mailedName } from '../../mail/mailed-name.ts'

const NAME_LENGTH_MAX = 100
/** Raised by the trigger that keeps an owner in each tenant. */
const LAST_OWNER = 'BK011'

/** Empty: not given. The invitation mail contains it. */
export const name = mailedName(NAME_LENGTH_MAX)

export const role = z.enum(ROLES)

/** The refusal to change or remove a higher role; which role it is, is shown only to callers who may read members. */
export function mayDoMore(above: Role): Reason<'ROLE_TOO_HIGH'> {
  return {
    field: ['id'],
    message: 'this may do more than you',
    code: 'ROLE_TOO_HIGH',
    detail: { message: beyond(above), params: { role: above }, needs: ['members:read'] },
  }
}

/** The refusal to give, change or remove a role that may do more than the caller's. */
export function roleTooHigh(field: string, above: Role): UserError<'ROLE_TOO_HIGH'> {
  return { field: [field], message: beyond(above), code: 'ROLE_TOO_HIGH', params: { role: above } }
}

function beyond(role: Role): string {
  return `${role} may do more than you`
}

/** The refusal of a write that would leave the tenant without an owner. Rethrows any other error. */
export function refusedAsLastOwner(error: unknown, field: string): Refused<'LAST_OWNER'> {
  if (sqlstateOf(error) !== LAST_OWNER) throw error
  const message = 'this is the last owner: make somebody else an owner first'
  return refused([{ field: [field], message, code: 'LAST_OWNER' }])
}
