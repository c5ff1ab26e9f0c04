// Checks a migration before it commits, by the rules about objects that a migration makes.
import type { Check, Finding, Patient } from './check.ts'
import { codeRules } from './code.ts'
import { type Exceptions, withoutExceptions } from './exceptions.ts'
import { policyRules } from './policies.ts'
import { grantRules } from './rights.ts'
import { tableChecks } from './tables.ts'

const CHECKS: readonly Check[] = [...tableChecks, ...policyRules, ...grantRules, ...codeRules]

/**
 * The errors among tables, policies, grants, views and functions, as the transaction of `query` sees them. Leaves the
 * transaction with a search_path of pg_catalog.
 */
export async function examineMigration(query: Patient['query'], exceptions: Exceptions): Promise<Finding[]> {
  await query('SET LOCAL search_path = pg_catalog')
  const [group] = await query(`SELECT oid::text AS role FROM pg_roles WHERE rolname = 'bulkhead_runtime'`)
  // Nothing is granted yet to a group that does not exist.
  if (group?.role == null) return []
  const patient: Patient = {
    query,
    role: group.role,
    isSuperuser: false,
    versionNum: 0,
    strictVersion: false,
  }
  const findings: Finding[] = []
  for (const check of CHECKS) findings.push(...(await check(patient)))
  return withoutExceptions(findings, exceptions).filter(({ level }) => level === 'error')
}
