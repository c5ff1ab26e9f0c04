// Validates a mutation's input: all problems at once, each with its field. Nothing is stored for an invalid input.
import type { z } from 'zod'
import { unstorableIn } from '../core/text.ts'
import type { Claim } from './call.ts'
import type { Command, Keyed } from './command.ts'
import type { CommonErrorCode } from './error-codes.ts'
import { fingerprint } from './fingerprint.ts'
import { keyErrorOf } from './idempotency.ts'
import { messageOf, userErrorOf } from './input-errors.ts'
import type { UserError } from './outcome.ts'

type Checked<Value> =
  | { readonly value: Value; readonly errors: null }
  | { readonly value: null; readonly errors: readonly UserError<CommonErrorCode>[] }

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
  const texts = command.validatesRows === true ? null : input
  return { ...checkInput(schema, input, texts), claim }
}

/** The parsed input, or one user error per problem. `texts`: the part whose texts must be storable. Default: all of it. */
export function checkInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  texts: unknown = input,
): Checked<z.output<Schema>> {
  const errors: UserError<CommonErrorCode>[] = unstorableIn(texts).map(unstorable)
  const result = schema.safeParse(input, { error: messageOf })
  if (!result.success) errors.push(...result.error.issues.map((issue) => userErrorOf(issue, schema, input)))
  else if (errors.length === 0) return { value: result.data, errors: null }
  return { value: null, errors }
}

function unstorable(field: readonly string[]): UserError<'FORMAT'> {
  const message = 'this text holds a character that cannot be stored'
  const params = { expected: 'text without NUL and without half of a surrogate pair' }
  return { field, message, code: 'FORMAT', params }
}
