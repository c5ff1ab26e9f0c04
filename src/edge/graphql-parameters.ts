// Parses the parameters of a GraphQL request over HTTP, from a body or a query string, and checks their type, size and
// depth. Does not parse the document.
import { AppError } from '../core/errors.ts'
import { type InputSize, measure } from './input-size.ts'

const OBJECTS = ['variables', 'extensions'] as const

export type Parameters = Record<string, unknown>

export type Checked = { readonly parameters: Parameters; readonly size: InputSize }

/** The parameters of a POST's parsed body. Throws BAD_USER_INPUT. */
export function parametersOfBody(body: unknown): Checked {
  if (Array.isArray(body)) throw refused('send one operation at a time, not an array of them')
  if (!isObject(body)) throw refused('the body must be a JSON object with a "query"')
  return checked(body)
}

/** The parameters of a GET's query string, their JSON parsed. Throws BAD_USER_INPUT. */
export function parametersOfQueryString(query: unknown): Checked {
  const given: Parameters = { ...(query as object) }
  for (const name of OBJECTS) {
    const text = given[name]
    if (typeof text === 'string') given[name] = text === '' ? null : parseJson(name, text)
  }
  return checked(given)
}

function checked(given: Parameters): Checked {
  const { query, operationName, extensions, documentId } = given
  if (!isAbsentOr(query, typeof query === 'string')) throw refused('"query" must be a string')
  if (!isAbsentOr(operationName, typeof operationName === 'string')) {
    throw refused('"operationName" must be a string')
  }
  if (!isAbsentOr(documentId, typeof documentId === 'string')) throw refused('"documentId" must be a string')
  if (query && documentId) throw refused('send "query" or "documentId", not both')
  const size: InputSize = { values: 0, letters: 0 }
  for (const name of OBJECTS) {
    const value = given[name]
    if (!isAbsentOr(value, isObject(value))) throw refused(`"${name}" must be an object`)
    measure(name, value, size)
  }
  const persisted = isObject(extensions) ? extensions.persistedQuery : undefined
  if (!query && !documentId && persisted === undefined) throw refused('a "query" is required')
  if (!isAbsentOr(persisted, isPersistedQuery(persisted))) throw refused('the persisted query is malformed')
  // No operation has an empty name: a client's way to send none.
  return { parameters: operationName === '' ? { ...given, operationName: null } : given, size }
}

function isPersistedQuery(value: unknown): boolean {
  return isObject(value) && typeof value.sha256Hash === 'string' && /^[0-9a-f]{64}$/.test(value.sha256Hash)
}

function isAbsentOr(value: unknown, isRight: boolean): boolean {
  return value === undefined || value === null || isRight
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw refused(`"${name}" must be JSON`)
  }
}

function refused(message: string): AppError {
  return new AppError('BAD_USER_INPUT', message)
}
