// A module of the product: what it adds to the rooms below it. The list of modules is modules.ts.
import type { Command } from 'commander'
import type { CommandContext } from './auth/command-context.ts'
import type { Permission } from './auth/permissions.ts'
import type { Config } from './config.ts'
import type { Clock } from './core/clock.ts'
import type { Logger } from './core/logger.ts'
import type { Sealer } from './core/seal.ts'
import type { ColumnRules } from './db/column-rules.ts'
import type { Database } from './db/database.ts'
import type { Route } from './edge/http-server.ts'
import type { Services } from './graphql/context.ts'
import type { Check } from './integrity/check.ts'
import type { OutsideCheck, OutsideOptions, VerifiedTenant } from './integrity/verify.ts'
import type { Schedule } from './jobs/schedule.ts'
import type { Task } from './jobs/task.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** Light to load: what a module is made of is loaded when it is needed. */
export type Module = {
  readonly name: string
  /** Its commands of `bulkhead`, beside the platform's own. */
  readonly commands: (cli: CommandLine) => readonly Command[]
  /** Columns that are not the same in a restored tenant, by table. */
  readonly columnRules: ColumnRules
  readonly load: () => Promise<ModuleParts>
}

/** What a command of a module works with. */
export type CommandLine = {
  /** An action that is given the configuration first, and whose failures are one line and an exit code. */
  action<Arguments extends unknown[]>(
    work: (config: Config, ...parameters: Arguments) => Promise<void>,
  ): (...parameters: Arguments) => Promise<void>
  /** Prints for a person, or as JSON. */
  report(options: { json?: boolean }, json: unknown, text: string): void
  parseSlug(text: string): string
  /** Throws NOT_FOUND for a slug that no tenant has. */
  inTenant<T>(
    config: Config,
    slug: string,
    work: (context: CommandContext, services: Services) => Promise<T>,
  ): Promise<T>
}

export type ModuleParts = {
  /** Loads its types, queries and mutations, which add themselves to the builder. */
  readonly loadGraphql: () => Promise<unknown>
  /** Its part of the services. */
  readonly openServices: (environment: ModuleEnvironment) => Partial<Services>
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
  /** After SECRETS_KEY was changed: seals a tenant's secrets anew; answers how many. */
  readonly reseal: (context: CommandContext, services: Services) => Promise<number>
  readonly development: DevelopmentParts
}

export type ModuleEnvironment = {
  readonly config: Config
  readonly sealer: Sealer
  /** Of the companion, if one runs. */
  readonly companionUrl: string | null
  /** Where this server is reached from outside; null while nobody knows. */
  readonly publicUrl: () => string | null
}

/** What the work of a job may need beside its caller. */
export type TaskServices = { readonly services: Services; readonly metrics: Metrics }

/** By the task's name: a caller needs one of these permissions to queue it. `system`: nobody's call queues it. */
export type QueuedBy = Readonly<Record<string, readonly (Permission | 'system')[]>>

/** What there is on a developer's machine, and never in production. */
export type DevelopmentParts = {
  readonly companion: Companion | null
  /** Makes the demo tenants that are not there yet. */
  readonly seed:
    | ((options: { readonly ownerUrl: string; readonly logger: Logger }) => Promise<SeedReport>)
    | null
  /** Who the development issuer offers to be. */
  readonly people: (() => Promise<readonly DemoTenantPeople[]>) | null
  /** Once the server listens. */
  readonly whenListening: ((runtime: DevelopmentRuntime, config: Config) => Promise<void>) | null
}

export type SeedReport = {
  /** Tenants that were made by this call. */
  readonly tenants: number
  /** Rows that were written by this call. */
  readonly rows: number
  /** Nothing was done: the demo tenants were there. */
  readonly skipped: boolean
}

export type DemoTenantPeople = {
  readonly slug: string
  readonly name: string
  readonly members: readonly { readonly email: string; readonly name: string; readonly role: string }[]
}

type DevelopmentRuntime = {
  readonly database: Database
  readonly services: Services
  readonly clock: Clock
  readonly logger: Logger
}

/** A process that the server runs beside itself, such as a payment provider's stand-in. */
export type Companion = {
  /** For messages: `the payment sandbox`. */
  readonly name: string
  isWanted(config: Config): boolean
  start(config: Config): Promise<RunningCompanion>
  /** The address of the one that the running server has; null: there is none. */
  find(config: Config): Promise<string | null>
  /** Starts it on what it has kept, for the time of a command; null where it has kept nothing. */
  startForCommand(config: Config): Promise<RunningCompanion | null>
}

export type RunningCompanion = {
  readonly url: string
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  stop(): Promise<void>
}

const NO_PARTS: ModuleParts = {
  loadGraphql: async () => {},
  openServices: () => ({}),
  routes: [],
  tasks: () => [],
  queuedBy: {},
  schedule: [],
  checks: [],
  outsideChecks: () => [],
  reseal: async () => 0,
  development: { companion: null, seed: null, people: null, whenListening: null },
}

export function defineModule(module: Pick<Module, 'name' | 'load'> & Partial<Module>): Module {
  return { commands: () => [], columnRules: {}, ...module }
}

export function moduleParts(parts: Partial<ModuleParts>): ModuleParts {
  return { ...NO_PARTS, ...parts }
}
