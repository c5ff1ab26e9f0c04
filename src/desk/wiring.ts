// What the desk module adds to the platform.
import './services.ts'
import { cleanKeysTask } from '../jobs/clean-idempotency-keys.ts'
import { moduleWiring } from '../module.ts'
import { auditChain } from './audit/chain-check.ts'
import { auditRoute } from './audit/export-route.ts'
import { sealTask } from './audit/seal-entries.ts'
import { integrityTask } from './integrity/check-job.ts'
import { invitationTask } from './members/send-invitation.ts'
import { DESK_SCHEDULE } from './schedule.ts'
import { cleanExportsTask } from './tenants/clean-exports.ts'
import { exportRoute } from './tenants/export-route.ts'
import { exportTask } from './tenants/make-export.ts'

export const DESK_WIRING = moduleWiring({
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
  schedule: DESK_SCHEDULE,
  outsideChecks: (tenant, { sealer }, { auditHead }) => [auditChain(tenant, sealer, auditHead)],
})
