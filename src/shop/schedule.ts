// The times of the shop's jobs, which run for each active tenant. jobs/run-schedule.ts queues them.
import type { Schedule } from '../jobs/run-schedule.ts'
import { releaseHoldsTask } from './orders/release-holds.ts'

export const SHOP_SCHEDULE: Schedule = [{ task: releaseHoldsTask.name, pattern: '*/5 * * * *' }]
