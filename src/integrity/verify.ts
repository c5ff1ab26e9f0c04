// Runs every check of a tenant and reports. Prints, counts and answers nothing itself: the command, the query and the
// job do.
import type { Clock } from '../core/clock.ts'
import type { Database, Scope } from '../db/database.ts'
import type { Check, Findings, Violation } from './check.ts'

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
  /** It asks somebody else, who may be slow or gone. */
  readonly isRemote?: true
  run(): Promise<Findings>
}

/** A link of the audit's chain that somebody kept where the database's owner cannot write. */
export type KeptHead = { readonly sequence: number; readonly hash: string }

export type OutsideOptions = {
  /** How far back others' books are compared; SINCE_DAYS_DEFAULT by default. */
  readonly sinceDays?: number
  readonly auditHead?: KeptHead
}

/** All that is proved of a tenant. */
export type Integrity = {
  readonly checks: readonly Check[]
  outsideChecks(tenant: VerifiedTenant, options: OutsideOptions): readonly OutsideCheck[]
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
 * one would keep the database from cleaning up behind everybody else. Checks that ask others are run with `remote` only.
 * Throws what the database throws.
 */
export async function verifyTenant(
  tenant: VerifiedTenant,
  { checks: ofRows, outsideChecks }: Integrity,
  { remote = false, ...options }: OutsideOptions & { readonly remote?: boolean } = {},
): Promise<IntegrityReport> {
  const outside = outsideChecks(tenant, options).filter(({ isRemote }) => remote || isRemote !== true)
  const checkedAt = tenant.clock()
  const checks: CheckReport[] = []
  for (const check of ofRows) {
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
