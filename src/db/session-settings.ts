// Owns: the settings of every session that change what bytes and statements mean, whatever the server, the database or the
// role defaults to. Each session sets them when it connects; prepare-database.ts makes them the database's defaults, for
// sessions that a pooler opens; the doctor examines both.
import type pg from 'pg'

/**
 * What PostgreSQL must use, each with what goes wrong otherwise. Not here: client_encoding, which the driver sends at its
 * start; default_transaction_read_only, which an operator may need; lc_messages, which only a superuser sets, so that no
 * code reads a message's words in one language.
 */
export const SESSION_SETTINGS = {
  // Prisma writes times without their zone, and reads every one as UTC: a key of 30 minutes would be expired at once.
  TimeZone: 'UTC',
  // Times travel as text.
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  // The shortest text that gives the same number back.
  extra_float_digits: '1',
  // Otherwise a backslash in a literal escapes what follows it.
  standard_conforming_strings: 'on',
  // Otherwise `x = NULL` is rewritten to `x IS NULL`.
  transform_null_equals: 'off',
  // Names as the doctor compares them.
  quote_all_identifiers: 'off',
  // Statements that wait for a row read it anew afterwards; with REPEATABLE READ each would fail.
  default_transaction_isolation: 'read committed',
  // Off, queries that a policy would cut fail.
  row_security: 'on',
} as const

/** Which schema a name without one means. Not a default of the database: an operator's own tools may want another. */
const SEARCH_PATH = 'public'

const SETTINGS_SQL = [...Object.entries(SESSION_SETTINGS), ['search_path', SEARCH_PATH]]
  .map(([name, value]) => `SET ${name} = '${value}'`)
  .join('; ')

/**
 * Gives a session its settings: one round trip, once per connection. Statements and not startup options, since PgBouncer
 * refuses those. In its transaction mode it restores what it tracks (TimeZone, DateStyle, IntervalStyle,
 * standard_conforming_strings) on each server connection; the rest are the database's defaults there.
 */
export async function prepareSession(client: pg.ClientBase): Promise<void> {
  await client.query(SETTINGS_SQL)
}
