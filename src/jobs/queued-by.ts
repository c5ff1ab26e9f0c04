// Which permission queues which task: the one table of it in the code. app.tasks is the same in the database, which
// enforces it; the doctor compares the two at every start. What a task does is its own file's.
import type { Permission } from '../auth/permissions.ts'

/** Tasks of the schedule, and those that follow from what a provider says: nobody's permission queues them. */
const SYSTEM_ONLY = ['system'] as const

/** A caller needs one of these. A new task is a line here and a row of app.tasks, in a migration. */
export const QUEUED_BY: Readonly<Record<string, readonly (Permission | 'system')[]>> = {
  'payment.reconcile': ['payments:take'],
  'payment.fee': ['payments:take'],
  'refund.reconcile': ['payments:refund'],
  'invitation.mail': ['members:manage'],
  'tenant.export': ['tenant:manage'],
  'payment-provider.end': ['payments:manage'],
  'provider-event.process': SYSTEM_ONLY,
  'order.release-holds': SYSTEM_ONLY,
  'idempotency.clean': SYSTEM_ONLY,
  'tenant.clean-exports': SYSTEM_ONLY,
  'integrity.check': SYSTEM_ONLY,
  'audit.seal': SYSTEM_ONLY,
}
