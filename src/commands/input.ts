// Checking what a user typed: every problem at once, each at its field.
import type { z } from 'zod'
import { unstorableIn } from '../core/text.ts'
import type { UserError } from './outcome.ts'

/** The parsed input, or one user error per problem. Messages are the schema's own. */
export function checkInput<Output>(
  schema: z.ZodType<Output> | undefined,
  input: unknown,
):
  | { readonly value: Output; readonly errors: null }
  | { readonly value: null; readonly errors: UserError<'INVALID'>[] } {
  const errors = unstorableIn(input).map((field) => invalid(field, UNSTORABLE))
  // Without a schema the input is taken as it is: the caller's type is then all that was promised.
  const result = schema?.safeParse(input) ?? { success: true, data: input as Output }
  if (!result.success)
    errors.push(...result.error.issues.map(({ path, message }) => invalid(path.map(String), message)))
  else if (errors.length === 0) return { value: result.data, errors: null }
  return { value: null, errors }
}

const UNSTORABLE = 'this text holds a character that cannot be stored'

function invalid(field: readonly string[], message: string): UserError<'INVALID'> {
  return { field, message, code: 'INVALID' }
}
