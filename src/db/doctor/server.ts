// Rules about the server: its release, the database's encoding, its timeouts.

import { CITUS_COMPLAINT, CITUS_SQL } from '../unsupported-engine.ts'
import { type Check, type Finding, type Patient, rule } from './check.ts'
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

export const serverChecks: readonly Check[] = [engine, release, encoding, timeouts]
