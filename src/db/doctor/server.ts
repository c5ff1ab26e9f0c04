// Rules about the server: its release, the database's encoding, its timeouts, its collations.

import { CITUS_COMPLAINT, CITUS_SQL } from '../unsupported-engine.ts'
import { type Check, type Finding, OUR_SCHEMAS, type Patient, rule } from './check.ts'
import { knownHoles, OLDEST_MAJOR } from './known-holes.ts'

const engine: Check = rule({ code: 'engine-unsupported', sql: CITUS_SQL, message: () => CITUS_COMPLAINT })

const release: Check = async (patient) => {
  const { versionNum, strictVersion } = patient
  const level = strictVersion ? 'error' : 'warning'
  const major = Math.floor(versionNum / 10_000)
  const version = `${major}.${versionNum % 10_000}`
  const finding = (code: string, message: string): Finding => ({
    level,
    code,
    object: `PostgreSQL ${version}`,
    message,
  })
  if (major < OLDEST_MAJOR)
    return [finding('server-unsupported', `older than ${OLDEST_MAJOR}: no longer fixed`)]
  const findings: Finding[] = []
  for (const { cve, what, needs, fixedIn } of knownHoles(versionNum)) {
    const override = strictVersion ? ' (DATABASE_STRICT_VERSION=false makes this a warning)' : ''
    const fixed = `fixed in ${major}.${fixedIn[major]}`
    const open = needs === undefined ? null : await wayIn(patient, needs.sql)
    if (needs !== undefined && open !== null)
      findings.push({
        ...finding('server-known-hole', `${cve}: ${what}. ${open} exposes it; ${fixed}`),
        level: 'error',
      })
    else {
      const why = needs === undefined ? '' : `. ${needs.closed}`
      findings.push(finding('server-known-hole', `${cve}: ${what}${why}; ${fixed}${override}`))
    }
  }
  return findings
}

/** The precondition of the bug that is fulfilled here; null: none. */
async function wayIn({ query, role }: Patient, sql: string): Promise<string | null> {
  const [row] = await query(sql, [role])
  return row?.object ?? null
}

const timeouts: Check = rule({
  code: 'timeout-missing',
  level: 'warning',
  sql: `
    SELECT 'database ' || quote_ident(current_database()) AS object, s.name
    FROM pg_settings s
    WHERE s.name IN ('statement_timeout', 'idle_in_transaction_session_timeout') AND s.setting = '0'
    ORDER BY s.name`,
  message: ({ name }) => `${name} is 0: one request may hold a connection, and its locks, for ever`,
})

const encoding: Check = rule({
  code: 'encoding',
  sql: `
    SELECT 'database ' || quote_ident(current_database()) AS object, getdatabaseencoding()::text AS encoding
    WHERE getdatabaseencoding() <> 'UTF8'`,
  message: ({ encoding }) => `has the encoding ${encoding}: e-mail addresses are compared in UTF8 alone`,
})

/** An index in an order that the library no longer has finds only some of its rows. */
const collations: Check = rule({
  code: 'collation-version',
  level: 'warning',
  sql: `
    SELECT 'collation ' || quote_ident(c.collname) AS object, string_agg(DISTINCT i.indexrelid::regclass::text, ', ') AS indexes
    FROM pg_collation c
    JOIN pg_index i ON c.oid = ANY (i.indcollation::oid[])
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE c.collversion <> pg_collation_actual_version(c.oid) AND ${OUR_SCHEMAS}
    GROUP BY c.collname`,
  message: ({ indexes }) =>
    `sorts otherwise than when its indexes were made (another version of ICU), so that lists may lack rows: REINDEX INDEX CONCURRENTLY for each of ${indexes}, then, as a superuser, ALTER COLLATION … REFRESH VERSION`,
})

/** The same of the database's own collation. */
const databaseCollation: Check = rule({
  code: 'collation-version',
  level: 'warning',
  sql: `
    SELECT 'database ' || quote_ident(d.datname) AS object FROM pg_database d
    WHERE d.datname = current_database() AND d.datcollversion <> pg_database_collation_actual_version(d.oid)`,
  message: () =>
    'sorts otherwise than when its indexes were made (another version of its collation library): REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION',
})

export const serverChecks: readonly Check[] = [
  engine,
  release,
  encoding,
  timeouts,
  collations,
  databaseCollation,
]
