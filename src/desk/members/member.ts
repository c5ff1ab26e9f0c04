// What a person's details must be like, and the words for what is refused to whoever manages people.
import { z } from 'zod'
import { ROLES, type Role } from '../../auth/permissions.ts'
import { type Reason, type Refused, refused, type UserError } from '../../commands/outcome.ts'
import { sqlstateOf } from '../../db/faults.ts'
import { mailedName } from '../../mail/mailed-name.ts'

const NAME_LENGTH_MAX = 100
/** Raised by the trigger that keeps each tenant an owner. */
const LAST_OWNER = 'BK011'

/** Empty where nobody said. Stands in the mail that invites. */
export const name = mailedName(NAME_LENGTH_MAX)

export const role = z.enum(ROLES)

/** Changing or ending somebody's, or an invitation's, that is more: which role that is, is told to who may read it. */
export function mayDoMore(above: Role): Reason<'ROLE_TOO_HIGH'> {
  return {
    field: ['id'],
    message: 'this may do more than you',
    code: 'ROLE_TOO_HIGH',
    detail: { message: roleTooHigh('id', above).message, needs: ['members:read'] },
  }
}

/** Giving, changing or ending what is more than one has oneself. */
export function roleTooHigh(field: string, above: Role): UserError<'ROLE_TOO_HIGH'> {
  return { field: [field], message: `${above} may do more than you`, code: 'ROLE_TOO_HIGH' }
}

/** The refusal of a write that would leave the tenant without an owner; throws whatever else went wrong. */
export function refusedAsLastOwner(error: unknown, field: string): Refused<'LAST_OWNER'> {
  if (sqlstateOf(error) !== LAST_OWNER) throw error
  const message = 'this is the last owner: make somebody else an owner first'
  return refused([{ field: [field], message, code: 'LAST_OWNER' }])
}
