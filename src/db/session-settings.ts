// The settings of every session that affect the meaning of bytes and statements, independent of the defaults of server,
// database and role. Each session sets them when it connects; prepare-database.ts makes them the database's defaults,
// for sessions that a pooler opens; the doctor checks both.
import type pg from 'pg'

/**
 * The required settings, each with the failure that it prevents. Not here: client_encoding, which the driver sends at
 * its start; default_transaction_read_only, which an operator may need; lc_messages, which only a superuser may set, so
 * that no code reads a message's text.
 */
export const SESSION_SETTINGS = {
  // Prisma writes times without a zone, and reads them as UTC: in another zone a key of 30 minutes would expire at
  // once.
  TimeZone: 'UTC',
  // Times are transferred as text.
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  // The shortest text that gives the same number back.
  extra_float_digits: '1',
  // Otherwise a backslash in a literal escapes what follows it.
  standard_conforming_strings: 'on',
  // Otherwise `x = NULL` is rewritten to `x IS NULL`.
  transform_null_equals: 'off',
  // Names in the form that the doctor compares.
  quote_all_identifiers: 'off',
  // A statement that waits for a row then reads it again; with REPEATABLE READ it would fail.
  default_transaction_isolation: 'read committed',
  // When off, queries that a policy would filter fail.
  row_security: 'on',
} as const

/** The schema of unqualified names. Not a default of the database, since an operator's tools may want another. */
const SEARCH_PATH = 'public'

const SETTINGS_SQL = [...Object.entries(SESSION_SETTINGS), ['search_path', SEARCH_PATH]]
  .map(([name, value]) => `SET ${name} = '${value}'`)
  .join('; ')

/**
 * Sets a session's settings: one round trip, once per connection. Statements and not startup options, which PgBouncer
 * refuses. In its transaction mode PgBouncer restores what it tracks (TimeZone, DateStyle, IntervalStyle,
 * standard_conforming_strings) on each server connection; the others come from the database's defaults.
 */
export async function prepareSession(client: pg.ClientBase): Promise<void> {
  await client.query(SETTINGS_SQL)
}
