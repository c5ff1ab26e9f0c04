// What a client may learn of an error: a code of one list, a message, a request id. Everything else is logged here and
// masked, so that nothing of SQL, tables, paths or stacks leaves.
import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import type { AppError, ErrorCode } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { toAppError } from '../db/faults.ts'
import { HttpRefusal } from './http-refusal.ts'

/** The codes of top-level errors, each with the HTTP status of an answer that has no data. */
export const STATUS_OF = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  TENANT_REQUIRED: 403,
  NOT_FOUND: 404,
  BAD_USER_INPUT: 400,
  QUERY_TOO_COMPLEX: 400,
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

/** A database that was full or away may well answer a second later. */
const OUTAGE_RETRY_AFTER_SECONDS = 1
/** Echoed input included, a message is never longer. */
const MESSAGE_LENGTH_MAX = 1_000
/** One request may fail in a thousand rows, for one reason. */
const LOGGED_PER_REQUEST_MAX = 3

/** Apollo's codes for what a client did wrong. GraphQL's own validation errors are given BAD_USER_INPUT in documents.ts. */
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
 * A function from errors to what may be answered. It logs what it hides (error) and outages (warn), never throws, and
 * with `hideSuggestions` cuts the hints by which GraphQL's messages would spell out the schema.
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
        ...placeOf(error),
        extensions: { code, requestId, ...details },
      }
    })
  }
}

type Verdict = {
  readonly code: PublicCode
  readonly message: string
  readonly details: Record<string, unknown>
  /** Our fault, or our database's: it is logged. */
  readonly isOurs: boolean
}

const INTERNAL: Verdict = { code: 'INTERNAL', message: INTERNAL_MESSAGE, details: {}, isOurs: true }

function classify(error: unknown): Verdict {
  const root = rootOf(error)
  // GraphQL's own errors quote the document, so their words must not be taken for a fault's.
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
  // Beyond the first wall no statement runs without a tenant: whoever meets the second has found a hole.
  const isOurs =
    (code === 'SERVICE_UNAVAILABLE' || code === 'TENANT_REQUIRED') && !(error instanceof HttpRefusal)
  return { code, message, details: isOurs ? {} : safe(details), isOurs }
}

function publicCodeOf(code: ErrorCode): PublicCode {
  if (code in STATUS_OF) return code as PublicCode // just looked up
  // The others are codes of userErrors, where the pipeline puts them.
  return 'BAD_USER_INPUT'
}

/** Names and numbers that the error's maker put there for the client; nothing nested, and no code of its own. */
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
  // Apollo refuses a persisted query whose hash is wrong with a status and no code.
  const { http } = error.extensions as { http?: { status?: unknown } }
  if (http?.status === 400) return true
  // Nothing of ours ran yet: what GraphQL says without a path or a code is of the request.
  if (root === error && error.path === undefined && error.extensions.code === undefined) return true
  // A variable that is null where its argument must not be: GraphQL finds out while it runs.
  return error.message.startsWith('Argument "')
}

/** What was thrown in the first place, under GraphQL's wrappers. */
function rootOf(error: unknown): unknown {
  let root = error
  while (root instanceof GraphQLError && root.originalError != null) root = root.originalError
  return root
}

function pathOf(error: unknown): readonly (string | number)[] | undefined {
  return error instanceof GraphQLError ? error.path : undefined
}

function placeOf(error: unknown): Pick<GraphQLFormattedError, 'locations' | 'path'> {
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

/** When to come again: after an outage, or when a limit says so. Null: the errors say nothing of it. */
export function retryAfterSecondsOf(errors: readonly MaskedError[]): number | null {
  if (errors.some(({ extensions }) => extensions.code === 'SERVICE_UNAVAILABLE')) {
    return OUTAGE_RETRY_AFTER_SECONDS
  }
  const seconds = errors[0]?.extensions.retryAfterSeconds
  return typeof seconds === 'number' ? seconds : null
}
