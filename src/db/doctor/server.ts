// Owns: rules about the server: its release, the database's encoding, its timeouts.
import { knownHoles, OLDEST_MAJOR } from '../known-holes.ts'
import { type Check, type Finding, rule } from './check.ts'

const release: Check = async ({ versionNum, strictVersion }) => {
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
    return [finding('server-unsupported', `older than ${OLDEST_MAJOR}: no longer mended`)]
  return knownHoles(versionNum).map(({ cve, what, fixedIn }) =>
    finding('server-known-hole', `${cve}: ${what}; mended in ${major}.${fixedIn[major]}`),
  )
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

export const serverChecks: readonly Check[] = [release, encoding, timeouts]
