// The job that runs a tenant's checks by the clock, so that damage is known before anybody asks: to the metrics, and to
// the log. It reads only; a person decides what to do about what it finds.

import { type Integrity, type IntegrityReport, verifyTenant } from '../../integrity/verify.ts'
import type { Task } from '../../jobs/task.ts'
import type { IntegrityOutcome } from '../../telemetry/metrics.ts'

export const INTEGRITY_TASK = 'integrity.check'
/** An hour later the next one comes anyway. */
const ATTEMPTS_MAX = 3
/** Of one check in one run: the metrics have the number, `bulkhead verify` has the rest. */
const LOGGED_MAX = 20

/** The checks of the rows only: an hourly look at a provider's books would be another load for it than it is worth. */
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
      for (const violation of loggedOf(report)) logger.error(violation, 'the books are not in order')
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
