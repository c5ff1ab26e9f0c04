// Maps constraints of the database to user errors.
import { violatedConstraint } from '../db/faults.ts'
import { type Refused, refused } from './outcome.ts'

export type Constraint<Code extends string = string> = {
  /** In the database: `bookings_no_overlap`. */
  readonly name: string
  /** The field of the mutation's input that the user can fix; null: no single one. */
  readonly field: string | readonly string[] | null
  readonly code: Code
  readonly message: string
}

/** Maps a CHECK, UNIQUE, EXCLUDE or FOREIGN KEY constraint, by its name, to a user error. */
export function constraint<const Code extends string>(
  name: string,
  error: Omit<Constraint<Code>, 'name'>,
): Constraint<Code> {
  return { name, ...error }
}

/** Whether the error is a violation of one of the constraints. */
export function violates(error: unknown, constraints: readonly Constraint[]): boolean {
  return metBy(error, constraints) !== undefined
}

function metBy<Code extends string>(
  error: unknown,
  constraints: readonly Constraint<Code>[],
): Constraint<Code> | undefined {
  const name = violatedConstraint(error)
  return constraints.find((one) => one.name === name)
}

/** The refusal of a write that violated one of the constraints; rethrows any other error. */
export function refusedBy<Code extends string>(
  error: unknown,
  constraints: readonly Constraint<Code>[],
): Refused<Code> {
  const met = metBy(error, constraints)
  if (met === undefined) throw error
  return refusalOf(met)
}

export function refusalOf<Code extends string>({ field, message, code }: Constraint<Code>): Refused<Code> {
  return refused([{ field: typeof field === 'string' ? [field] : field, message, code }])
}
