// A module of the product: what it adds to the rooms below it. The list of modules is modules.ts.
import type { Permission } from './auth/permissions.ts'
import type { Route } from './edge/http-server.ts'
import type { Services } from './graphql/context.ts'
import type { Check } from './integrity/check.ts'
import type { OutsideCheck, OutsideOptions, VerifiedTenant } from './integrity/verify.ts'
import type { Schedule } from './jobs/schedule.ts'
import type { Task } from './jobs/task.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** What the work of a job may need beside its caller. */
export type TaskServices = { readonly services: Services; readonly metrics: Metrics }

/** By the task's name: a caller needs one of these permissions to queue it. `system`: nobody's call queues it. */
export type QueuedBy = Readonly<Record<string, readonly (Permission | 'system')[]>>

export type Module = {
  readonly name: string
  /** Loads its types, queries and mutations, which add themselves to the builder. */
  readonly loadGraphql: () => Promise<unknown>
  readonly routes: readonly Route[]
  readonly tasks: (needs: TaskServices) => readonly Task[]
  /** The same as in the table app.tasks, which enforces it: the doctor compares the two. */
  readonly queuedBy: QueuedBy
  /** For each active tenant, by the clock: cron patterns, UTC. */
  readonly schedule: Schedule
  /** What `verify` proves of a tenant's rows. */
  readonly checks: readonly Check[]
  /** What `verify` proves beyond them. */
  readonly outsideChecks: (
    tenant: VerifiedTenant,
    services: Services,
    options: OutsideOptions,
  ) => readonly OutsideCheck[]
}

const NOTHING = {
  loadGraphql: async () => {},
  routes: [],
  tasks: () => [],
  queuedBy: {},
  schedule: [],
  checks: [],
  outsideChecks: () => [],
} as const satisfies Omit<Module, 'name'>

export function defineModule(parts: Pick<Module, 'name'> & Partial<Module>): Module {
  return { ...NOTHING, ...parts }
}
