// The number of rows in a page of a list.
import { AppError } from '../core/errors.ts'

export const PAGE_SIZE_DEFAULT = 20
const PAGE_SIZE_MAX = 100

/** The sizes that a caller may ask for, for texts: `1 to 100`. */
export const PAGE_SIZES = `1 to ${PAGE_SIZE_MAX}`

/** Returns a size that a caller may ask for. `field`: for the message. Throws BAD_USER_INPUT. */
export function checkPageSize(size: unknown, field?: string): number {
  if (typeof size === 'number' && Number.isInteger(size) && size >= 1 && size <= PAGE_SIZE_MAX) return size
  const message = `a page has ${PAGE_SIZES} rows`
  throw new AppError('BAD_USER_INPUT', field === undefined ? message : `${field}: ${message}`)
}
