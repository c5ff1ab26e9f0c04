// The one list of modules, and what they add up to.
import { desk } from './desk/module.ts'
import type { Services } from './graphql/context.ts'
import type { Integrity } from './integrity/verify.ts'
import type { Task } from './jobs/task.ts'
import type { QueuedBy, TaskServices } from './module.ts'
import { shop } from './shop/module.ts'

export const MODULES = [desk, shop] as const

export const ROUTES = MODULES.flatMap(({ routes }) => routes)
export const SCHEDULE = MODULES.flatMap(({ schedule }) => schedule)
export const QUEUED_BY: QueuedBy = Object.assign({}, ...MODULES.map(({ queuedBy }) => queuedBy))
export const CHECKS = MODULES.flatMap(({ checks }) => checks)

/** All that runs as a job. */
export function tasksOf(needs: TaskServices): readonly Task[] {
  return MODULES.flatMap(({ tasks }) => tasks(needs))
}

/** What is proved of a tenant, with the services that are asked for it. */
export function integrityOf(services: () => Services): Integrity {
  return {
    checks: CHECKS,
    outsideChecks: (tenant, options) =>
      MODULES.flatMap(({ outsideChecks }) => outsideChecks(tenant, services(), options)),
  }
}
