// Looks up one record by one of several unique arguments.
import { AppError } from '../core/errors.ts'
import type { Filter } from '../db/reader/read-sql.ts'

/** The filter for the given argument. Throws BAD_USER_INPUT for none, and for more than one. */
export function exactlyOne<Args extends object>(
  args: Args,
  filters: { readonly [Name in keyof Args]-?: (value: NonNullable<Args[Name]>) => Filter },
): Filter {
  const names = Object.keys(filters) as (keyof Args)[]
  const [given, another] = names.filter((name) => args[name] !== undefined && args[name] !== null)
  if (given === undefined || another !== undefined) {
    throw new AppError('BAD_USER_INPUT', `give one of ${names.join(', ')}`)
  }
  return filters[given](args[given] as NonNullable<Args[keyof Args]>)
}
