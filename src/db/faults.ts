// Classifies database errors: maps Prisma's codes, SQLSTATEs and socket errors to one small set of faults.
import { AppError } from '../core/errors.ts'

export type Fault =
  | 'SERIALIZATION' // 40001, 40P01: run the transaction again
  | 'CONNECTION_LOST' // the connection ended under the statement
  | 'STATEMENT_LOST' // the connection's prepared statements are not what we believe: give it up, run again
  | 'UNAVAILABLE' // nobody answers, or the server is full, starting, stopping or read-only
  | 'BUSY' // no connection was free in time
  | 'TIMEOUT' // the server cancelled a slow statement or a long wait for a lock
  | 'TENANT_REQUIRED' // the second wall: app.tenant_id() found none
  | 'READ_ONLY' // the second wall: a write without a permission for it
  | 'OUT_OF_RANGE' // a number that no column holds
  | 'UNSTORABLE' // a text with a character that no column holds

/** COMMIT got no answer: the transaction may have happened, and must be looked up before it is run again. */
export class CommitUnknown extends Error {
  override readonly name = 'CommitUnknown'
}

const BY_SQLSTATE: ReadonlyMap<string, Fault> = new Map([
  ['40001', 'SERIALIZATION'],
  ['40P01', 'SERIALIZATION'],
  ['26000', 'STATEMENT_LOST'],
  ['42P05', 'STATEMENT_LOST'],
  ['57P01', 'CONNECTION_LOST'],
  ['57P02', 'CONNECTION_LOST'],
  ['25P03', 'CONNECTION_LOST'],
  ['25P04', 'CONNECTION_LOST'],
  ['57P05', 'CONNECTION_LOST'],
  ['57P03', 'UNAVAILABLE'],
  ['53100', 'UNAVAILABLE'],
  ['53200', 'UNAVAILABLE'],
  ['53300', 'UNAVAILABLE'],
  ['25006', 'UNAVAILABLE'],
  ['3D000', 'UNAVAILABLE'],
  ['57014', 'TIMEOUT'],
  ['55P03', 'TIMEOUT'],
  ['BK001', 'TENANT_REQUIRED'],
  ['BK004', 'READ_ONLY'],
  ['22003', 'OUT_OF_RANGE'],
  ['22021', 'UNSTORABLE'],
])

const BY_CODE: ReadonlyMap<string, Fault> = new Map([
  ['P2034', 'SERIALIZATION'],
  ['P1017', 'CONNECTION_LOST'],
  ['ECONNRESET', 'CONNECTION_LOST'],
  ['EPIPE', 'CONNECTION_LOST'],
  ['P1001', 'UNAVAILABLE'],
  ['P1002', 'UNAVAILABLE'],
  ['P1008', 'UNAVAILABLE'],
  ['P2037', 'UNAVAILABLE'],
  ['ECONNREFUSED', 'UNAVAILABLE'],
  ['ENOTFOUND', 'UNAVAILABLE'],
  ['ETIMEDOUT', 'UNAVAILABLE'],
  ['P2024', 'BUSY'],
  ['P2020', 'OUT_OF_RANGE'],
])

/** Faults that pg and its pool report only by message. */
const BY_MESSAGE: readonly (readonly [string, Fault])[] = [
  ['terminated due to connection timeout', 'UNAVAILABLE'],
  ['timeout expired', 'UNAVAILABLE'],
  ['Query read timeout', 'UNAVAILABLE'],
  ['timeout exceeded when trying to connect', 'BUSY'],
  ['Unable to start a transaction in the given time', 'BUSY'],
  ['on an expired transaction', 'TIMEOUT'],
  ['Connection terminated', 'CONNECTION_LOST'],
  ['connection error and is not queryable', 'CONNECTION_LOST'],
  ['Client was closed and is not queryable', 'CONNECTION_LOST'],
  ['Cannot use a pool after calling end', 'UNAVAILABLE'],
]

type Chained = {
  code?: unknown
  message?: unknown
  cause?: unknown
  originalCode?: unknown
  originalMessage?: unknown
  meta?: { driverAdapterError?: unknown }
}

/** The SQLSTATE of an error, under any number of wrappers. */
export function sqlstateOf(error: unknown): string | null {
  for (const { originalCode, code } of chain(error)) {
    for (const candidate of [originalCode, code]) {
      if (
        typeof candidate === 'string' &&
        /^[0-9A-Z]{5}$/.test(candidate) &&
        !/^P[0-9]{4}$/.test(candidate)
      ) {
        return candidate
      }
    }
  }
  return null
}

/** The fault, or null for an error that is not from the database. */
export function faultOf(error: unknown): Fault | null {
  if (error instanceof AppError) return null
  const sqlstate = sqlstateOf(error)
  if (sqlstate !== null) {
    const known = BY_SQLSTATE.get(sqlstate)
    if (known !== undefined) return known
    if (sqlstate.startsWith('08')) return 'CONNECTION_LOST'
  }
  for (const { code, message } of chain(error)) {
    const byCode = typeof code === 'string' ? BY_CODE.get(code) : undefined
    if (byCode !== undefined) return byCode
    if (typeof message !== 'string') continue
    const byMessage = BY_MESSAGE.find(([words]) => message.includes(words))
    if (byMessage !== undefined) return byMessage[1]
  }
  return null
}

const STATEMENT_LOST = '26000'

/**
 * Marks an error, by its SQLSTATE (which alone passes through Prisma's layers), when a prepared statement of the
 * connection no longer fits the schema, and nothing was run. `wasKept`: it was not parsed in this message. Then its
 * plan is refused when a returned column has changed, and its parameters keep the old types of the columns: any error
 * in class 42, except a denied right, may be caused by that. Parsed again on another connection, a real error repeats.
 */
