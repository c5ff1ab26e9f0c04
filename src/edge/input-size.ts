// Measures a request's JSON input and bounds it while walking, so that later recursive work, once per mutation, stays
// small.
import { AppError } from '../core/errors.ts'

/** Our deepest input has 4 levels; code that recurses over an input needs a bound. */
const JSON_DEPTH_MAX = 12
/** Values per request. The largest input of the schema is an order: 100 lines of 3 values, and about 40 others. */
export const INPUT_VALUES_MAX = 4_000
/** A value takes about 0.5 µs to parse, coerce and check; a point is 5 µs. */
const VALUES_PER_POINT = 10
/** Texts are searched, hashed and copied. */
const LETTERS_PER_POINT = 1_000

/** Values and characters, including field names, as counted by `measure`. */
export type InputSize = { values: number; letters: number }

/** Adds a value's size. Throws BAD_USER_INPUT when it is too deep, or the total is too large. */
export function measure(name: string, value: unknown, size: InputSize): void {
  walk(name, value, size, JSON_DEPTH_MAX)
}

function walk(name: string, value: unknown, size: InputSize, levels: number): void {
  size.values += 1
  if (size.values > INPUT_VALUES_MAX)
    throw refused(`a request must not hold more than ${INPUT_VALUES_MAX} values`)
  if (typeof value === 'string') size.letters += value.length
  if (typeof value !== 'object' || value === null) return
  if (levels === 0) throw refused(`"${name}" must not be more than ${JSON_DEPTH_MAX} levels deep`)
  if (Array.isArray(value)) {
    for (const item of value) walk(name, item, size, levels - 1)
    return
  }
  for (const key in value) {
    size.letters += key.length
    walk(name, (value as Record<string, unknown>)[key], size, levels - 1)
  }
}

/** Usual inputs cost nothing beside the operation itself. */
export function pointsOfInput({ values, letters }: InputSize): number {
  return Math.floor(values / VALUES_PER_POINT + letters / LETTERS_PER_POINT)
}

function refused(message: string): AppError {
  return new AppError('BAD_USER_INPUT', message)
}
