// Validates a mutation's input: all problems at once, each with its field. Nothing is stored for an invalid input.
import type { z } from 'zod'
import { unstorableIn } from '../core/text.ts'
import type { Claim } from './call.ts'
import type { Command, Keyed } from './command.ts'
import { fingerprint } from './fingerprint.ts'
import { keyErrorOf } from './idempotency.ts'
import type { UserError } from './outcome.ts'

type Checked<Value> =
  | { readonly value: Value; readonly errors: null }
  | { readonly value: null; readonly errors: readonly UserError<'INVALID'>[] }

/** The validated input of a call, and its key's claim with the fingerprint of the input as sent. */
export function checkCall<Schema extends z.ZodType>(
  command: Command<string, string, Schema>,
  { idempotencyKey, ...input }: Keyed<z.input<Schema> & object>,
  now: Date,
): Checked<z.output<Schema>> & { readonly claim: Claim | null } {
  const key = idempotencyKey ?? null
  const keyError = key === null ? null : keyErrorOf(key)
  if (keyError !== null) return { value: null, errors: [keyError], claim: null }
  const schema = typeof command.schema === 'function' ? command.schema(now) : command.schema
  const claim = key === null ? null : { operation: command.name, key, fingerprint: fingerprint(input) }
  return { ...checkInput(schema, input), claim }
}

/** The parsed input, or one user error per problem, with the schema's messages. */
function checkInput<Schema extends z.ZodType>(schema: Schema, input: unknown): Checked<z.output<Schema>> {
  const errors = unstorableIn(input).map((field) => invalid(field, UNSTORABLE))
  const result = schema.safeParse(input)
  if (!result.success)
    errors.push(...result.error.issues.map(({ path, message }) => invalid(path.map(String), message)))
  else if (errors.length === 0) return { value: result.data, errors: null }
  return { value: null, errors }
}

const UNSTORABLE = 'this text holds a character that cannot be stored'

function invalid(field: readonly string[], message: string): UserError<'INVALID'> {
  return { field, message, code: 'INVALID' }
}
