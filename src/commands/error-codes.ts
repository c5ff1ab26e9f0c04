// The codes of user errors: each is described once, and means the same in every mutation. A module defines its own.

/** What is said of an input before its use case runs, by any mutation. */
const INPUT_CODES = {
  REQUIRED: 'A value is missing, null or empty where one is needed.',
  TOO_SHORT: 'The text has too few characters. `params`: `min`.',
  TOO_LONG: 'The text has too many characters. `params`: `max`.',
  TOO_FEW: 'The list has too few items. `params`: `min`.',
  TOO_MANY: 'The list has too many items. `params`: `max`.',
  OUT_OF_RANGE:
    'The number, amount or time is too small or too large. `params`: `min`, `max`, or one of them.',
  FORMAT: 'The value does not have the form that is needed. `params`: `expected`, in words or an example.',
  UNKNOWN_VALUE: 'The value is none of those that are accepted. `params`: `allowed`, where they are few.',
  INVALID: 'The value is refused for another reason, which `message` has.',
  IDEMPOTENCY_KEY_REUSED: 'The idempotency key belongs to another input.',
  IDEMPOTENCY_KEY_IN_USE: 'The same call is in progress: try again shortly.',
} as const

/** The codes that every mutation may return, besides its own. */
export const COMMON_ERRORS = Object.keys(INPUT_CODES) as readonly CommonErrorCode[]
export type CommonErrorCode = keyof typeof INPUT_CODES

const descriptions = new Map<string, string>(Object.entries(INPUT_CODES))
const callerDependent = new Set<string>()

/**
 * Describes the error codes of a module's mutations. `dependOnCaller`: they are not stored under the idempotency key,
 * since the same call by another caller may succeed. Throws a plain Error for a code that is described already.
 */
export function defineErrorCodes(
  codes: Readonly<Record<string, string>>,
  { dependOnCaller = false }: { readonly dependOnCaller?: boolean } = {},
): void {
  for (const [code, description] of Object.entries(codes)) {
    if (descriptions.has(code)) throw new Error(`the error code ${code} is described already`)
    descriptions.set(code, description)
    if (dependOnCaller) callerDependent.add(code)
  }
}

/** Describes a code that has no description yet, by the message of its only cause. */
export function describeErrorCode(code: string, message: string): void {
  if (!descriptions.has(code))
    descriptions.set(code, `${message.charAt(0).toUpperCase()}${message.slice(1)}.`)
}

/** The description of a code; undefined for one that was not defined. */
export function descriptionOfCode(code: string): string | undefined {
  return descriptions.get(code)
}

export function dependsOnCaller(errors: readonly { readonly code: string }[]): boolean {
  return errors.some(({ code }) => callerDependent.has(code))
}

defineErrorCodes({
  NOT_FOUND: 'There is no such record in this tenant.',
  CONFLICT:
    'Somebody else changed the record since `expectedVersion`. `params` has the current `version`; at a field that ' +
    'was changed, its `current` value.',
  TAKEN: 'Another record has this value, which must be unique.',
  DUPLICATE_ROW: 'An earlier row of the call has the same record.',
  IN_USE: 'Other records refer to it.',
  WRONG_STATUS: 'The record does not allow this in its current state.',
})
