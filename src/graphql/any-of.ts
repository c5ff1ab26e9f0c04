// A filter by a list of values: bounded and without duplicates.
import { AppError } from '../core/errors.ts'

/** The longest useful list is that of all mutation names. */
const FILTER_VALUES_MAX = 100

/** The filter for any of the values. Throws BAD_USER_INPUT for more than 100. */
export function anyOf<Value>(values: readonly Value[]): { readonly in: Value[] } {
  if (values.length > FILTER_VALUES_MAX) {
    throw new AppError('BAD_USER_INPUT', `a filter takes at most ${FILTER_VALUES_MAX} values`)
  }
  return { in: [...new Set(values)] }
}
