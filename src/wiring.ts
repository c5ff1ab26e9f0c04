// Loads and merges the wiring of all modules. Slow to load.
// The schema, before the first resource.
import './db/datamodel.ts'
import type { CommandContext } from './auth/command-context.ts'
import type { Services } from './graphql/context.ts'
import type { Integrity } from './integrity/verify.ts'
import type { Task } from './jobs/task.ts'
import type { ModuleEnvironment, QueuedBy, TaskServices } from './module.ts'
import { MODULES } from './modules.ts'

const WIRINGS = await Promise.all(MODULES.map(({ load }) => load()))

export const ROUTES = WIRINGS.flatMap(({ routes }) => routes)
export const SCHEDULE = WIRINGS.flatMap(({ schedule }) => schedule)
export const QUEUED_BY: QueuedBy = Object.assign({}, ...WIRINGS.map(({ queuedBy }) => queuedBy))
export const CHECKS = WIRINGS.flatMap(({ checks }) => checks)
/** At most one module has a companion. */
export const COMPANION =
  WIRINGS.map(({ development }) => development.companion).find((one) => one !== null) ?? null
export const DEVELOPMENT = WIRINGS.map(({ development }) => development)
/** The fields of GraphiQL's first query. */
export const FIRST_FIELDS = DEVELOPMENT.flatMap(({ firstFields }) =>
  firstFields === '' ? [] : [firstFields],
)

export async function loadGraphql(): Promise<void> {
  await Promise.all(WIRINGS.map((wiring) => wiring.loadGraphql()))
}

/** The services of all modules. */
export function openServices(environment: ModuleEnvironment): Partial<Services> {
  return Object.assign({}, ...WIRINGS.map((wiring) => wiring.openServices(environment)))
}

/** The tasks of all modules. */
export function tasksOf(needs: TaskServices): readonly Task[] {
  return WIRINGS.flatMap(({ tasks }) => tasks(needs))
}

/** The integrity checks of all modules, with the services that they use. */
export function integrityOf(services: () => Services): Integrity {
  return {
    checks: CHECKS,
    outsideChecks: (tenant, options) =>
      WIRINGS.flatMap(({ outsideChecks }) => outsideChecks(tenant, services(), options)),
  }
}

/** Seals a tenant's secrets with the present key; returns how many had an older one. */
export async function reseal(context: CommandContext, services: Services): Promise<number> {
  let count = 0
  for (const wiring of WIRINGS) count += await wiring.reseal(context, services)
  return count
}
