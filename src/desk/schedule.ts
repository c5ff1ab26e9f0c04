// The times of the desk's jobs, which run for each active tenant. jobs/run-schedule.ts queues them.
import { cleanKeysTask } from '../jobs/clean-idempotency-keys.ts'
import type { Schedule } from '../jobs/run-schedule.ts'
import { SEAL_TASK } from './audit/seal-entries.ts'
import { INTEGRITY_TASK } from './integrity/check-job.ts'
import { cleanExportsTask } from './tenants/clean-exports.ts'

export const DESK_SCHEDULE: Schedule = [
  { task: SEAL_TASK, pattern: '*/5 * * * *' },
  { task: cleanKeysTask.name, pattern: '17 * * * *' },
  { task: INTEGRITY_TASK, pattern: '37 * * * *' },
  { task: cleanExportsTask.name, pattern: '47 * * * *' },
]
