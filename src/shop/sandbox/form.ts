// Parses Stripe's form encoding, with brackets for nested names: `metadata[order]=7`, `expand[]=charge`,
// `expand[0]=charge`.
import { parse } from 'qs'

export type Params = { readonly [name: string]: ParamValue }
export type ParamValue = string | Params | readonly ParamValue[]

const NAMES_MAX = 1_000
const DEPTH_MAX = 5

/**
 * The values of a body or a query string. A list is a group with numeric names, which metadata may have as well. Throws
 * when a bound is exceeded; names of Object's own properties are left out.
 */
export function parseForm(form: string): Params {
  return parse(form, {
    plainObjects: true,
    parseArrays: false,
    duplicates: 'last',
    parameterLimit: NAMES_MAX,
    throwOnLimitExceeded: true,
    depth: DEPTH_MAX,
    strictDepth: true,
  }) as Params
}

export function text(params: Params, name: string): string | null {
  const value = params[name]
  return typeof value === 'string' ? value : null
}

/** A list, in numeric order. */
export function texts(params: Params, name: string): string[] {
  const value = params[name]
  if (typeof value !== 'object') return []
  // Values with empty brackets come as one.
  return Object.values(value)
    .flat()
    .filter((item) => typeof item === 'string')
}

/** A nested group of texts, such as metadata. */
export function group(params: Params, name: string): Record<string, string> {
  const value = params[name]
  if (typeof value !== 'object') return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
