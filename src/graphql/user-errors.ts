// User errors in the API: one type for all mutations, so that a client handles them by one fragment.
import { COMMON_ERRORS, descriptionOfCode } from '../commands/error-codes.ts'
import type { UserError } from '../commands/outcome.ts'
import { builder } from './builder.ts'
import { textBytes } from './text-bytes.ts'

/** The depth of a user error's path that the cost assumes. */
const FIELD_DEPTH_EXPECTED = 3
const MESSAGE_BYTES_EXPECTED = 100

/** Added by `addErrorCodes` when all mutations are known; until then it is referred to by its name. */
const CODE = 'UserErrorCode'

export const UserErrorType = builder.objectRef<UserError>('UserError').implement({
  description: 'A problem in the input that the user can fix. Nothing was changed.',
  extensions: { isValue: true },
  fields: (t) => ({
    code: t.field({
      type: CODE as never,
      description: 'What the problem is: for a program, and to translate the message by.',
      resolve: ({ code }) => code as never,
    }),
    field: t.exposeStringList('field', {
      extensions: { listSize: FIELD_DEPTH_EXPECTED },
      nullable: true,
      description: "The path in the mutation's input; null: the whole input.",
    }),
    message: t.exposeString('message', {
      ...textBytes(MESSAGE_BYTES_EXPECTED),
      description: 'In English, for a developer or a user.',
    }),
    params: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The values in the message, by name; the description of the code lists them.',
      resolve: ({ params }) => params ?? null,
    }),
  }),
})

const used = new Set<string>(COMMON_ERRORS)

/** The description of a payload's user errors, which lists the codes of the command. */
export function describeUserErrors(codes: readonly string[]): string {
  for (const code of codes) used.add(code)
  const own = [...new Set(codes)].sort()
  const list = own.length === 0 ? '' : ` Its own codes: ${own.join(', ')}.`
  return `Empty: it was done. Codes of any input: those of validation and of the idempotency key.${list}`
}

let isImplemented = false

/** Adds the enum of the codes that mutations use. Returns the problems: codes without a description. */
export function addErrorCodes(): readonly string[] {
  const codes = [...used].sort()
  if (!isImplemented) {
    isImplemented = true
    builder.enumType(CODE, {
      description: 'What a user error is about. A client may meet codes that are added later.',
      values: Object.fromEntries(
        codes.map((code) => [code, { description: descriptionOfCode(code) ?? code }]),
      ),
    })
  }
  return codes
    .filter((code) => descriptionOfCode(code) === undefined)
    .map(
      (code) =>
        `the error code ${code} has no description: write defineErrorCodes({ ${code}: '…' }) in its module`,
    )
}
