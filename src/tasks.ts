// All that runs as a job, and when: the one list that every worker has.

import { SEAL_TASK, sealTask } from './desk/audit/seal-entries.ts'
import { integrityTask } from './desk/integrity/check-job.ts'
import { invitationTask } from './desk/members/send-invitation.ts'
import { cleanExportsTask } from './desk/tenants/clean-exports.ts'
import { exportTask } from './desk/tenants/make-export.ts'
import { cleanKeysTask } from './jobs/clean-idempotency-keys.ts'
import type { Task } from './jobs/task.ts'
import type { Runtime } from './runtime.ts'
import { releaseHoldsTask } from './shop/orders/release-holds.ts'
import { endTask } from './shop/payments/end-provider.ts'
import { eventTask } from './shop/payments/receive-event.ts'
import { paymentTasks } from './shop/payments/reconcile.ts'

export function tasksOf({ services, metrics }: Pick<Runtime, 'services' | 'metrics'>): readonly Task[] {
  return [
    ...paymentTasks(services.payments),
    eventTask(services.payments),
    endTask(services.payments),
    releaseHoldsTask,
    invitationTask(services),
    cleanKeysTask,
    exportTask(services.payments.sealer),
    cleanExportsTask,
    integrityTask(metrics, services.payments.sealer),
    sealTask(services.payments.sealer),
  ]
}

/** For each active tenant, by the clock: cron patterns, UTC. */
export const SCHEDULE = [
  { task: releaseHoldsTask.name, pattern: '*/5 * * * *' },
  { task: cleanKeysTask.name, pattern: '17 * * * *' },
  { task: SEAL_TASK, pattern: '*/5 * * * *' },
  { task: cleanExportsTask.name, pattern: '47 * * * *' },
  { task: 'integrity.check', pattern: '37 * * * *' },
] as const
