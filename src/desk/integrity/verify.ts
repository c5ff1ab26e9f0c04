// Runs every check of a tenant and reports. Prints, counts and answers nothing itself: the command, the query and the
// job do.
import type { Clock } from '../../core/clock.ts'
import type { Database, Scope } from '../../db/database.ts'
import type { Findings, Violation } from './check.ts'
import { CHECKS } from './checks.ts'

export type VerifiedTenant = {
  readonly database: Database
  readonly scope: Scope
  readonly clock: Clock
  readonly tenantSlug: string
}

/** A check of more than the tenant's rows. */
export type OutsideCheck = {
  readonly name: string
  readonly description: string
  run(): Promise<Findings>
}

export type CheckReport = {
  readonly name: string
  readonly description: string
  readonly ok: boolean
  /** Of all violations; at most VIOLATIONS_MAX of them are listed. */
  readonly violationCount: number
  readonly violations: readonly Violation[]
}

export type IntegrityReport = {
  readonly tenant: string
  readonly checkedAt: Date
  readonly ok: boolean
  readonly checks: readonly CheckReport[]
}

/**
 * Runs the checks one after another, each in a short transaction of its own: none needs another's snapshot, and a long
 * one would keep the database from cleaning up behind everybody else. Throws what the database throws.
 */
export async function verifyTenant(
  tenant: VerifiedTenant,
  outside: readonly OutsideCheck[] = [],
): Promise<IntegrityReport> {
  const checkedAt = tenant.clock()
  const checks: CheckReport[] = []
  for (const check of CHECKS) {
    const findings = await tenant.database.withTenant(tenant.scope, (tx) => check.run(tx, checkedAt))
    checks.push(reportOf(check, findings))
  }
  for (const check of outside) checks.push(reportOf(check, await check.run()))
  return { tenant: tenant.tenantSlug, checkedAt, ok: checks.every(({ ok }) => ok), checks }
}

function reportOf(
  { name, description }: { readonly name: string; readonly description: string },
  { count, violations }: Findings,
): CheckReport {
  return { name, description, ok: count === 0, violationCount: count, violations }
}
