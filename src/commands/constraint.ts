// Constraints of the database as user errors: what a write that meets one is refused with.
import { violatedConstraint } from '../db/faults.ts'
import { type Refused, refused } from './outcome.ts'

export type Constraint<Code extends string = string> = {
  /** In the database: `bookings_no_overlap`. */
  readonly name: string
  /** The field of the mutation's input that the user can put right; null: none by itself. */
  readonly field: string | readonly string[] | null
  readonly code: Code
  readonly message: string
}

/** A CHECK, UNIQUE, EXCLUDE or FOREIGN KEY constraint, by its name, as a user error. */
export function constraint<const Code extends string>(
  name: string,
  error: Omit<Constraint<Code>, 'name'>,
): Constraint<Code> {
  return { name, ...error }
}

/** The refusal of a write that met one of the constraints; throws any other error as it is. */
export function refusedBy<Code extends string>(
  error: unknown,
  constraints: readonly Constraint<Code>[],
): Refused<Code> {
  const name = violatedConstraint(error)
  const met = constraints.find((one) => one.name === name)
  if (met === undefined) throw error
  const { field, message, code } = met
  return refused([{ field: typeof field === 'string' ? [field] : field, message, code }])
}
