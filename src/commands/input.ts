// Checking what a user typed: every problem at once, each at its field.
import type { z } from 'zod'
import type { UserError } from './outcome.ts'

/** The parsed input, or one user error per problem. Messages are the schema's own. */
export function checkInput<Output>(
  schema: z.ZodType<Output> | undefined,
  input: unknown,
):
  | { readonly value: Output; readonly errors: null }
  | { readonly value: null; readonly errors: UserError<'INVALID'>[] } {
  // Without a schema the input is taken as it is: the caller's type is then all that was promised.
  if (schema === undefined) return { value: input as Output, errors: null }
  const result = schema.safeParse(input)
  if (result.success) return { value: result.data, errors: null }
  const errors = result.error.issues.map(({ path, message }) => ({
    field: path.map(String),
    message,
    code: 'INVALID' as const,
  }))
  return { value: null, errors }
}
