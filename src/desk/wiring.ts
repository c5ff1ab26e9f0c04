// The parts of the desk module.
import './services.ts'
import { cleanKeysTask } from '../jobs/clean-idempotency-keys.ts'
import { moduleParts } from '../module.ts'
import { auditChain } from './audit/chain-check.ts'
import { auditRoute } from './audit/export-route.ts'
import { SEAL_TASK, sealTask } from './audit/seal-entries.ts'
import { INTEGRITY_TASK, integrityTask } from './integrity/check-job.ts'
import { invitationTask } from './members/send-invitation.ts'
import { cleanExportsTask } from './tenants/clean-exports.ts'
import { exportRoute } from './tenants/export-route.ts'
import { exportTask } from './tenants/make-export.ts'

export const DESK_PARTS = moduleParts({
  loadGraphql: () => import('./graphql.ts'),
  routes: [auditRoute, exportRoute],
  tasks: ({ services, metrics }) => [
    invitationTask(services),
    cleanKeysTask,
    exportTask(services.sealer),
    cleanExportsTask,
    integrityTask(metrics, services.integrity),
    sealTask(services.sealer),
  ],
  queuedBy: {
    'invitation.mail': ['members:manage'],
    'tenant.export': ['tenant:manage'],
    'idempotency.clean': ['system'],
    'tenant.clean-exports': ['system'],
    'integrity.check': ['system'],
    'audit.seal': ['system'],
  },
  schedule: [
    { task: cleanKeysTask.name, pattern: '17 * * * *' },
    { task: SEAL_TASK, pattern: '*/5 * * * *' },
    { task: cleanExportsTask.name, pattern: '47 * * * *' },
    { task: INTEGRITY_TASK, pattern: '37 * * * *' },
  ],
  outsideChecks: (tenant, { sealer }, { auditHead }) => [auditChain(tenant, sealer, auditHead)],
})
