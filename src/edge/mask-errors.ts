// Masks errors: a client gets a code of one list, a message and a request id. Everything else is logged here, so that
// no SQL, table name, path or stack leaves.
import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import type { AppError, ErrorCode } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { toAppError } from '../db/faults.ts'
import { HttpRefusal } from './http-refusal.ts'

/** The codes of top-level errors, each with the HTTP status of an answer without data. */
export const STATUS_OF = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  TENANT_REQUIRED: 403,
  NOT_FOUND: 404,
  BAD_USER_INPUT: 400,
  QUERY_TOO_COMPLEX: 400,
  DOCUMENT_NOT_TRUSTED: 400,
  // Not a failure: the client sends the document.
  PERSISTED_QUERY_NOT_FOUND: 200,
  RATE_LIMITED: 429,
  SERVICE_UNAVAILABLE: 503,
  INTERNAL: 500,
} as const

export type PublicCode = keyof typeof STATUS_OF

export const INTERNAL_MESSAGE = 'Something went wrong on our side.'

export type MaskedError = GraphQLFormattedError & {
  readonly extensions: {
    readonly code: PublicCode
    readonly requestId: string
    readonly [key: string]: unknown
  }
}

export type ErrorMask = (errors: readonly unknown[], requestId: string) => MaskedError[]

/** A database that was busy or unreachable may answer a second later. */
const OUTAGE_RETRY_AFTER_SECONDS = 1
/** The bound of a message, including echoed input. */
const MESSAGE_LENGTH_MAX = 1_000
/** A request may fail in a thousand rows for one reason. */
const LOGGED_PER_REQUEST_MAX = 3

/** Apollo's codes for a client's mistakes. documents.ts gives GraphQL's validation errors BAD_USER_INPUT. */
const CLIENT_CODES: ReadonlySet<unknown> = new Set([
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
])

/**
 * Makes a function from errors to masked errors. It logs what it hides (error) and outages (warn), never throws, and
 * with `hideSuggestions` removes the hints by which GraphQL's messages would reveal the schema.
 */
export function createErrorMask(options: { hideSuggestions: boolean; logger: Logger }): ErrorMask {
  const { hideSuggestions, logger } = options
  return (errors, requestId) => {
    let logged = 0
    return errors.map((error) => {
      const { code, message, details, isOurs } = classify(error)
      if (isOurs && logged < LOGGED_PER_REQUEST_MAX) {
        logged += 1
        const level = code === 'SERVICE_UNAVAILABLE' ? 'warn' : 'error'
        logger[level]({ err: rootOf(error), requestId, path: pathOf(error), code }, 'a request failed')
      }
      const shown = hideSuggestions ? withoutSuggestion(message) : message
      return {
        message: shown.slice(0, MESSAGE_LENGTH_MAX),
        ...locationOf(error),
        extensions: { code, requestId, ...details },
      }
    })
  }
}

type Verdict = {
  readonly code: PublicCode
  readonly message: string
  readonly details: Record<string, unknown>
  /** A fault of the server or its database, which is logged. */
  readonly isOurs: boolean
}

const INTERNAL: Verdict = { code: 'INTERNAL', message: INTERNAL_MESSAGE, details: {}, isOurs: true }

function classify(error: unknown): Verdict {
  const root = rootOf(error)
  // GraphQL's own errors quote the document, so their text must not be parsed as that of a database error.
  const known = root instanceof GraphQLError ? null : toAppError(root)
  if (known !== null) return ofAppError(known)
  if (error instanceof GraphQLError && isClientMistake(error, root)) {
    return { code: 'BAD_USER_INPUT', message: error.message, details: {}, isOurs: false }
  }
  return INTERNAL
}

function ofAppError(error: AppError): Verdict {
  const { code: ownCode, message, details } = error
  const code = publicCodeOf(ownCode)
  if (code === 'INTERNAL') return INTERNAL
  // The process refuses a statement without a tenant, so a TENANT_REQUIRED from the database means that it has a hole.
  const isOurs =
    (code === 'SERVICE_UNAVAILABLE' || code === 'TENANT_REQUIRED') && !(error instanceof HttpRefusal)
  const shown = isOurs ? {} : safe(details)
  if (code !== 'SERVICE_UNAVAILABLE') return { code, message, details: shown, isOurs }
  // In the error too: a partial answer has status 200, and one of its fields may be worth a retry.
  return { code, message, details: { ...shown, retryAfterSeconds: OUTAGE_RETRY_AFTER_SECONDS }, isOurs }
}

function publicCodeOf(code: ErrorCode): PublicCode {
  if (code in STATUS_OF) return code as PublicCode // just looked up
  // Other codes belong into userErrors, where the pipeline puts them.
  return 'BAD_USER_INPUT'
}

/** The details that are strings or numbers; nothing nested, and no code. */
function safe(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept = Object.entries(details).filter(
    ([key, value]) =>
      key !== 'code' && key !== 'requestId' && ['string', 'number', 'boolean'].includes(typeof value),
  )
  return Object.fromEntries(kept)
}

function isClientMistake(error: GraphQLError, root: unknown): boolean {
  if (CLIENT_CODES.has(error.extensions.code)) return true
  if (!(root instanceof GraphQLError)) return false
  // Apollo refuses a persisted query with a wrong hash by a status without a code.
  const { http } = error.extensions as { http?: { status?: unknown } }
  if (http?.status === 400) return true
  // Nothing has run yet: a GraphQL error without a path or a code is about the request.
  if (root === error && error.path === undefined && error.extensions.code === undefined) return true
  // A null variable for a non-null argument is found only during execution.
  return error.message.startsWith('Argument "')
}

/** The original error, under GraphQL's wrappers. */
function rootOf(error: unknown): unknown {
  let root = error
  while (root instanceof GraphQLError && root.originalError != null) root = root.originalError
  return root
}

function pathOf(error: unknown): readonly (string | number)[] | undefined {
  return error instanceof GraphQLError ? error.path : undefined
}

function locationOf(error: unknown): Pick<GraphQLFormattedError, 'locations' | 'path'> {
  if (!(error instanceof GraphQLError)) return {}
  const { locations, path } = error
  return {
    ...(locations === undefined ? {} : { locations }),
    ...(path === undefined ? {} : { path }),
  }
}

function withoutSuggestion(message: string): string {
  return message.replace(/ ?Did you mean [\s\S]*$/, '')
}

/** When to retry after an outage or a limit. Null: the errors do not say. */
export function retryAfterSecondsOf(errors: readonly MaskedError[]): number | null {
  for (const { extensions } of errors)
    if (typeof extensions.retryAfterSeconds === 'number') return extensions.retryAfterSeconds
  return null
}
