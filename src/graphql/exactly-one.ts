// Looks up one record by one of several unique arguments.
import { AppError } from '../core/errors.ts'

/** The filter for the given argument. Throws BAD_USER_INPUT for none, and for more than one. */
export function exactlyOne<
  Args extends object,
  Filters extends { readonly [Name in keyof Args]-?: (value: NonNullable<Args[Name]>) => object },
>(args: Args, filters: Filters): ReturnType<Filters[keyof Args]> {
  const names = Object.keys(filters) as (keyof Args)[]
  const [given, another] = names.filter((name) => args[name] !== undefined && args[name] !== null)
  if (given === undefined || another !== undefined) {
    throw new AppError('BAD_USER_INPUT', `give one of ${names.join(', ')}`)
  }
  // An argument's filter takes that argument's values, which the compiler cannot follow through `given`.
  const filterOf = filters[given] as (value: unknown) => ReturnType<Filters[keyof Args]>
  return filterOf(args[given])
}
