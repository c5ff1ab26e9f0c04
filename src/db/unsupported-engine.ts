// Refuses unsupported engines built on PostgreSQL, by the catalogue.
import type pg from 'pg'
import { AppError } from '../core/errors.ts'

/** Returns a row where the database has Citus. */
export const CITUS_SQL = `SELECT extname::text AS object FROM pg_catalog.pg_extension WHERE extname = 'citus'`
export const CITUS_COMPLAINT =
  'the database has the extension citus, which this version does not support: use one without it'

/** Throws SERVICE_UNAVAILABLE for a database on which the walls were not tested. */
export async function refuseUnsupportedEngine(client: pg.ClientBase): Promise<void> {
  const { rowCount } = await client.query(CITUS_SQL)
  if (rowCount) throw new AppError('SERVICE_UNAVAILABLE', `${CITUS_COMPLAINT}.`)
}
