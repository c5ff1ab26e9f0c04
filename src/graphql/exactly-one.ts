// Looks up one record by one of several unique arguments.
import { AppError } from '../core/errors.ts'

/** The filter for the given argument. Throws BAD_USER_INPUT for none, and for more than one. */
export function exactlyOne<
  Args extends object,
  Filters extends { readonly [Name in keyof Args]-?: (value: NonNullable<Args[Name]>) => object },
>(args: Args, filters: Filters): ReturnType<Filters[keyof Args]> {
  let given: keyof Args | undefined
  for (const name in filters) {
    const key = name as unknown as keyof Args
    if (args[key] === undefined || args[key] === null) continue
    if (given !== undefined) throw notOne(filters)
    given = key
  }
  if (given === undefined) throw notOne(filters)
  // An argument's filter takes that argument's values, which the compiler cannot follow through `given`.
  const filterOf = filters[given] as (value: unknown) => ReturnType<Filters[keyof Args]>
  return filterOf(args[given])
}

function notOne(filters: object): AppError {
  return new AppError('BAD_USER_INPUT', `give one of ${Object.keys(filters).join(', ')}`)
}
