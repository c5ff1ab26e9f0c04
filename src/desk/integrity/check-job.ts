// The scheduled job that runs a tenant's checks and reports violations to the metrics and the log. It repairs nothing:
// a person decides.

import { type Integrity, type IntegrityReport, verifyTenant } from '../../integrity/verify.ts'
import type { Task } from '../../jobs/task.ts'
import type { IntegrityOutcome } from '../../telemetry/metrics.ts'

export const INTEGRITY_TASK = 'integrity.check'
/** The next run comes after an hour anyway. */
const ATTEMPTS_MAX = 3
/** Per check and run; the metrics have the total, and `bulkhead verify` lists the rest. */
const LOGGED_MAX = 20

/** Only the checks of the database: comparing with the provider every hour would load it too much. */
export function integrityTask(
  metrics: { observeIntegrity(outcome: IntegrityOutcome): void },
  integrity: Integrity,
): Task {
  return {
    name: INTEGRITY_TASK,
    attemptsMax: ATTEMPTS_MAX,
    run: async ({ database, scope, clock, tenantSlug, logger }) => {
      const tenant = { database, scope, clock, tenantSlug }
      const report = await verifyTenant(tenant, integrity)
      metrics.observeIntegrity({ tenantSlug, checkedAt: report.checkedAt, checks: report.checks })
      for (const violation of loggedOf(report))
        logger.error(violation, 'an integrity check found a violation')
    },
  }
}

function loggedOf({ tenant, checks }: IntegrityReport): object[] {
  return checks.flatMap(({ name, violationCount, violations }) =>
    violations.slice(0, LOGGED_MAX).map(({ message, subjects }) => ({
      tenant,
      check: name,
      violation: message,
      ids: subjects.map(({ id }) => id),
      violationCount,
    })),
  )
}
