// Runs all checks of a tenant and returns a report, for the command, the query and the job.
import type { Clock } from '../core/clock.ts'
import type { TenantWalls } from '../db/register.ts'
import type { Scope } from '../db/scope.ts'
import type { Check, Findings, Violation } from './check.ts'

export type VerifiedTenant = {
  readonly database: TenantWalls
  readonly scope: Scope
  readonly clock: Clock
  readonly tenantSlug: string
}

/** A check beyond the tenant's rows. */
export type OutsideCheck = {
  readonly name: string
  readonly description: string
  /** It calls a remote service, which may be slow or down. */
  readonly isRemote?: true
  run(): Promise<Findings>
}

/** A link of the audit's chain that was stored where the database's owner cannot write. */
export type KeptHead = { readonly sequence: number; readonly hash: string }

export type OutsideOptions = {
  /** How many days of providers' charges are compared. Default: SINCE_DAYS_DEFAULT. */
  readonly sinceDays?: number
  readonly auditHead?: KeptHead
}

/** All checks of a tenant. */
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
 * Runs the checks one after another, each in a short transaction: none needs another's snapshot, and a long one would
 * keep the database from vacuuming. Remote checks run only with `remote`. Throws database errors.
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