export function markStale(error: unknown, wasKept: boolean): void {
  const { code, routine } = (error ?? {}) as { code?: unknown; routine?: unknown }
  // The code is that of every unsupported feature, and the message is in the server's language.
  const isPlanRefused = code === '0A000' && routine === 'RevalidateCachedQuery'
  const isFormRefused = typeof code === 'string' && code.startsWith('42') && code !== DENIED
  if (isPlanRefused || (wasKept && isFormRefused)) (error as { code: string }).code = STATEMENT_LOST
}
const DENIED = '42501'

const CANNOT_CONNECT = '57P03'

/**
 * Marks an error of a new connection, by its SQLSTATE (which alone passes through Prisma's layers): whatever the server
 * refused it for (a database that accepts none, a right, a password), no statement was sent. The message keeps the server's
 * own SQLSTATE.
 */
export function markRefused(error: unknown): void {
  const code = sqlstateOf(error)
  if (!(error instanceof Error) || code === null || faultOf(error) !== null) return
  error.message += ` (SQLSTATE ${code})`
  Object.assign(error, { code: CANNOT_CONNECT })
}

/** Whether a transaction that failed before its COMMIT was sent may be retried as a whole. */
export function isRetryable(error: unknown): boolean {
  // Its cause is a lost connection, but its COMMIT was sent: a retry might do it twice.
  if (error instanceof CommitUnknown) return false
  const fault = faultOf(error)
  return fault === 'SERIALIZATION' || fault === 'CONNECTION_LOST' || fault === 'STATEMENT_LOST'
}

/** SQLSTATEs: a schema, a table, a column, a function, a type or another object does not exist. */
const MISSING: ReadonlySet<unknown> = new Set(['3F000', '42P01', '42703', '42883', '42704'])

/** The database's own message about an object that it does not have, which names it; null for any other error. */
export function missingObject(error: unknown): string | null {
  for (const { originalCode, code, originalMessage, message } of chain(error)) {
    if (!MISSING.has(originalCode) && !MISSING.has(code)) continue
    const said = originalMessage ?? message
    if (typeof said === 'string') return said
  }
  return null
}

const CONSTRAINT = / \(constraint "([^"]+)"\)$/

/**
 * Adds the name of the violated constraint to the error's message. Prisma passes it only for unique and foreign keys;
 * for others it passes the message, which is in the server's language and may or may not name the constraint.
 */
export function nameConstraint(error: unknown): void {
  const { constraint } = (error ?? {}) as { constraint?: unknown }
  if (error instanceof Error && typeof constraint === 'string' && !CONSTRAINT.test(error.message))
    error.message += ` (constraint "${constraint}")`
}

/** 23001 is what PostgreSQL 18 calls a foreign key that restricts, and 23503 what the older ones do. */
const VIOLATIONS: ReadonlySet<string | null> = new Set(['23001', '23503', '23505', '23514', '23P01'])

/** The name of the violated unique, foreign key, CHECK or EXCLUDE constraint; null for any other error. */
export function violatedConstraint(error: unknown): string | null {
  if (!VIOLATIONS.has(sqlstateOf(error))) return null
  for (const link of chain(error)) {
    const { constraint, message } = link as { constraint?: unknown; message?: unknown }
    const name =
      typeof constraint === 'object' ? (constraint as { index?: unknown } | null)?.index : constraint
    if (typeof name === 'string') return name
    const named = typeof message === 'string' ? CONSTRAINT.exec(message)?.[1] : undefined
    if (named !== undefined) return named
  }
  return null
}

/** The client's error for a fault; null when it is a bug. */
export function toAppError(error: unknown): AppError | null {
  if (error instanceof AppError) return error
  if (error instanceof CommitUnknown) {
    return new AppError(
      'SERVICE_UNAVAILABLE',
      'the outcome is not known yet: send the same request again',
      {},
      { cause: error },
    )
  }
  const fault = faultOf(error)
  if (fault === null) return null
  const [code, message] = TOLD[fault]
  return new AppError(code, message, { fault }, { cause: error })
}

const TOLD = {
  SERIALIZATION: ['SERVICE_UNAVAILABLE', 'too many concurrent changes: try again'],
  CONNECTION_LOST: ['SERVICE_UNAVAILABLE', 'the database was interrupted: try again'],
  STATEMENT_LOST: ['SERVICE_UNAVAILABLE', 'the database has just changed: try again'],
  UNAVAILABLE: ['SERVICE_UNAVAILABLE', 'the database is not available: try again'],
  BUSY: ['SERVICE_UNAVAILABLE', 'all database connections are in use: try again'],
  TIMEOUT: ['SERVICE_UNAVAILABLE', 'that took too long and was cancelled'],
  TENANT_REQUIRED: ['TENANT_REQUIRED', 'no tenant is in scope'],
  READ_ONLY: ['FORBIDDEN', 'this needs a permission to write'],
  OUT_OF_RANGE: ['BAD_USER_INPUT', 'a number is out of range'],
  UNSTORABLE: ['BAD_USER_INPUT', 'a text holds a character that cannot be stored'],
} as const

const CHAIN_MAX = 8

/** An error and its causes, outermost first: `cause`, and Prisma's `meta.driverAdapterError`. */
function chain(error: unknown): Chained[] {
  const links: Chained[] = []
  let link = error as Chained | null | undefined
  while (typeof link === 'object' && link !== null && links.length < CHAIN_MAX) {
    links.push(link)
    link = (link.meta?.driverAdapterError ?? link.cause) as Chained | null | undefined
  }
  return links
}
