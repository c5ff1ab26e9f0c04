// The user errors of an invalid input: their codes and params, from the issues that zod finds by the command's schema.
import { z } from 'zod'
import { COMMON_ERRORS, type CommonErrorCode } from './error-codes.ts'
import { jsonOf } from './json-value.ts'
import type { JsonObject, UserError } from './outcome.ts'

type Issue = z.core.$ZodIssue
type Verdict = { readonly code: CommonErrorCode; readonly params?: JsonObject }

/** Longer lists of allowed values are not repeated in an error: the schema has them. */
const ALLOWED_MAX = 20

/** The user error of an issue. A custom rule states its code and params by zod's `params`: `{ code: 'FORMAT', expected: … }`. */
export function userErrorOf(issue: Issue, schema: z.ZodType, input: unknown): UserError<CommonErrorCode> {
  const { path, message } = issue
  const given = path.reduce<unknown>((value, key) => (value as never)?.[key], input)
  return { field: path.map(String), message, ...verdictOf(issue, schema, given) }
}

function verdictOf(issue: Issue, schema: z.ZodType, given: unknown): Verdict {
  if (isEmpty(given)) return { code: 'REQUIRED' }
  switch (issue.code) {
    case 'too_small':
      return sizeOf(issue.origin, { min: issue.minimum }, schema, issue.path)
    case 'too_big':
      return sizeOf(issue.origin, { max: issue.maximum }, schema, issue.path)
    case 'invalid_type':
      return { code: 'FORMAT', params: { expected: issue.expected } }
    case 'invalid_format':
      return { code: 'FORMAT', params: { expected: issue.message } }
    case 'invalid_value': {
      const allowed = issue.values.map(jsonOf)
      return { code: 'UNKNOWN_VALUE', params: allowed.length > ALLOWED_MAX ? {} : { allowed } }
    }
    case 'custom':
      return customOf(issue.params)
    default:
      return { code: 'INVALID' }
  }
}

/** Null, absent, or a text of spaces. */
function isEmpty(given: unknown): boolean {
  return given === null || given === undefined || (typeof given === 'string' && given.trim() === '')
}

type Bound = number | bigint
type Bounds = { readonly min?: Bound; readonly max?: Bound }

function sizeOf(origin: string, met: Bounds, schema: z.ZodType, path: Issue['path']): Verdict {
  const isLow = met.min !== undefined
  if (origin === 'string') return { code: isLow ? 'TOO_SHORT' : 'TOO_LONG', params: paramsOf(met) }
  if (origin === 'array' || origin === 'set')
    return { code: isLow ? 'TOO_FEW' : 'TOO_MANY', params: paramsOf(met) }
  return { code: 'OUT_OF_RANGE', params: paramsOf({ ...boundsAt(schema, path), ...met }) }
}

function paramsOf({ min, max }: Bounds): JsonObject {
  return { ...(min !== undefined && { min: jsonOf(min) }), ...(max !== undefined && { max: jsonOf(max) }) }
}

/** The bounds of the number at a path, of which an issue has only the one that was crossed. */
function boundsAt(schema: z.ZodType, path: Issue['path']): Bounds {
  let at = unwrapped(schema)
  for (const key of path) {
    if (at instanceof z.ZodObject) at = unwrapped(at.shape[String(key)] as z.ZodType)
    else if (at instanceof z.ZodArray) at = unwrapped(at.element as z.ZodType)
    else return {}
  }
  if (!(at instanceof z.ZodNumber || at instanceof z.ZodBigInt)) return {}
  const { minValue, maxValue } = at
  return { ...(minValue !== null && { min: minValue }), ...(maxValue !== null && { max: maxValue }) }
}

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return unwrapped(schema.unwrap() as z.ZodType)
  if (!(schema instanceof z.ZodPipe)) return schema
  const { in: first, out } = schema.def
  return unwrapped((first instanceof z.ZodTransform ? out : first) as z.ZodType)
}

function customOf(params: Readonly<Record<string, unknown>> | undefined): Verdict {
  const { code, ...values } = params ?? {}
  if (!isCommon(code)) return { code: 'INVALID' }
  return { code, params: values as JsonObject }
}

function isCommon(code: unknown): code is CommonErrorCode {
  return (COMMON_ERRORS as readonly unknown[]).includes(code)
}

/** The messages of rules that have none of their own. */
export const messageOf: z.core.$ZodErrorMap = (issue) => {
  if (isEmpty(issue.input)) return 'a value is needed'
  switch (issue.code) {
    case 'too_small':
      return `at least ${issue.minimum}${unitOf(issue.origin)}`
    case 'too_big':
      return `at most ${issue.maximum}${unitOf(issue.origin)}`
    case 'invalid_type':
      return `this is not of the type ${issue.expected}`
    case 'invalid_value':
      return issue.values.length > ALLOWED_MAX
        ? 'there is no such value'
        : `one of ${issue.values.join(', ')}`
    default:
      return undefined
  }
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters'
  return origin === 'array' ? ' items' : ''
}
